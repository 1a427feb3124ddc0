"""As test_host.py, for operators that wait: several questions at once, cancelled at any moment."""

from __future__ import annotations

import asyncio
import random
import selectors
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import ProtocolError
from arena.host_async import FEW, AsyncHost, GatheringSelector
from arena.operator import AsyncOperator, BackendError, Decision, Outcome, Request, SpectatorUpdate
from arena.protocol import messages as m
from tests.host_kit import OUTCOME, WELCOME, open_message, request


class Waiter(AsyncOperator):
    """Each question waits for what the test does with its future."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[Decision]] = {}

    async def decide(self, request: Request) -> Decision:
        self.waiting[request.id] = asyncio.get_running_loop().create_future()
        return await self.waiting[request.id]


class Peer:
    def __init__(self, operator: AsyncOperator | None = None) -> None:
        self.operator = operator or Waiter()
        self.out: list[m.Message] = []
        self.host = AsyncHost(self.operator, "s", self.out.append)
        self.host.receive(open_message(0, 0))

    def ask(self, *ids: int, budget: float | None = None) -> None:
        self.host.receive(m.Act(requests=[request(i, budget=budget) for i in ids]))

    def answers(self) -> dict[int, m.Answer]:
        found = [a for message in self.out if isinstance(message, m.Action) for a in message.answers]
        assert max(Counter(a.id for a in found).values(), default=1) == 1
        return {a.id: a for a in found}


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def run(script: Callable[[Peer], Awaitable[None]], operator: AsyncOperator | None = None) -> Peer:
    async def main() -> Peer:
        peer = Peer(operator)
        await script(peer)
        await settle()
        return peer

    return asyncio.run(main())


def waiter(peer: Peer) -> Waiter:
    assert isinstance(peer.operator, Waiter)
    return peer.operator


def test_questions_wait_side_by_side_and_are_answered_as_they_come() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1, 2)
        await settle()
        waiter(peer).waiting[2].set_result(Decision(answer=0))
        await settle()
        assert list(peer.answers()) == [2]
        waiter(peer).waiting[1].set_result(Decision(answer=1))

    assert {i: a.decision for i, a in run(script).answers().items()} == {1: Decision(answer=1), 2: Decision(answer=0)}


def test_a_cancel_is_confirmed() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1)
        await settle()
        peer.host.receive(m.Cancel(ids=[1]))

    assert run(script).answers()[1].cancelled


def test_a_cancel_that_comes_with_its_question_is_confirmed() -> None:
    """A task that is cancelled before its first step runs no line of its code."""

    async def script(peer: Peer) -> None:
        peer.ask(1)
        peer.host.receive(m.Cancel(ids=[1]))

    assert run(script).answers()[1].cancelled


def test_a_cancel_after_the_answer_changes_nothing() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1)
        await settle()
        waiter(peer).waiting[1].set_result(Decision(answer=1))
        await settle()
        peer.host.receive(m.Cancel(ids=[1]))

    assert run(script).answers()[1].decision == Decision(answer=1)


def test_a_budget_of_nothing_is_the_fault_timeout_at_once() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1, budget=0.0)

    decision = run(script).answers()[1].decision
    assert decision is not None
    assert decision.fault == "timeout"


def test_an_operators_own_timeout_error_is_its_crash_and_not_the_clocks() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1, budget=3600.0)
        await settle()
        waiter(peer).waiting[1].set_exception(TimeoutError("my socket"))

    decision = run(script).answers()[1].decision
    assert decision is not None
    assert decision.fault == "crashed"


@pytest.mark.parametrize(("error", "kind"), [(BackendError("down"), "backend"), (KeyError("x"), None)])
def test_an_exception_costs_only_its_question(error: Exception, kind: str | None) -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1, 2)
        await settle()
        waiter(peer).waiting[1].set_exception(error)
        waiter(peer).waiting[2].set_result(Decision(answer=0))

    answers = run(script).answers()
    assert answers[2].decision == Decision(answer=0)
    assert answers[1].error == kind
    assert (answers[1].decision is None) == (kind is not None)


def test_a_decision_of_the_wrong_type_is_the_operators_crash() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1)
        await settle()
        waiter(peer).waiting[1].set_result("bet")  # type: ignore[arg-type]

    decision = run(script).answers()[1].decision
    assert decision is not None
    assert decision.fault == "crashed"


def test_a_question_for_a_seat_that_is_not_open_voids() -> None:
    async def script(peer: Peer) -> None:
        peer.host.receive(m.End(match=0, seat=0, outcome=OUTCOME))
        peer.ask(1)

    assert run(script).answers()[1].error == "backend"


def test_an_exception_at_the_end_of_a_match_still_closes_the_seat() -> None:
    class Sore(Waiter):
        def end(self, match: int, seat: int, outcome: Outcome) -> None:
            raise ValueError("I lost")

    async def script(peer: Peer) -> None:
        peer.host.receive(m.End(match=0, seat=0, outcome=OUTCOME))

    out = run(script, Sore()).out
    assert [(e.code, e.match) for e in out if isinstance(e, m.Error)] == [("failed", None)]
    assert out[-1] == m.Closed(match=0, seat=0)


def test_a_second_welcome_is_refused() -> None:
    async def script(peer: Peer) -> None:
        with pytest.raises(ProtocolError, match="second WELCOME"):
            peer.host.receive(WELCOME)

    run(script)


def test_stop_answers_what_still_waits() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1, 2)
        await settle()
        await peer.host.stop()

    assert all(answer.cancelled for answer in run(script).answers().values())


@given(st.randoms(use_true_random=False), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_every_item_is_answered_exactly_once_in_any_order_of_events(chance: random.Random, steps: int) -> None:
    asked: list[int] = []

    async def script(peer: Peer) -> None:
        for _ in range(steps):
            match chance.randrange(6):
                case 0 | 1:
                    asked.append(len(asked))
                    peer.ask(asked[-1])
                case 2 if asked:
                    peer.host.receive(m.Cancel(ids=[chance.choice(asked), -1]))
                case 3 if waiter(peer).waiting:
                    future = chance.choice(list(waiter(peer).waiting.values()))
                    if not future.done():
                        future.set_result(Decision(answer=0))
                case 4 if waiter(peer).waiting:
                    future = chance.choice(list(waiter(peer).waiting.values()))
                    if not future.done():
                        future.set_exception(KeyError("x"))
                case _:
                    await asyncio.sleep(0)
        await settle()
        peer.host.receive(m.Cancel(ids=asked))

    assert sorted(run(script).answers()) == asked


def test_a_budget_counts_from_when_the_question_is_seen() -> None:
    class Unseen(Waiter):
        def __init__(self) -> None:
            super().__init__()
            self.opened = asyncio.Event()

        async def seen(self, request: Request) -> None:
            await self.opened.wait()

    async def script(peer: Peer) -> None:
        clock = asyncio.get_running_loop()
        peer.ask(1, budget=1e-9)
        until = clock.time() + 1e-3
        while clock.time() < until:
            await asyncio.sleep(0)
        assert peer.answers() == {}  # its budget is over, but nobody has seen it
        assert isinstance(peer.operator, Unseen)
        peer.operator.opened.set()
        while not peer.answers():
            await asyncio.sleep(0)

    answered = run(script, Unseen()).answers()[1]
    assert answered.decision is not None
    assert answered.decision.fault == "timeout"


def test_what_was_shown_is_confirmed_when_it_is_shown_and_when_showing_fails() -> None:
    class Shows(Waiter):
        def __init__(self) -> None:
            super().__init__()
            self.free = asyncio.Event()

        async def watch(self, update: SpectatorUpdate) -> None:
            await self.free.wait()
            raise ZeroDivisionError("no screen")

    async def script(peer: Peer) -> None:
        peer.host.receive(m.SpectatorUpdate(match=3, tick=5, game="toy", seats=("a",)))
        await settle()
        assert not [message for message in peer.out if isinstance(message, m.Watched)]
        assert isinstance(peer.operator, Shows)
        peer.operator.free.set()

    assert run(script, Shows()).out[-1] == m.Watched(match=3, tick=5)


def test_answers_of_one_moment_go_out_in_one_message() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1, 2, 3)
        await settle()
        for i in (2, 3):
            waiter(peer).waiting[i].set_result(Decision(answer=0))
        await settle()
        waiter(peer).waiting[1].set_result(Decision(answer=0))

    out = [message for message in run(script).out if isinstance(message, m.Action)]
    assert [[a.id for a in message.answers] for message in out] == [[2, 3], [1]]


def test_an_answer_that_is_ready_goes_out_before_the_end() -> None:
    async def script(peer: Peer) -> None:
        peer.ask(1)
        await settle()
        waiter(peer).waiting[1].set_result(Decision(answer=0))
        while peer.host._tasks:  # until it is gathered
            await asyncio.sleep(0)
        await peer.host.stop()
        assert peer.answers()[1].decision == Decision(answer=0)

    run(script)


def test_events_are_gathered_where_many_wait_for_slow_answers_only() -> None:
    paused: dict[str, bool] = {}

    def play(name: str, count: int, took: float) -> None:
        selector = GatheringSelector()
        loop = asyncio.SelectorEventLoop(selector)

        async def main() -> None:
            host = AsyncHost(operator := Waiter(), "s", lambda message: None, selector)
            host.receive(open_message(0, 0))
            host.receive(m.Act(requests=[request(i) for i in range(count)]))
            await settle()
            now = loop.time()
            loop.time = lambda: now + took  # type: ignore[method-assign]
            operator.waiting[0].set_result(Decision(answer=0))
            await settle()
            paused[name] = selector.pause > 0
            selector.pause = 0.0
            await host.stop()

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    play("many slow", FEW + 1, 0.2)
    play("many quick", FEW + 1, 0.001)
    play("few slow", FEW, 0.2)
    assert paused == {"many slow": True, "many quick": False, "few slow": False}


def test_a_pause_gathers_the_events_that_come_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = socket.socketpair(), socket.socketpair()
    selector = GatheringSelector()
    for ours, _ in (one, two):
        selector.register(ours, selectors.EVENT_READ)
    monkeypatch.setattr("arena.host_async.time.sleep", lambda seconds: two[1].send(b"x"))
    selector.pause = 0.01
    one[1].send(b"x")
    assert {key.fileobj for key, _ in selector.select()} == {one[0], two[0]}
    selector.close()
    for end in (*one, *two):
        end.close()
