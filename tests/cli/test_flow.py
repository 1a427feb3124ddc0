"""The live table says how full models are kept and what they take, where there is something to say."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from arena.cli.flow import FlowTable
from arena.operator import Usage
from arena.price import Price
from arena.questions import Load
from arena.record.times import Spent


def words(flow: FlowTable, now: float) -> list[list[str]]:
    """The cells of the table at `now`; none where there is no table."""
    table = flow.render(now)
    if table is None:
        return []
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    lines = [line for line in console.export_text().splitlines() if line.strip() and "─" not in line]
    return [[cell for cell in line.split("  ") if cell] for line in lines]


def flow_of(*names: str, **prices: Price) -> tuple[FlowTable, dict[str, Spent], dict[str, Load]]:
    spent: dict[str, Spent] = {name: Spent() for name in names}
    loads: dict[str, Load] = {name: Load() for name in names}
    flow = FlowTable({name: prices.get(name) for name in names}, spent)
    flow.loads = loads
    return flow, spent, loads


def cells(found: list[list[str]]) -> list[dict[str, str]]:
    titles = [title.strip() for title in found[0]]
    return [dict(zip(titles, (cell.strip() for cell in row), strict=True)) for row in found[1:]]


def test_nothing_is_shown_of_operators_without_tokens_and_without_a_queue() -> None:
    flow, spent, loads = flow_of("ppo", "random")
    spent["ppo"].add(0.1, None)
    loads["ppo"].in_flight = 3
    assert words(flow, 1.0) == []


def test_what_waits_is_told_as_soon_as_something_had_to_wait() -> None:
    flow, _, loads = flow_of("served", "random")
    loads["served"].queued, loads["served"].in_flight = 136, 64
    assert cells(words(flow, 1.0)) == [{"model": "served", "in flight": "64", "queued": "136", "turns/s": "-"}]
    loads["served"].queued = 0
    assert cells(words(flow, 2.0))[0]["queued"] == "0"


def test_rates_are_of_the_last_seconds() -> None:
    """What was fast a minute ago is no answer to how fast it is now."""
    flow, spent, _ = flow_of("vlm")
    words(flow, 0.0)
    for second in range(1, 61):
        for _ in range(10 if second <= 30 else 2):
            spent["vlm"].add(0.1, Usage(90, 10))
        row = cells(words(flow, float(second)))[0]
        if second == 30:
            assert (row["turns/s"], row["tokens/s"]) == ("10.0", "1,000")
    assert (row["turns/s"], row["tokens/s"]) == ("2.0", "200")


def test_tokens_cache_and_cost_are_told_of_who_has_them() -> None:
    flow, spent, _ = flow_of("dear", "free", dear=Price(10.0, 20.0, 1.0))
    spent["dear"].add(0.5, Usage(100_000, 10_000, cached=25_000, first_token=0.25, seconds=0.5))
    spent["free"].add(0.5, Usage(100, 10))
    dear, free = cells(words(flow, 1.0))
    assert (dear["first token"], dear["cached"], dear["cost"]) == ("250.0 ms", "25%", "0.97")
    assert (free["first token"], free["cached"], free["cost"]) == ("-", "-", "-")


@pytest.mark.parametrize("name", ["queued", "cached", "first token", "cost"])
def test_a_column_of_which_nobody_has_anything_is_left_out(name: str) -> None:
    flow, spent, _ = flow_of("vlm")
    spent["vlm"].add(0.5, Usage(100, 10))
    assert name not in cells(words(flow, 1.0))[0]
