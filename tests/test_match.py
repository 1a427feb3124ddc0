"""Match without I/O: who is asked, what a fault costs, and what is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from arena.game import Game, Move, Observation, StepResult, Views, actions_of
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.match import Match
from arena.operator import Decision, Request, Usage
from arena.plan import Limits, MatchPlan
from arena.session import LocalSession
from tests.toys import Lenient, Together, Turns


def start(game: type[Game] = Turns, seats: int = 2, rounds: int = 2, **limits: Any) -> Match:
    plan = MatchPlan(index=7, block=3, lineup=tuple(range(seats)), seed=bytes(16))
    names = [f"op{i}" for i in range(seats)]
    session = LocalSession(game(seats, {"rounds": rounds}), [Views()] * seats)
    match = Match(plan, session, names, Limits(**limits))
    match.start()
    return match


def where(asks: list[Request]) -> list[tuple[int, int, int]]:
    return [(ask.seat, ask.tick, ask.attempt) for ask in asks]


def finish(match: Match, answer: int = 1) -> list[Line]:
    """Play on with one answer; all lines since the start."""
    while match.outcome is None:
        for ask in match.requests():
            match.feed(ask.seat, Decision(answer=answer))
        match.advance()
    return match.take_lines()


def of(lines: list[Line], kind: type) -> list[Any]:
    return [line for line in lines if isinstance(line, kind)]


def test_each_due_seat_is_asked_once_and_nobody_else() -> None:
    match = start()
    assert where(match.requests()) == [(0, 0, 0)]
    assert match.requests() == []
    match.feed(0, Decision(answer=1))
    match.advance()
    assert where(match.requests()) == [(1, 1, 0)]


def test_a_simultaneous_game_asks_all_its_seats() -> None:
    assert where(start(Together, seats=3).requests()) == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


def test_a_tick_waits_for_every_due_seat() -> None:
    match = start(Together)
    match.feed(1, Decision(answer=1))
    assert not match.ready
    with pytest.raises(RuntimeError, match=r"\[0\] have not answered"):
        match.advance()
    match.feed(0, Decision(answer=1))
    assert match.ready


def test_actions_are_applied_in_seat_order_however_they_arrive() -> None:
    class Noting(Together):
        def step(self, moves: Mapping[int, Move]) -> StepResult:
            actions = actions_of(moves)
            order.append(list(actions))
            return super().step(moves)

    order: list[list[int]] = []
    match = start(Noting, seats=3)
    for seat in (2, 0, 1):
        match.feed(seat, Decision(answer=seat % 2))
    match.advance()
    assert order == [[0, 1, 2]]
    assert [(line.seat, line.action) for line in of(match.take_lines(), TurnLine)] == [(0, 0), (1, 1), (2, 0)]


def test_a_seat_that_was_not_asked_cannot_answer() -> None:
    with pytest.raises(KeyError):
        start().feed(1, Decision(answer=0))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(2, "illegal"), ("two", "illegal"), (9, "unparsable"), ("raise", "unparsable"), (None, "unparsable")],
)
def test_a_bad_answer_is_asked_again_with_the_reason(answer: int | str | None, fault: str) -> None:
    match = start(max_reasks=1)
    for _ in range(2):  # two is legal in the first turn only
        match.requests()
        match.feed(match.tick % 2, Decision(answer=0))
        match.advance()
    match.take_lines()
    match.requests()
    match.feed(0, Decision(answer=answer, raw="I say"))
    (ask,) = match.requests()
    assert (ask.seat, ask.tick, ask.attempt) == (0, 2, 1)
    assert ask.reason
    assert not match.ready
    match.feed(0, Decision(answer="one"))
    match.advance()
    first, second = of(match.take_lines(), TurnLine)
    assert (first.attempt, first.fault, first.action, first.answer, first.raw) == (0, fault, None, answer, "I say")
    assert first.detail == ask.reason
    assert (second.attempt, second.fault, second.action) == (1, None, 1)


@pytest.mark.parametrize("fault", ["timeout", "crashed"])
def test_a_clock_or_a_crash_is_not_asked_again(fault: str) -> None:
    match = start(Lenient, max_reasks=3)
    match.requests()
    match.feed(0, Decision(fault=fault, detail="late"))  # type: ignore[arg-type]
    assert match.requests() == []
    assert match.ready


def test_a_fault_costs_the_default_action_where_the_game_says_so() -> None:
    match = start(Lenient)
    match.feed(0, Decision(answer="rubbish"))
    match.advance()
    (turn,) = of(match.take_lines(), TurnLine)
    assert (turn.action, turn.fault, turn.answer) == (0, "unparsable", "rubbish")
    assert match.last_faults == {0: "unparsable"}
    assert match.outcome is None


def test_a_fault_forfeits_where_the_game_says_so() -> None:
    match = start()
    match.feed(0, Decision(answer=99))
    match.advance()
    assert match.outcome is not None
    assert (match.outcome.status, match.outcome.returns) == ("forfeited", (-1.0, 1.0))
    assert match.outcome.reason == "seat 0 forfeits"
    (turn,) = of(match.take_lines(), TurnLine)
    assert turn.action is None


def test_of_two_who_forfeit_at_once_it_is_the_first_seat_whoever_answered_first() -> None:
    for order in ((1, 2, 0), (2, 0, 1)):
        match = start(Together, seats=3)
        for seat in order:
            match.feed(seat, Decision(answer=99 if seat else 0))
        match.advance()
        assert match.outcome is not None
        assert match.outcome.reason == "seat 1 forfeits"


def test_a_decision_with_a_fault_never_becomes_a_move() -> None:
    match = start(Lenient)
    match.feed(0, Decision(answer=1, fault="timeout"))
    match.advance()
    (turn,) = of(match.take_lines(), TurnLine)
    assert turn.action == 0  # the default, not what it said too late


@pytest.mark.parametrize("most", [1, 3])
def test_max_ticks_cuts_a_match_and_scores_what_there_is(most: int) -> None:
    match = start(rounds=50, max_ticks=most)
    lines = finish(match)
    assert match.outcome is not None
    assert (match.outcome.status, match.outcome.reason) == ("truncated", f"the limit of {most} ticks")
    assert sum(match.outcome.returns) == most
    assert len(of(lines, TickLine)) == most


def test_a_game_that_ends_at_the_last_tick_is_not_cut() -> None:
    match = start(rounds=1, max_ticks=2)
    finish(match)
    assert match.outcome is not None
    assert match.outcome.status == "terminated"


def test_a_truncation_by_the_game_says_so() -> None:
    class Short(Turns):
        def step(self, moves: Mapping[int, Move]) -> StepResult:
            result = super().step(moves)
            return StepResult.truncated(result.rewards, self.sums(), result.state_hash)

    match = start(Short)
    finish(match)
    assert match.outcome is not None
    assert (match.outcome.status, match.outcome.reason) == ("truncated", "horizon of the game")


def test_the_lines_of_a_match() -> None:
    match = start(rounds=1)
    lines = finish(match)
    assert [type(line) for line in lines] == [MatchLine, TurnLine, TickLine, TurnLine, TickLine, EndLine]
    head, end = lines[0], lines[-1]
    assert isinstance(head, MatchLine)
    assert (head.match, head.block, head.game, head.seats) == (7, 3, "turns", ("op0", "op1"))
    assert head.seed == bytes(16).hex()
    assert end == EndLine(match=7, status="terminated", ticks=2, returns=(1.0, 1.0))
    assert match.take_lines() == []


def test_seats_get_the_views_agreed_for_them_and_their_hashes_are_written() -> None:
    plan = MatchPlan(index=0, block=0, lineup=(0, 1), seed=bytes(16))
    views = [Views(text=True), Views(image=(4, 6), vector=True)]
    match = Match(plan, LocalSession(Turns(2), views), ["a", "b"], Limits())
    match.start()
    (first,) = match.requests()
    match.feed(0, Decision(answer=0))
    match.advance()
    (second,) = match.requests()
    match.feed(1, Decision(answer=0))
    match.advance()
    assert (first.observation.text, first.observation.vector) == ("turn 0", None)
    assert second.observation.image is not None
    hashes = [set(turn.observation_hash) for turn in of(match.take_lines(), TurnLine)]
    assert hashes == [{"text"}, {"image", "vector"}]


def test_what_is_seen_is_hashed_while_the_game_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    hashes = Observation.hashes
    monkeypatch.setattr(Observation, "hashes", lambda seen: [order.append("hashed"), hashes(seen)][1])

    class Elsewhere(LocalSession):
        """A session that owes every time_step, as a hosted game's."""

        def step(self, moves: Mapping[int, Move], cut: bool) -> None:  # type: ignore[override]
            order.append("sent")
            self.owed = super().step(moves, cut)

    plan = MatchPlan(index=0, block=0, lineup=(0, 1), seed=bytes(16))
    session = Elsewhere(Turns(2), [Views(text=True)] * 2)
    match = Match(plan, session, ["a", "b"], Limits())
    match.start()
    match.feed(0, Decision(answer=0))
    assert order == []
    match.advance()
    assert order == ["sent", "hashed"]
    match.take(session.owed)
    (turn,) = of(match.take_lines(), TurnLine)
    assert set(turn.observation_hash) == {"text"}


