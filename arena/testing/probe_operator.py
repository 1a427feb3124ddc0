"""Plays matches with an operator in this process, asked in many ways that must not change its answers.

A ProbeOperator stands between the host and the operator. It is a batched operator whatever it holds, so that an
AsyncOperator is played by the same Scheduler and Match.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from arena.local_workers import LocalWorkers
from arena.log import Line, MatchLine, TurnLine, decoder
from arena.operator import (
    AsyncOperator,
    Decision,
    Factory,
    OpenSeat,
    Operator,
    Outcome,
    Request,
    WorkerContext,
    decisions,
)
from arena.plan import Entry, Plan
from arena.play import describe
from arena.plugins import resolve
from arena.record.writer import Recorder
from arena.scheduler import Scheduler

Way = Literal["together", "one by one", "backwards", "in threes", "renumbered", "after a void try", "asked again"]
FAR = 1_000_000  # added to the numbers of matches and questions when these are changed
Turns = dict[tuple[int, int, int, int], TurnLine]  # by match, seat, tick, attempt
VOID = Outcome(status="voided", reason="conformance test")


class ProbeOperator(Operator):
    """Hosts one operator of `entry`; `raised` is what it raised, `again` its answers to questions asked again."""

    def __init__(self, entry: Entry, way: Way = "together") -> None:
        self.way = way
        self.raised: Exception | None = None
        self.again: list[Decision] = []
        self._seats: dict[tuple[int, int], OpenSeat] = {}
        self._fresh: set[tuple[int, int]] = set()
        built = resolve(entry.kind.target)(WorkerContext(entry.what, dict(entry.options)))
        assert isinstance(built, (Operator, AsyncOperator)), f"the factory gives {built!r}, which is not an operator"
        self.inner: Operator | AsyncOperator = built
        self._loop = asyncio.new_event_loop() if isinstance(built, AsyncOperator) else None
        if self._loop is not None and isinstance(built, AsyncOperator):
            self._loop.run_until_complete(built.start())

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self._fresh.update((seat.match, seat.seat) for seat in seats)
        self._seats.update({(seat.match, seat.seat): seat for seat in seats})
        try:
            self._call(self.inner.open, [self._renumbered(seat) for seat in seats])
        except Exception as error:
            self.raised = self.raised or error
            raise

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        try:
            if self.way == "after a void try":
                self._void(requests)
            out: dict[int, Decision] = {}
            for group in self._groups(requests):
                out.update(zip((r.id for r in group), self._ask(group), strict=True))
            if self.way == "asked again":
                again = [
                    msgspec.structs.replace(r, attempt=1, reason="that was no move: say it again") for r in requests
                ]
                self.again += self._ask(again)
        except Exception as error:
            self.raised = self.raised or error
            raise
        return [out[request.id] for request in requests]

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        try:
            self._call(self.inner.end, match + self._shift, seat, outcome)
        except Exception as error:
            self.raised = self.raised or error
            raise

    def close(self) -> None:
        if self._loop is not None and isinstance(self.inner, AsyncOperator):
            self._loop.run_until_complete(self.inner.stop())
            self._loop.close()
        elif isinstance(self.inner, Operator):
            self.inner.close()

    def _call(self, method: Callable[..., None], *given: object) -> None:
        """Call it as the worker does: on the event loop's thread, if there is one."""

        async def call() -> None:
            method(*given)

        if self._loop is None:
            method(*given)
        else:
            self._loop.run_until_complete(call())

    @property
    def _shift(self) -> int:
        return FAR if self.way == "renumbered" else 0

    def _renumbered(self, seat: OpenSeat) -> OpenSeat:
        tokens = self.way == "asked again"  # so that it is seen how it sends them
        return msgspec.structs.replace(seat, match=seat.match + self._shift, tokens=tokens)

    def _groups(self, requests: Sequence[Request]) -> list[list[Request]]:
        asked = list(requests)
        match self.way:
            case "one by one":
                return [[request] for request in asked]
            case "backwards":
                return [asked[::-1]]
            case "in threes":
                return [asked[start : start + 3] for start in range(0, len(asked), 3)]
            case _:
                return [asked]

    def _ask(self, requests: list[Request]) -> list[Decision]:
        """Returns one Decision for each request. Raises AssertionError if the operator does not."""
        shift = self._shift
        asked = (
            [msgspec.structs.replace(r, match=r.match + shift, id=r.id + shift) for r in requests]
            if shift
            else requests
        )
        if isinstance(self.inner, Operator):
            given = decisions(asked, self.inner.act(asked))
        else:
            assert self._loop is not None
            given = self._loop.run_until_complete(_decided(self.inner, asked))
        for decision in given:
            assert type(decision) is Decision, f"act gives {decision!r}, which is not a Decision"
            answer = decision.answer
            assert type(answer) in (int, str, type(None)), (
                f"the answer {answer!r} is {type(answer)}, not int, str, None"
            )
        return given

    def _void(self, requests: Sequence[Request]) -> None:
        """Before a seat's first request: the same request in a try that is then void, and a new try."""
        for request in requests:
            where = request.match, request.seat
            if where in self._fresh:
                self._fresh.discard(where)
                self._ask([request])
                self._call(self.inner.end, *where, VOID)
                self._call(self.inner.open, [self._seats[where]])


async def _decided(operator: AsyncOperator, requests: Sequence[Request]) -> list[Decision]:
    return list(await asyncio.gather(*(operator.decide(request) for request in requests)))


def _itself(probe: ProbeOperator, context: WorkerContext) -> ProbeOperator:
    return probe


def played(plan: Plan, probes: Sequence[ProbeOperator], concurrency: int) -> Turns:
    """Every turn of every match, played with these probes: one for all seats, or one a slot.

    Raises what the operator raised.
    """
    with tempfile.TemporaryDirectory(prefix="arena-probes-") as private:
        folder = Path(private) / "run"
        factories: list[Factory] = [partial(_itself, probe) for probe in probes]
        workers = LocalWorkers(plan.pool, factories * (len(plan.pool) if len(probes) == 1 else 1))
        recorder = Recorder(folder, describe(plan))
        try:
            Scheduler(plan, workers, concurrency=concurrency, recorder=recorder).run()
            workers.poll(0)  # the last seats are released
        finally:
            recorder.close()
            for probe in probes:
                if probe.raised is not None:
                    raise probe.raised
        return turns(folder)


def turns(folder: Path) -> Turns:
    """Every turn of a run folder."""
    out: Turns = {}
    match = 0
    for line in lines(folder):
        if isinstance(line, MatchLine):
            match = line.match
        elif isinstance(line, TurnLine):
            out[match, line.seat, line.tick, line.attempt] = line
    return out


def lines(folder: Path) -> list[Line]:
    """Every line of its log."""
    return [
        decoder.decode(text) for log in sorted(folder.glob("log-*.jsonl")) for text in log.read_bytes().splitlines()
    ]


def difference(one: Turns, other: Turns) -> str:
    """The first turn that differs, in words; empty if there is none."""
    for where in sorted(one.keys() | other.keys()):
        a, b = one.get(where), other.get(where)
        if a != b:
            match, seat, tick, _ = where
            said = " and then ".join(repr(turn.answer) if turn else "nothing (it was not asked)" for turn in (a, b))
            if a and b and a.answer == b.answer:
                said = f"{a.answer!r} with other words ({a.raw or a.thought!r} and then {b.raw or b.thought!r})"
            return f"match {match}, seat {seat}, tick {tick}: it answers {said}"
    return ""
