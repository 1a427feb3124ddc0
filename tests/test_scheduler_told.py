"""What workers, observers and the timing file are told: of whom, of which match, and how it ended."""

from __future__ import annotations

from collections.abc import Callable

from arena.channel import Event, Received
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, Outcome, Request
from arena.plan import MatchPlan
from arena.protocol import messages as m
from tests.toys import matches_of
from tests.workers_kit import FakeWorkers, Play, once, plan, reply, sent


def test_every_seat_is_told_who_it_is_and_who_sits_there(play: Callable[..., Play]) -> None:
    run = play(plan())
    seats = {line["match"]: tuple(line["seats"]) for line in run.lines("match")}
    for slot, channel in enumerate(run.workers.channels):
        opened = sent(channel, m.OpenSeat)
        assert [message.match for message in opened] == list(range(6))
        for message in opened:
            assert message.operator == f"good{slot}" == seats[message.match][message.seat]
            assert tuple(message.seats) == seats[message.match]
            assert message.seed == run.workers.plan.operator_seed(plan_of_match(run, message.match), message.seat)


def plan_of_match(run: Play, match: int) -> MatchPlan:
    return next(one for one in matches_of(run.workers.plan) if one.index == match)


def test_every_seat_is_told_the_result_that_is_logged(play: Callable[..., Play]) -> None:
    run = play(plan())
    ends = {line["match"]: line for line in run.lines("end")}
    for channel in run.workers.channels:
        told = sent(channel, m.End)
        assert sorted(message.match for message in told) == list(range(6))
        for message in told:
            assert message.outcome.status == ends[message.match]["status"] == "terminated"
            assert list(message.outcome.returns) == ends[message.match]["returns"]
            assert message.outcome.events  # of the last tick


def test_of_a_void_try_the_other_seat_is_told_that_and_why(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        for item in workers.channels[0].owed.values():
            return [workers.channels[0].action(reply(item, error="backend", detail="server is down"))]
        return None

    run = play(plan(), once(disturb), concurrency=1)
    voided = [message.outcome for message in sent(run.workers.channels[1], m.End) if message.outcome.status == "voided"]
    assert [outcome.reason for outcome in voided] == ["backend: good0: server is down"]
    assert [outcome.returns for outcome in voided] == [()]


def test_the_timing_file_names_operator_and_seconds_of_every_answer(play: Callable[..., Play]) -> None:
    def script(workers: FakeWorkers) -> list[Event]:
        workers.clock.now += 0.25
        return workers.pay()

    run = play(plan(), script, concurrency=1)
    turns = run.lines("turn")
    times = run.timing("turn")
    assert len(times) == len(turns)
    seats = {line["match"]: line["seats"] for line in run.lines("match")}
    for line in times:
        assert line["operator"] == seats[line["match"]][line["seat"]]
        assert (line["seconds"], line["attempt"]) == (0.25, 0)
    assert [(line["tick"], line["seat"], line["operator"]) for line in times] == [
        (line["tick"], line["seat"], line["operator"]) for line in turns
    ]


def test_the_timing_file_names_the_worker_that_died_erred_or_answered_nothing_that_was_asked(
    play: Callable[..., Play],
) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        first, second = workers.channels
        for item in list(second.owed.values()):
            stray = m.Answer(id=10_000, match=3, seat=1, tick=2, decision=Decision(answer=0))
            wrong = Received(second, m.Action(session=second.session, answers=[stray]))
            error = Received(second, m.Error(code="failed", text="hm", match=999, seat=item.seat))
            return [wrong, error, first.death("exited with code 7")]
        return None

    run = play(plan(), once(disturb))
    ((dropped,), (error,), (died,)) = (run.timing(kind) for kind in ("dropped", "error", "died"))
    assert (dropped["worker"], dropped["id"], dropped["match"], dropped["tick"]) == ("good1", 10_000, 3, 2)
    assert (error["worker"], error["code"], error["text"], error["match"]) == ("good1", "failed", "hm", 999)
    assert (died["worker"], died["reason"]) == ("good0", "exited with code 7")
    for void in run.timing("void"):
        assert (void["fault"], void["attempt"]) == ("worker_died", 1)
        assert "exited with code 7" in void["reason"]
    assert run.log == play(plan()).log


def test_who_looks_on_is_shown_every_question_answer_tick_and_end(play: Callable[..., Play]) -> None:
    told: list[tuple[str, int]] = []

    class Noting(Observer):
        def started(self, match: Match) -> None:
            told.append(("started", match.plan.index))

        def asked(self, match: Match, request: Request) -> None:
            told.append(("asked", match.plan.index))

        def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
            told.append(("answered", match.plan.index))

        def ticked(self, match: Match) -> None:
            told.append(("ticked", match.plan.index))

        def ended(self, match: Match, outcome: Outcome) -> None:
            assert outcome == match.outcome
            told.append(("ended", match.plan.index))

    play(plan(matches=2), concurrency=1, observer=Noting())
    each = [("asked", 6), ("answered", 6), ("ticked", 6), ("started", 1), ("ended", 1)]
    assert {(what, match): told.count((what, match)) for what, match in told} == {
        (what, match): count for match in range(2) for what, count in each
    }
    assert [what for what, _ in told[:4]] == ["started", "asked", "answered", "ticked"]
