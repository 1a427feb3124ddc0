"""A long run takes no more memory than a short one: what is noted of each match goes to the disk."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest

from arena.analysis.audit_facts import read_facts
from arena.analysis.behaviour import behaviour
from arena.evaluate.table import GameFacts, tabulate
from arena.lineup import build_plan
from arena.log import Line, MatchLine
from arena.play import run_plan
from arena.record.reader import Run
from arena.report.reading import RunReader
from arena.spilled import MOST, Spilled

KEPT = 128
FEW, MANY = 2 * KEPT, 16 * KEPT


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("spilled") / "run"
    run_plan(build_plan("kuhn", ["scripted", "random"], seed=3, matches=2), folder)
    return Run(folder)


def repeated(run: Run, count: int) -> Iterator[list[Line]]:
    """The first match of the run so many times, each in a block of its own."""
    head, *rest = next(run.matches())
    assert isinstance(head, MatchLine)
    for block in range(count):
        yield [msgspec.structs.replace(head, match=block, block=block), *rest]


def held(act: Callable[[Iterator[list[Line]]], object], matches: Iterator[list[Line]]) -> int:
    """Bytes that are held when the last of the matches was read."""
    found = 0

    def watched() -> Iterator[list[Line]]:
        nonlocal found
        tracemalloc.start()
        yield from matches
        found = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()

    act(watched())
    return found


def read(run: Run, matches: Iterator[list[Line]]) -> None:
    RunReader(run).read(matches)


def tabulated(run: Run, matches: Iterator[list[Line]]) -> None:
    tabulate(itertools.chain.from_iterable(matches), [GameFacts("kuhn", "chips", run.operators)], mirror=False)


@pytest.mark.parametrize("of", [read, tabulated])
def test_memory_does_not_grow_with_the_matches(
    run: Run, of: Callable[[Run, Iterator[list[Line]]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.spilled.MOST", KEPT)
    of(run, repeated(run, 2))  # whatever is loaded at the first call
    few, many = (held(lambda matches: of(run, matches), repeated(run, count)) for count in (FEW, MANY))
    assert many < few + 4 * (MANY - FEW)  # bytes; a number a match would be 8


def test_all_numbers_come_back_in_their_order() -> None:
    found = Spilled("q")
    for upto in (0, 5, MOST + 3, 2 * MOST):  # also after they were looked at
        found.extend(range(len(found.values()), upto))
        assert np.array_equal(found.values(), np.arange(upto))


def test_audit_and_behaviour_read_what_was_spilled(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = read_facts(run), behaviour(run)
    monkeypatch.setattr("arena.spilled.MOST", 1)
    spilled = read_facts(run), behaviour(run)
    assert spilled[1] == kept[1]
    assert np.array_equal(spilled[0].starts, kept[0].starts)
    assert np.array_equal(spilled[0].outcomes.returns, kept[0].outcomes.returns)
