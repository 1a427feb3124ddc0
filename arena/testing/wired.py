"""Conformance of an operator in a worker process of its own, which is how it is played."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from arena.errors import ArenaError
from arena.log import EndLine
from arena.play import run_plan
from arena.testing.operator_hooks import OperatorHooks
from arena.testing.probe_operator import Turns, difference, lines, turns
from arena.testing.seating import Bench, short

LAST = 12  # lines of what the worker printed


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run with real workers has left."""

    ends: tuple[EndLine, ...]
    turns: Turns
    printed: str


class Wired(OperatorHooks):
    """How it does behind the protocol."""

    _whole: ClassVar[dict[str, Ran]]

    def test_it_plays_in_a_worker_of_its_own(self) -> None:
        """It plays in a worker process of its own.

        Repair: see what the worker printed. It runs `python -P`, so it finds what is installed and the file that
        `target` names, but no neighbours of that file.
        """
        bench = self._alone()
        for game in bench.names[:1]:
            ran = self._ran(bench, game)
            lost = [line for line in ran.ends if line.status == "unresolved"]
            crashed = [turn for turn in ran.turns.values() if turn.fault in ("crashed", "timeout")]
            assert not lost, f"{short(game)}: match {lost[0].match} stays unresolved. {ran.printed}"
            assert not crashed, f"{short(game)}: {crashed[0].fault}: {crashed[0].detail}. {ran.printed}"
            assert len(ran.ends) == self.matches

    def test_the_log_is_the_same_at_any_concurrency(self) -> None:
        """The log is the same at any concurrency.

        Repair: first repair what fails above about batching; a worker gets the questions of many matches together.
        """
        bench = self._alone()
        if bench.entry(bench.names[0]).determinism != "deterministic":
            pytest.skip("it does not say that it decides the same every time")
        for game in bench.names[:1]:
            with run(bench, game, self.matches, self.ticks, 1) as folder:
                one_by_one = turns(folder)
            told = difference(one_by_one, self._ran(bench, game).turns)
            assert not told, f"{short(game)}, one match at a time and {self.matches} at once, {told}"

    def _ran(self, bench: Bench, game: str) -> Ran:
        """All matches at once. Played once for both tests: a worker that loads a model takes its time."""
        made: dict[str, Ran] = vars(type(self)).get("_whole") or {}
        if game not in made:
            with run(bench, game, self.matches, self.ticks, self.matches) as folder:
                ends = tuple(line for line in lines(folder) if isinstance(line, EndLine))
                made[game] = Ran(ends, turns(folder), printed(folder))
            type(self)._whole = made
        return made[game]

    def _alone(self) -> Bench:
        bench = self.bench()
        if bench.kind.interactive:
            pytest.skip("it waits for a person")
        if not bench.names:
            pytest.skip("it plays no installed game, see that property")
        return bench


@contextmanager
def run(bench: Bench, game: str, matches: int, ticks: int, concurrency: int) -> Iterator[Path]:
    """The folder of a run with real workers. AssertionError with what they printed when it cannot be played."""
    with tempfile.TemporaryDirectory(prefix="arena-wired-") as private:
        folder = Path(private) / "run"
        try:
            run_plan(bench.plan(game, matches, ticks), folder, concurrency=concurrency)
        except ArenaError as error:
            told = re.sub(r" Its log: \S+", "", str(error))  # a folder that is removed at once
            pytest.fail(f"{short(game)}: {told} {printed(folder)}", pytrace=False)
        yield folder


def printed(folder: Path) -> str:
    """The last lines that the workers printed."""
    said = [
        line
        for log in sorted(folder.glob("workers/*.log"))
        for line in log.read_text(errors="replace", encoding="utf-8").splitlines()
    ]
    return "The worker printed:\n" + "\n".join(said[-LAST:]) if said else "The worker printed nothing."
