"""The hooks of an operator's conformance tests, and how the tests play it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from arena import commands, plugins
from arena.errors import InputError
from arena.operator import OperatorKind
from arena.plan import Entry
from arena.plugins import resolve
from arena.testing.probe_operator import ProbeOperator, Turns, Way, difference, played
from arena.testing.seating import Bench, short


class OperatorHooks:
    """What is tested, and how much of it. Set `kind` or `name`; the rest is optional."""

    kind: ClassVar[OperatorKind | None] = None  # the description
    name: ClassVar[str] = ""  # or how it is named on the command line: random, ppo:a.zip, ./mine.py:KIND@depth=2
    games: ClassVar[tuple[str, ...]] = ()  # names of the games; empty: some of the installed ones that it accepts
    matches: ClassVar[int] = 3  # matches a game
    ticks: ClassVar[int] = 30  # most ticks of each
    faults: ClassVar[float] = 0.1  # highest share of answers that are not legal moves
    _together: ClassVar[dict[str, Turns]]

    def bench(self) -> Bench:
        """The operator and its games."""
        if self.kind is None and not self.name:
            raise NotImplementedError("set `kind` or `name` to say which operator is tested")
        return Bench(self.kind or self.name, self.games)

    def asked(self) -> Bench:
        """As bench; skips the test when the operator cannot be asked in this process."""
        bench = self.bench()
        if bench.kind.interactive:
            pytest.skip("it waits for a person")
        if bench.kind.command is not None:
            pytest.skip(f"its worker is a program of its own: `{commands.arena('check', 'worker')}` tests that")
        try:
            resolve(bench.kind.target)
        except (InputError, *plugins.BROKEN):
            pytest.skip("its factory cannot be loaded, see that property")
        if not bench.names:
            pytest.skip("it plays no installed game, see that property")
        return bench

    def steady(self) -> Bench:
        """As asked; skips if the operator does not declare that it is deterministic."""
        bench = self.asked()
        says = bench.entry(bench.names[0]).determinism
        if says != "deterministic":
            pytest.skip(f"it does not say that it decides the same every time (determinism={says!r})")
        return bench

    def play(self, bench: Bench, game: str, way: Way = "together", *, at_once: int | None = None) -> Turns:
        """All matches of a game with one new operator in every seat; `at_once` matches side by side."""
        plan = bench.plan(game, self.matches, self.ticks)
        probe = ProbeOperator(plan.pool[0], way)
        try:
            return played(plan, [probe], at_once or self.matches)
        finally:
            probe.close()

    def together(self, bench: Bench, game: str) -> Turns:
        """As play, with all matches together, for comparison with other ways. Played once for all tests."""
        made: dict[str, Turns] = vars(type(self)).get("_together") or {}
        if game not in made:
            made[game] = self.play(bench, game)
            type(self)._together = made
        return made[game]

    def same(self, bench: Bench, way: Way, *, at_once: int | None = None) -> None:
        """Assert that these turns are those of all matches asked together."""
        for game in bench.names:
            found = difference(self.together(bench, game), self.play(bench, game, way, at_once=at_once))
            assert not found, f"{short(game)}, {found}"

    def seated(self, bench: Bench, game: str) -> Entry:
        return bench.plan(game, 1, 1).pool[0]