def test_a_match_whose_lines_nobody_takes_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Observation, "hashes", lambda seen: pytest.fail("hashed for nobody"))
    plan = MatchPlan(index=0, block=0, lineup=(0, 1), seed=bytes(16))
    match = Match(plan, LocalSession(Turns(2), [Views(text=True)] * 2), ["a", "b"], Limits(), logged=False)
    match.start()
    assert finish(match) == []
    assert match.outcome is not None
    assert match.head.state_hash


def test_no_more_than_the_allowed_questions_are_asked() -> None:
    match = start(max_reasks=2)
    asked = 0
    while match.outcome is None:
        asks = match.requests()
        asked += len(asks)
        for ask in asks:
            match.feed(ask.seat, Decision(answer="rubbish"))
        if match.ready:
            match.advance()
    assert asked == 3
    assert [turn.attempt for turn in of(match.take_lines(), TurnLine)] == [0, 1, 2]


def test_what_an_operator_said_stands_in_its_line() -> None:
    match = start(rounds=1)
    said = Decision(answer="one", thought="hm", raw="hm: one", usage=Usage(prompt=7, completion=3))
    match.feed(0, said)
    (line,) = (match.advance(), of(match.take_lines(), TurnLine))[1]
    assert (line.tick, line.seat, line.operator, line.attempt, line.legal) == (0, 0, "op0", 0, (0, 1, 2))
    assert (line.answer, line.thought, line.raw, line.usage) == ("one", "hm", "hm: one", Usage(prompt=7, completion=3))
    assert (line.action, line.fault, line.detail, line.late, line.asked) == (1, None, None, False, None)


