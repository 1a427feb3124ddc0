"""Voids, deadlines and crashes: what failed is played again, and only who failed by itself is charged."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import pytest

from arena.channel import Event, Received
from arena.errors import WorkerError
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision
from arena.plan import Plan
from arena.protocol import messages as m
from arena.scheduler import GRACE
from tests.toys import GOOD, Lenient, Together, Turns, plan_of, with_game
from tests.workers_kit import FakeChannel, FakeWorkers, Play, Script, once, plan, reply, sent

# --- voids ----------------------------------------------------------------------------------------------------------


def kill_first(self_inflicted: bool) -> Callable[[FakeWorkers], list[Event] | None]:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        return [workers.channels[0].death(self_inflicted=self_inflicted)] if workers.channels[0].owed else None

    return disturb


def fail_backend(workers: FakeWorkers) -> list[Event] | None:
    channel = workers.channels[1]
    for item in channel.owed.values():
        return [channel.action(reply(item, error="backend", detail="server is down"))]
    return None


def lose_seat(workers: FakeWorkers) -> list[Event] | None:
    channel = workers.channels[1]
    for match, seat in channel.seeds:
        return [Received(channel, m.Error(code="backend", text="no memory", match=match, seat=seat))]
    return None


@pytest.mark.parametrize("concurrency", [1, 3, 6])
@pytest.mark.parametrize(
    ("disturb", "fault"),
    [
        (kill_first(self_inflicted=False), "worker_died"),
        (kill_first(self_inflicted=True), "worker_died"),
        (fail_backend, "backend"),
        (lose_seat, "backend"),
    ],
    ids=["killed", "died", "backend", "seat"],
)
def test_a_void_is_played_again_and_leaves_no_trace_in_the_log(
    play: Callable[..., Play], disturb: Callable[[FakeWorkers], list[Event] | None], fault: str, concurrency: int
) -> None:
    run = play(plan(), once(disturb, after=4), concurrency=concurrency)
    assert {void["fault"] for void in run.timing("void")} == {fault}
    assert run.log == play(plan()).log


def test_the_other_workers_of_a_void_are_told_to_stop(play: Callable[..., Play]) -> None:
    seen: list[FakeChannel] = []

    def disturb(workers: FakeWorkers) -> list[Event] | None:
        first, second = workers.channels
        if first.owed and second.owed:
            seen.append(second)
            return [first.death()]
        return None

    play(plan_of(Together, [GOOD, GOOD], matches=4), once(disturb, after=1))
    (second,) = seen
    assert len(sent(second, m.Cancel)) == 4
    assert sum(end.outcome.status == "voided" for end in sent(second, m.End)) == 4


def always(kind: str) -> Script:
    """The first worker fails whenever match 2 is on it."""

    def script(workers: FakeWorkers) -> list[Event]:
        channel = workers.channels[0]
        for item in channel.owed.values():
            if item.match == 2:
                match kind:
                    case "backend":
                        return [channel.action(reply(item, error="overloaded", detail="full"))]
                    case "killed":
                        return [channel.death("was killed by SIGKILL", self_inflicted=False)]
                    case "died":
                        return [channel.death("was killed by SIGSEGV")]
                    case "raises":
                        error = m.Error(code="failed", text="KeyError: 1", match=2, seat=item.seat)
                        return [Received(channel, error), channel.action(reply(item, error="backend"))]
                    case "hangs":
                        return workers.channels[1].pay()
        return workers.pay()

    return script


def down(workers: FakeWorkers) -> list[Event]:
    """The first worker's server fails whatever it is asked; only then do others answer."""
    channel = workers.channels[0]
    failed = [reply(item, error="backend", detail="the server is down") for item in channel.owed.values()]
    return [channel.action(*failed)] if failed else workers.pay()


