"""The score table of `arena play` says everything in 80 columns."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from arena.cli.runs import alike
from arena.cli.tables import score_table
from arena.evaluate.table import ScoreRow, ScoreTable
from arena.figures import NO_INTERVAL, money
from arena.operator import Usage
from arena.price import Price
from arena.record.times import Spent


def test_nothing_is_cut_at_80_columns():
    rows = [
        ScoreRow(
            operator="vlm#1", matches=600, score=-12.345, low=-13.0, high=-11.0, score_fault_free=-1.5, turns=123456
        ),
        ScoreRow(operator="vlm#2", matches=600, score=12.345, low=11.0, high=13.0, score_fault_free=1.5, turns=123456),
    ]
    rows[0].faults = {"illegal": 12345, "timeout": 23456, "unparsable": 34567}
    rows[0].unresolved = 77
    rows[0].prompt_tokens, rows[0].completion_tokens = 9876543, 1234567
    table = ScoreTable(game="g", unit="big blinds a hand", matches=600, blocks=300, distinct=300, rows=rows)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(score_table(table, {"vlm#1": Spent(10, 123.4)}, game="holdem", seed=2**31))
    out = console.export_text()
    assert max(map(len, out.splitlines())) <= 80
    for cell in ("-12.345", "-13.00..-11.00", "123456", "12.3 s", "9876543/1234567", "-1.500"):
        assert cell in out
    assert "0/0" not in out  # of whom none were counted
    for count in ("12345 illegal", "23456 timeout", "34567 unparsable", "77 unresolved"):
        assert all(word in out for word in count.split())


def test_repeats_are_told_where_the_seed_changes_nothing():
    """The effective sample size."""

    def shown(distinct, seeded):
        rows = [ScoreRow(operator="scripted", matches=50, score=1.0)]
        table = ScoreTable(game="g", unit="pixels", matches=50, blocks=50, distinct=distinct, rows=rows)
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(score_table(table, {}, game="mario:1-1", seed=1, seeded=seeded))
        return " ".join(console.export_text().split())

    assert "the seed changes nothing in this game 3 of 50 blocks went a way of their own" in shown(3, seeded=False)
    assert "1 of 50 blocks" in shown(1, seeded=True)
    assert "of their own" not in shown(50, seeded=False) + shown(31, seeded=True)


def one_row(**facts):
    return ScoreTable(
        game="g",
        unit="chips a hand",
        matches=5,
        blocks=3,
        distinct=2,
        rows=[ScoreRow(operator="vlm", score=0.5, **facts)],
    )


def shown(table, width=200):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(score_table(table, {"vlm": Spent(2, 1.0)}, game="kuhn", seed=1, planned=9))
    return console.export_text()


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_narrow_terminal_is_told_everything_in_lines(width):
    rows = [
        ScoreRow(
            operator="vlm:a/very/long/name@temperature=0.5", matches=9, score=-12.345, low=-13.0, high=-11.0, turns=1
        ),
        ScoreRow(operator="b", matches=600, score=12.345, faults={"illegal": 3}, unresolved=2, worst=1.0, best=20.0),
    ]
    rows[0].prompt_tokens = 9876543
    table = ScoreTable(
        game="g",
        unit="big blinds a hand",
        matches=600,
        blocks=300,
        distinct=300,
        returns=(-9.0, 99.0),
        returns_of="game",
        rows=rows,
    )
    out = shown(table, width)
    assert max(map(len, out.splitlines())) <= width
    words = "".join(out.split())
    for said in ("-12.345", "-13.00..-11.00", "3illegal,2unresolved", "+1.00..+20.00", "9876543/0", "0.5"):
        assert said in words, out


def test_an_interval_of_no_width_is_never_shown():
    assert "+0.50012..+0.50013" in shown(one_row(low=0.500121, high=0.500129))


def test_why_there_is_no_interval_is_said():
    assert "no interval: where all blocks have the same score" in shown(one_row())
    table = one_row()
    table.cut = 2
    out = shown(table)
    assert "no interval: it needs two whole blocks" in out
    assert "2 blocks are not whole" in out
    table.cut, table.distinct = 0, 1
    assert "no interval: all whole blocks went the same way" in shown(table)


def test_a_score_without_an_interval_is_told_from_no_score():
    def cells(table):
        return shown(table).partition("score in")[0]

    unplayed = one_row()
    unplayed.rows[0].score = None
    assert NO_INTERVAL in cells(one_row())
    assert NO_INTERVAL not in cells(unplayed)


def test_whose_bounds_they_are_is_said():
    table = one_row(unresolved=1, worst=-1.0, best=1.0)
    table.returns, table.returns_of = (-2.0, 2.0), "run"
    assert "lowest (-2) or highest (+2) return that was seen in this run" in shown(table)
    table.returns_of = "game"
    assert "return of the game" in shown(table)


def test_a_run_that_stopped_says_how_far_it_came():
    assert "kuhn · 5 of 9 matches in 3 blocks · seed 1" in shown(one_row())


def test_reasons_that_differ_in_numbers_alone_are_one_note() -> None:
    given = {"vlm#1 answered item 3 twice": 4, "vlm#2 answered item 3 twice": 1, "vlm#1 answered item 17 twice": 2}
    assert alike(given) == [
        ("vlm#1 answered item 3 twice (or other numbers)", 6),
        ("vlm#2 answered item 3 twice", 1),
    ]


def test_what_models_took_has_a_table_of_its_own_in_80_columns():
    spent = Spent()
    for _ in range(4):
        spent.add(2.0, Usage(1_000_000, 50_000, cached=900_000, first_token=0.2, seconds=1.5))
    table = one_row(prompt_tokens=4_000_000, completion_tokens=200_000)
    console = Console(width=80, record=True, file=io.StringIO())
    prices = {"vlm": Price(0.15, 0.6, 0.075)}
    console.print(score_table(table, {"vlm": spent}, game="kuhn", seed=1, prices=prices))
    out = console.export_text()
    for cell in ("200.0 ms", "1.5 s", "90%", "0.45", "cost by the prices given"):
        assert cell in out


def test_a_model_that_was_told_less_than_asked_for_has_a_note():
    out = " ".join(shown(one_row(turns=9, shortened=3, dropped=5)).split())
    assert "its context was full in 3 of 9 turns, and 5 earlier turns were not told (@history=)" in out


def test_a_table_without_models_says_nothing_of_them():
    out = shown(one_row())
    assert not any(word in out for word in ("cached", "cost", "first token", "model a turn"))


@pytest.mark.parametrize(("amount", "text"), [(0.0, "0.00"), (12.345, "12.35"), (0.5, "0.50"), (0.0000406, "0.000041")])
def test_a_small_cost_is_no_zero(amount, text):
    assert money(amount) == text