@pytest.mark.parametrize("fault", ["timeout", "crashed", "backend", "illegal", "unparsable"])
def test_why_a_fault_happened_stands_in_its_line(fault: Any) -> None:
    match = start(Lenient)
    match.feed(0, Decision(answer=1, fault=fault, detail="the card was burnt"))
    (line,) = (match.advance(), of(match.take_lines(), TurnLine))[1]
    assert (line.fault, line.detail, line.action) == (fault, "the card was burnt", 0)
    # Who has no answer by their own word has none, so that re-execution comes to the same end.
    assert line.answer == (None if fault in ("illegal", "unparsable") else 1)


def test_events_are_told_at_the_start_at_each_tick_and_at_the_end() -> None:
    class Told(Turns):
        def reset(self, seed: bytes) -> StepResult:
            result = super().reset(seed)
            return StepResult.going(result.due, result.rewards, result.state_hash, ["it begins"])

    match = start(Told, rounds=1)
    assert match.last_events == ()
    match.feed(0, Decision(answer=1))
    match.advance()
    assert match.last_events == ("seat 0 says 1",)
    match.feed(1, Decision(answer=0))
    match.advance()
    lines = match.take_lines()
    assert lines[0].events == ("it begins",)  # type: ignore[union-attr]
    assert [line.events for line in of(lines, TickLine)] == [("seat 0 says 1",), ("seat 1 says 0",)]
    assert [line.rewards for line in of(lines, TickLine)] == [(1.0, 0.0), (0.0, 0.0)]
    assert match.outcome is not None
    assert match.outcome.events == ("seat 1 says 0",)
    assert match.outcome.returns == (1.0, 0.0)


def test_why_a_match_ended_stands_in_its_last_line() -> None:
    match = start()
    match.feed(0, Decision(answer=99))
    match.advance()
    end = match.take_lines()[-1]
    assert end == EndLine(match=7, status="forfeited", ticks=1, returns=(-1.0, 1.0), reason="seat 0 forfeits")


def test_before_it_began_a_match_has_a_head_and_no_faults() -> None:
    plan = MatchPlan(index=7, block=3, lineup=(0, 1), seed=bytes(16))
    match = Match(plan, LocalSession(Turns(2), [Views()] * 2), ["a", "b"], Limits())
    assert (match.head.match, match.head.seats, match.head.state_hash, match.head.events) == (7, ("a", "b"), "", ())
    assert (match.last_events, match.last_faults, match.due, match.waiting) == ((), {}, (), ())