@pytest.mark.parametrize("concurrency", [1, 6])
def test_a_match_that_fails_by_nobodys_doing_is_unresolved(play: Callable[..., Play], concurrency: int) -> None:
    run = play(plan(), down, concurrency=concurrency)
    assert {(end["status"], end.get("returns")) for end in run.lines("end")} == {("unresolved", None)}
    assert {end["reason"] for end in run.lines("end")} == {
        "every try failed, the last with backend: good0: the server is down"
    }
    assert [void["attempt"] for void in run.timing("void") if void["match"] == 2] == [1, 2, 3]


@pytest.mark.parametrize("concurrency", [1, 6])
@pytest.mark.parametrize(
    ("kind", "fault"),
    [("died", "crashed"), ("raises", "crashed"), ("killed", "crashed"), ("hangs", "timeout"), ("backend", "backend")],
)
def test_what_a_seat_brings_about_in_every_try_is_its_fault(
    play: Callable[..., Play], kind: str, fault: str, concurrency: int
) -> None:
    run = play(plan(), always(kind), concurrency=concurrency)
    ends = {end["match"]: end["status"] for end in run.lines("end")}
    assert ends.pop(2) == "forfeited"
    assert set(ends.values()) == {"terminated"}
    assert [turn["fault"] for turn in run.lines("turn") if "fault" in turn] == [fault]


def test_a_crashed_seat_is_not_even_opened_again(play: Callable[..., Play]) -> None:
    """A worker may die of the OPEN already."""

    def script(workers: FakeWorkers) -> list[Event]:
        channel = workers.channels[0]
        return [channel.death()] if any(match == 2 for match, _ in channel.seeds) else workers.pay()

    run = play(plan(), script)
    assert {end["match"]: end["status"] for end in run.lines("end")}[2] == "forfeited"
    assert len(run.timing("died")) == 3


def test_a_crash_costs_the_default_action_where_the_game_says_so(play: Callable[..., Play]) -> None:
    run = play(plan_of(Lenient, [GOOD, GOOD], matches=4), always("died"))
    turns = [turn for turn in run.lines("turn") if turn.get("fault") == "crashed"]
    assert [turn["action"] for turn in turns] == [0, 0]
    assert {end["status"] for end in run.lines("end")} == {"terminated"}


@pytest.mark.parametrize("kind", ["died", "killed", "hangs"])
def test_matches_that_shared_a_failing_worker_are_not_charged(play: Callable[..., Play], kind: str) -> None:
    run = play(plan(), always(kind), concurrency=6)
    calm, disturbed = play(plan()).matches(), run.matches()
    assert {i: calm[i] for i in calm if i != 2} == {i: disturbed[i] for i in disturbed if i != 2}


def test_no_more_tries_than_the_limits_say(play: Callable[..., Play]) -> None:
    run = play(plan(retries=0), always("backend"))
    assert [void["match"] for void in run.timing("void")] == [2]
    assert [end["status"] for end in run.lines("end") if end["match"] == 2] == ["unresolved"]


# --- deadlines ------------------------------------------------------------------------------------------------------


class Hang:
    """The first worker stops answering at its third question. What happens then is up to the test."""

    def __init__(self, confirm: bool) -> None:
        self.confirm = confirm
        self.asked = 0
        self.stuck: FakeChannel | None = None
        self.seated_in_doubt = 0

    def __call__(self, workers: FakeWorkers) -> list[Event]:
        first = workers.channels[0]
        if self.stuck is None and first.owed:
            self.asked += 1
            if self.asked == 3:
                self.stuck = first
        if first is not self.stuck:
            return workers.pay()
        if self.confirm and first.cancelled:
            return workers.pay()
        if first.cancelled:
            after = first.sent[next(i for i, msg in enumerate(first.sent) if isinstance(msg, m.Cancel)) :]
            self.seated_in_doubt = sum(isinstance(message, m.OpenSeat) for message in after)
        return workers.channels[1].pay()


