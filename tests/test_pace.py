"""Realtime: the game's clock waits for nobody. Without processes and without a real clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from arena import realtime
from arena.channel import Event
from arena.errors import InputError
from arena.game import Game, GameCard, Views
from arena.log import Line, TurnLine
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.protocol import messages as m
from arena.realtime import RealtimeMatch, match_class
from arena.record.replay import execute
from arena.session import LocalSession
from tests.record.kit import record
from tests.toys import GOOD, Lenient, Together, plan_of
from tests.workers_kit import FakeWorkers, Play, sent

SECONDS = 0.5


class Clocked(Together):
    """All seats act at once, by a clock. Action 2 is legal in the first turn only."""

    spec = msgspec.structs.replace(Lenient.spec, id="clocked", simultaneous=True, pace="realtime")

    def card(self) -> GameCard:
        return msgspec.structs.replace(super().card(), seconds=SECONDS)

    def default_action(self, seat: int) -> int:
        return 0


def fresh(**limits: Any) -> Match:
    plan = MatchPlan(index=0, block=0, lineup=(0, 1), seed=bytes(16))
    session = LocalSession(Clocked(2, {"rounds": 4}), [Views(vector=True)] * 2)
    told = Limits(**{"pace": "realtime", **limits})
    return match_class(told)(plan, session, ["a", "b"], told)


def start(**limits: Any) -> RealtimeMatch:
    match = fresh(**limits)
    assert isinstance(match, RealtimeMatch)
    match.start()
    return match


def tick(match: RealtimeMatch, **answers: int | None) -> list[TurnLine]:
    """One tick in which `a` and `b` answer, or are late (None); its turns."""
    for seat, answer in enumerate(answers.values()):
        if answer is None:
            assert match.late(seat)
        else:
            match.feed(seat, Decision(answer=answer))
    match.advance()
    return [line for line in match.take_lines() if isinstance(line, TurnLine)]


def test_a_late_seat_holds_its_last_action_and_makes_no_fault() -> None:
    match = start()
    tick(match, a=1, b=1)
    turns = tick(match, a=0, b=None)
    assert (turns[1].action, turns[1].late, turns[1].answer, turns[1].fault) == (1, True, None, None)
    assert match.last_faults == {}


def test_a_late_turn_names_its_operator_and_what_was_legal() -> None:
    match = start(max_reasks=1)
    (_, first) = tick(match, a=0, b=None)  # it has not acted yet: the default action
    assert first == TurnLine(
        tick=0, seat=1, operator="b", attempt=0, legal=(0, 1, 2), observation_hash={}, action=0, late=True
    )
    match.feed(1, Decision(answer=7))
    (_, again, late) = tick(match, a=1, b=None)
    assert (again.operator, again.fault, again.attempt, again.asked) == ("b", "unparsable", 0, 0)
    assert late == TurnLine(
        tick=1, seat=1, operator="b", attempt=1, legal=(0, 1), observation_hash={}, action=0, late=True
    )


def test_a_late_action_that_is_not_legal_any_more_becomes_the_default() -> None:
    match = start()
    tick(match, a=0, b=2)
    assert tick(match, a=0, b=None)[1].action == 0


def test_a_late_seat_is_asked_no_second_question() -> None:
    match = start()
    assert [ask.seat for ask in match.requests()] == [0, 1]
    tick(match, a=0, b=1)
    match.requests()
    tick(match, a=0, b=None)
    assert [ask.seat for ask in match.requests()] == [0]
    assert {(ask.seat, ask.tick) for ask in match.waiting} == {(0, 2), (1, 1)}


def test_its_answer_counts_for_the_tick_that_is_on_and_says_what_it_saw() -> None:
    match = start()
    tick(match, a=0, b=0)
    seen = {ask.seat: ask.observation.hashes() for ask in match.waiting}
    tick(match, a=0, b=None)
    turn = tick(match, a=0, b=1)[1]
    assert (turn.tick, turn.asked, turn.action, turn.late) == (2, 1, 1, False)
    assert turn.observation_hash == seen[1]


def test_an_answer_that_comes_while_the_game_steps_counts_for_the_next_tick() -> None:
    match = start()
    tick(match, a=0, b=0)
    match.feed(0, Decision(answer=0))
    assert match.late(1)
    match.feed(1, Decision(answer=1))
    match.advance()
    assert [ask.seat for ask in match.waiting] == [0]
    match.feed(0, Decision(answer=0))
    match.advance()
    turns = [line for line in match.take_lines() if isinstance(line, TurnLine) and line.seat == 1]
    assert [(turn.tick, turn.action, turn.late) for turn in turns] == [(1, 0, True), (2, 1, False)]


class Hasty(Clocked):
    """Its ticks are over before the arena can look."""

    def card(self) -> GameCard:
        return msgspec.structs.replace(super().card(), seconds=1e-9)


def test_answers_are_read_however_short_a_tick_is(tmp_path: Path) -> None:
    plan = plan_of(Hasty, [GOOD, GOOD], options={"rounds": 20}, views=Views(vector=True), pace="realtime")
    turns = [line for line in record(plan, tmp_path / "run").lines() if isinstance(line, TurnLine)]
    assert len(turns) == 40
    assert not [turn for turn in turns if turn.late]


def played(match: RealtimeMatch) -> list[Line]:
    """A whole match in which `b` is late every other tick."""
    lines: list[Line] = []
    for number in range(100):
        if match.outcome is not None:
            break
        match.feed(0, Decision(answer=number % 2))
        if number % 2:
            match.late(1)
        else:
            match.feed(1, Decision(answer=1 - number % 2))
        match.advance()
        lines += match.take_lines()
    return lines


def test_a_realtime_log_is_played_again_to_the_same_lines() -> None:
    lines = played(start())
    again = fresh()
    assert all(step.agrees for step in execute(again, lines))
    assert again.outcome is not None


def test_a_late_turn_in_a_lockstep_log_is_found() -> None:
    steps = list(execute(fresh(pace="lockstep"), played(start())))
    assert steps[-1].missing is not None


def test_a_changed_held_action_is_found() -> None:
    lines = played(start())
    at = next(i for i, line in enumerate(lines) if isinstance(line, TurnLine) and line.late)
    lines[at] = msgspec.structs.replace(lines[at], action=1 - lines[at].action)  # type: ignore[union-attr]
    assert not all(step.agrees for step in execute(fresh(), lines))


# --- the scheduler ----------------------------------------------------------------------------------------------------


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Play]:
    counter = iter(range(100))

    def make(script: Callable[[FakeWorkers], list[Event]] | None = None, **limits: Any) -> Play:
        plan = plan_of(Clocked, [GOOD, GOOD], options={"rounds": 6}, **{"pace": "realtime", **limits})
        return Play(monkeypatch, tmp_path / str(next(counter)), plan, script)

    return make


def slow(workers: FakeWorkers, ticks: float) -> list[Event]:
    """The first operator answers at once, the second `ticks` after it was asked."""
    first, second = workers.channels
    if events := first.pay():
        return events
    asked = workers.asked.setdefault(tuple(second.owed), workers.clock.now)  # type: ignore[attr-defined]
    if second.owed and (workers.clock.now - asked >= ticks * SECONDS or len(workers.asked) == 1):  # type: ignore[attr-defined]
        return second.pay()
    return []


def lazy(ticks: float) -> Callable[[FakeWorkers], list[Event]]:
    def script(workers: FakeWorkers) -> list[Event]:
        workers.__dict__.setdefault("asked", {})
        return slow(workers, ticks)

    return script


def test_the_clock_waits_for_nobody(timed: Callable[..., Play]) -> None:
    run = timed(lazy(2.0))
    late = [line["tick"] for line in run.lines("turn") if line.get("late")]
    assert {line["seat"] for line in run.lines("turn") if line.get("late")} == {1}
    assert late == [1, 2, 4, 5]
    assert [line["asked"] for line in run.lines("turn") if "asked" in line] == [1]


def test_a_tick_lasts_as_long_as_the_game_says_when_everybody_is_quick(timed: Callable[..., Play]) -> None:
    run = timed()
    assert run.clock.now - 100.0 == pytest.approx(5 * SECONDS)  # the first of six is waited for instead
    assert not [line for line in run.lines("turn") if line.get("late")]


def test_the_first_tick_is_waited_for(timed: Callable[..., Play]) -> None:
    begun = []

    def script(workers: FakeWorkers) -> list[Event]:
        if workers.clock.now < 150:
            workers.clock.now += 10
            return [event for event in workers.channels[0].pay()]
        begun.append(workers.clock.now)
        return workers.pay()

    run = timed(script)
    assert begun[0] >= 150
    assert [line.get("late") for line in run.lines("turn")][:2] == [None, None]


def test_what_is_still_asked_at_the_end_is_cancelled(timed: Callable[..., Play]) -> None:
    run = timed(lazy(1000.0))
    assert len(sent(run.workers.channels[1], m.Cancel)) == 1


def test_every_seat_is_told_the_pace(timed: Callable[..., Play]) -> None:
    run = timed()
    assert [message.pace for channel in run.workers.channels for message in sent(channel, m.OpenSeat)] == [
        "realtime"
    ] * 2


@pytest.mark.parametrize(
    ("game", "limits", "said"),
    [
        (Lenient(2), Limits(pace="realtime"), "lenient cannot be played in realtime: it has no clock"),
        (Clocked(2), Limits(pace="realtime", human_timeout=5.0), "--human-timeout does not go with"),
    ],
)
def test_what_cannot_be_played_so_is_refused(game: Game, limits: Limits, said: str) -> None:
    with pytest.raises(InputError, match=said):
        realtime.check(game, limits)