@pytest.mark.parametrize("concurrency", [1, 6])
def test_a_cancel_that_is_confirmed_in_time_keeps_the_worker(play: Callable[..., Play], concurrency: int) -> None:
    hang = Hang(confirm=True)
    run = play(plan(deadline=30.0), hang, concurrency=concurrency)
    assert {void["fault"] for void in run.timing("void")} == {"deadline"}
    assert run.workers.killed == []
    assert len(run.workers.started) == 2
    assert run.clock.now == pytest.approx(130.0)
    assert run.log == play(plan()).log


@pytest.mark.parametrize("concurrency", [1, 6])
def test_a_cancel_that_is_not_confirmed_kills_the_worker(play: Callable[..., Play], concurrency: int) -> None:
    hang = Hang(confirm=False)
    run = play(plan(deadline=30.0), hang, concurrency=concurrency)
    assert [name for name, _ in run.workers.killed] == ["good0"]
    assert run.clock.now == pytest.approx(130.0 + GRACE)
    assert max(Counter(void["match"] for void in run.timing("void")).values()) == 1
    assert run.log == play(plan()).log


def test_a_channel_in_doubt_gets_no_match(play: Callable[..., Play]) -> None:
    hang = Hang(confirm=False)
    play(plan(deadline=30.0), hang, concurrency=2)
    assert hang.stuck is not None
    assert hang.seated_in_doubt == 0


def test_a_late_answer_after_the_cancel_is_not_applied(play: Callable[..., Play]) -> None:
    """It confirms the CANCEL: the worker is kept, the match is played again."""
    state: dict[str, m.Request] = {}

    def script(workers: FakeWorkers) -> list[Event]:
        first = workers.channels[0]
        late = state.get("late") or state.setdefault("late", next(iter(first.owed.values())))
        if late.id not in first.owed:
            return workers.pay()
        return [first.action(reply(late, decision=Decision(answer=1)))] if first.cancelled else []

    run = play(plan(matches=2, deadline=30.0), script, concurrency=1)
    assert [void["fault"] for void in run.timing("void")] == ["deadline"]
    assert run.workers.killed == []
    assert run.log == play(plan(matches=2)).log


def test_a_person_is_waited_for(play: Callable[..., Play]) -> None:
    human = dataclasses.replace(GOOD, name="human", interactive=True)
    todo = plan_of(Turns, [human, GOOD], matches=1, deadline=1.0)
    waits = {"count": 0}

    def script(workers: FakeWorkers) -> list[Event]:
        if workers.channels[0].owed:
            waits["count"] += 1
            workers.clock.now += 1e6
            if waits["count"] % 2:
                return [Received(workers.channels[0], m.Pong())]  # something else comes meanwhile
        return workers.pay()

    run = play(todo, script)
    assert run.timing("void") == []
    assert run.log == play(todo).log


# --- many matches on one worker ---------------------------------------------------------------------------------------


def shared(matches: int) -> Plan:
    """All seats of all matches on one worker."""
    todo = plan_of(Together, [GOOD, GOOD], matches=matches)
    return with_game(todo, operators=tuple(dataclasses.replace(entry, what="") for entry in todo.pool))


def acts(run: Play) -> int:
    return sum(len(sent(channel, m.Act)) for channel in run.workers.started)


@pytest.mark.parametrize("self_inflicted", [False, True])
def test_after_one_death_all_matches_are_played_again_at_full_concurrency(
    play: Callable[..., Play], self_inflicted: bool
) -> None:
    calm = play(shared(64), concurrency=64)
    run = play(shared(64), once(kill_first(self_inflicted), after=2), concurrency=64)
    assert run.log == calm.log
    assert acts(run) <= acts(calm) + 2


@pytest.mark.parametrize("culprit", [0, 21, 63])
def test_who_ends_a_shared_worker_is_found_by_halves(play: Callable[..., Play], culprit: int) -> None:
    def script(workers: FakeWorkers) -> list[Event]:
        channel = workers.channels[0]
        if any(item.match == culprit and item.seat == 1 for item in channel.owed.values()):
            return [channel.death()]
        return workers.pay()

    run = play(shared(64), script, concurrency=64)
    assert len(run.timing("died")) <= 6 + 2
    assert [(turn["seat"], turn["fault"]) for turn in run.lines("turn") if "fault" in turn] == [(1, "crashed")]
    assert [end["match"] for end in run.lines("end") if end["status"] == "forfeited"] == [culprit]


def test_one_that_cancels_what_nobody_cancelled_broke_the_protocol(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        for item in workers.channels[0].owed.values():
            return [workers.channels[0].action(reply(item, cancelled=True))]
        return None

    run = play(plan(), once(disturb))
    ((_, why),) = run.workers.killed
    assert why.startswith("broke the protocol: it cancelled request")
    assert run.log == play(plan()).log


def test_the_cause_of_a_void_is_named(play: Callable[..., Play]) -> None:
    def disturb(workers: FakeWorkers) -> list[Event] | None:
        for item in workers.channels[0].owed.values():
            return [workers.channels[0].action(reply(item, error="overloaded"))]
        return None

    run = play(plan(), once(disturb))
    assert [(void["fault"], void["reason"]) for void in run.timing("void")] == [("overloaded", "good0: overloaded")]


@pytest.mark.parametrize("kind", ["died", "hangs"])
def test_a_worker_that_answers_nothing_any_more_ends_the_run(play: Callable[..., Play], kind: str) -> None:
    """After so many matches in a row, and a dry turn that it did not answer either."""
    state = {"answers": 0}

    def script(workers: FakeWorkers) -> list[Event]:
        first, second = workers.channels
        if first.owed and state["answers"] >= 5:
            return [first.death("exited with code 3")] if kind == "died" else second.pay()
        state["answers"] += bool(first.owed)
        return workers.pay()

    with pytest.raises(WorkerError, match="operator good0 failed by itself in 3 matches in a row"):
        play(plan(matches=100, max_failures=3), script, concurrency=1)


# --- dry turns --------------------------------------------------------------------------------------------------------


def test_a_dry_turn_changes_nothing_and_is_not_logged(play: Callable[..., Play]) -> None:
    run = play(plan(), dry_turn=True)
    assert run.log == play(plan()).log
    assert not [line for line in run.timing("turn") if line["match"] > 5]
    for channel in run.workers.channels:
        assert sum(act.requests[0].match > 5 for act in sent(channel, m.Act)) == 1
        assert not channel.seeds  # its seat was released


def test_a_person_has_no_dry_turn(play: Callable[..., Play]) -> None:
    human = dataclasses.replace(GOOD, name="human", interactive=True)
    run = play(plan_of(Turns, [human, GOOD], matches=1), dry_turn=True)
    person, other = run.workers.channels
    assert len(sent(other, m.OpenSeat)) - len(sent(person, m.OpenSeat)) == 1


def test_one_sample_that_is_answered_is_enough(play: Callable[..., Play]) -> None:
    """A worker that dies at its worst card may meet it in the first sample."""
    run = play(plan(), once(kill_first(self_inflicted=True), after=1), dry_turn=True)
    assert run.log == play(plan()).log


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (lambda c, i: c.action(reply(i, error="backend", detail="no template")), "operator good0 cannot play turns: "),
        (lambda c, i: c.action(reply(i, decision=Decision(fault="crashed", detail="KeyError: 1"))), "KeyError: 1"),
        (lambda c, i: c.death("exited with code 7"), "good0 exited with code 7. It was asked for its move in 3 sample"),
    ],
    ids=["backend", "raises", "dies"],
)
def test_an_operator_that_answers_no_sample_ends_the_run_before_it_begins(
    play: Callable[..., Play], how: Callable[[FakeChannel, m.Request], Event], error: str
) -> None:
    def script(workers: FakeWorkers) -> list[Event]:
        first, second = workers.channels
        return [how(first, item) for item in list(first.owed.values())[:1]] + second.pay()

    started: list[int] = []

    class Started(Observer):
        def started(self, match: Match) -> None:
            started.append(match.plan.index)

    with pytest.raises(WorkerError, match=error):
        play(plan(), script, dry_turn=True, observer=Started())
    assert started == []
