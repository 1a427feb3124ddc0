"""The worker's pump over a real socket, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
import zmq

from arena.host import Host
from arena.operator import AsyncOperator, Decision, OpenSeat, Operator, Request, WorkerContext
from arena.protocol import codec
from arena.protocol import messages as m
from arena_workers.host import Pump
from tests.host_kit import WELCOME, open_message, request

LONGEST = 60_000  # milliseconds that a broken pump is waited for


class Arena:
    """The arena's end: a ROUTER, and the pump under test in a thread."""

    def __init__(self, build: Callable[[], Operator | AsyncOperator]) -> None:
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.setsockopt(zmq.LINGER, 0)
        self.router.setsockopt(zmq.RCVTIMEO, LONGEST)
        self.router.bind("inproc://arena")
        self.build = build
        self.told: WorkerContext
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()
        assert isinstance(self.next(), m.Pong)  # the pump is there

    def _work(self) -> None:
        socket = self.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.ROUTING_ID, b"w")
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect("inproc://arena")
        socket.send_multipart(codec.encode(m.Pong()))
        Pump(socket, lambda emit, lock: Host(self._build, emit, lock)).run()
        socket.close()

    def _build(self, context: WorkerContext) -> Operator | AsyncOperator:
        self.told = context
        return self.build()

    def tell(self, message: m.Message) -> None:
        self.router.send_multipart([b"w", *codec.encode(message)])

    def ask(self, i: int) -> None:
        self.tell(m.Act(requests=[request(i)]))

    def next(self) -> m.ToArena:
        _, *frames = self.router.recv_multipart()
        return codec.decode_to_arena(frames)

    def until(self, wanted: type[m.Message]) -> m.ToArena:
        while not isinstance(message := self.next(), wanted):
            pass
        return message

    def answers(self, count: int) -> dict[int, m.Answer]:
        out: dict[int, m.Answer] = {}
        while len(out) < count:
            action = self.until(m.Action)
            assert isinstance(action, m.Action)
            out.update({a.id: a for a in action.answers})
        return out

    def close(self) -> None:
        self.tell(m.Shutdown())
        self.thread.join(LONGEST / 1000)
        assert not self.thread.is_alive()
        self.router.close()
        self.context.term()


class Slow(Operator):
    """Computes until it is let go."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        self.began.set()
        assert self.go.wait(LONGEST / 1000)
        return [Decision(answer=r.id) for r in requests]


@pytest.fixture
def operator() -> Slow:
    return Slow()


@pytest.fixture
def slow(operator: Slow) -> Iterator[Arena]:
    arena = Arena(lambda: operator)
    arena.tell(WELCOME)
    arena.tell(open_message(0, 0))
    arena.until(m.Opened)
    yield arena
    operator.go.set()
    arena.close()


def test_what_arrives_meanwhile_is_answered_without_another_message(slow: Arena, operator: Slow) -> None:
    slow.ask(1)
    assert operator.began.wait(LONGEST / 1000)
    slow.ask(2)
    slow.tell(m.Ping(n=1))
    assert slow.until(m.Pong) == m.Pong(n=1)  # so the second thread has taken question 2
    operator.go.set()
    assert sorted(slow.answers(2)) == [1, 2]


def test_a_cancel_is_taken_while_the_operator_computes(slow: Arena, operator: Slow) -> None:
    slow.ask(1)
    assert operator.began.wait(LONGEST / 1000)
    slow.ask(2)
    slow.tell(m.Cancel(ids=[1, 2]))
    assert slow.answers(1)[2].cancelled
    operator.go.set()
    assert slow.answers(1)[1].cancelled


def test_what_a_worker_cannot_take_is_answered_with_the_error_that_the_protocol_names(slow: Arena) -> None:
    for frames, code in (
        ([codec.MAGIC, b"\x81\xa4type\xa6rewind"], "unknown_message"),
        ([codec.MAGIC, b"\xc1"], "malformed"),
        (codec.encode(WELCOME), "unexpected"),  # a second one
    ):
        slow.router.send_multipart([b"w", *frames])
        error = slow.until(m.Error)
        assert isinstance(error, m.Error)
        assert error.code == code


class OneByOne(Slow):
    """Decides one request at once, and the others when it is let go."""

    def act(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Decision]]:  # type: ignore[override]
        yield requests[0], Decision(answer=requests[0].id)
        yield from zip(requests[1:], super().act(requests[1:]), strict=True)


def test_between_two_decisions_the_first_is_sent_and_messages_are_answered() -> None:
    operator = OneByOne()
    arena = Arena(lambda: operator)
    arena.tell(WELCOME)
    arena.tell(open_message(0, 0))
    arena.until(m.Opened)
    arena.tell(m.Act(requests=[request(i) for i in (1, 2, 3)]))
    assert list(arena.answers(1)) == [1]
    arena.tell(m.Cancel(ids=[1, 3]))  # of 1 it comes too late
    arena.tell(m.Ping(n=1))
    assert arena.until(m.Pong) == m.Pong(n=1)
    operator.go.set()
    rest = arena.answers(2)
    assert [rest[i].cancelled for i in (2, 3)] == [False, True]
    arena.close()


class Talker(AsyncOperator):
    """Tells its status from wherever it is."""

    def __init__(self) -> None:
        self.arena: Arena

    async def start(self) -> None:
        self.arena.told.status("started", address="http://127.0.0.1:1/")

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self.arena.told.status("opened")

    async def decide(self, request: Request) -> Decision:
        told = threading.Thread(target=self.arena.told.status, args=("from a thread",))
        told.start()
        told.join()
        self.arena.told.status("deciding")
        return Decision(answer=request.id)


def test_an_async_operator_may_report_its_status_at_any_time() -> None:
    operator = Talker()
    operator.arena = arena = Arena(lambda: operator)
    arena.tell(WELCOME)
    texts = []
    while (status := arena.until(m.Status)) != m.Status(state="ready"):
        texts.append(status)
    assert texts == [m.Status(state="loading", text="started", address="http://127.0.0.1:1/")]
    for i in range(20):
        # Each pair arrives while the operator itself sends: a send that bypasses the reader's socket swallows events.
        arena.tell(open_message(i, 0))
        arena.tell(m.Act(requests=[request(i, match=i)]))
        assert arena.answers(1)[i].decision == Decision(answer=i)
    arena.close()


def test_a_shutdown_that_comes_while_an_async_operator_is_built_ends_the_worker() -> None:
    began, go = threading.Event(), threading.Event()

    class Late(AsyncOperator):
        def __init__(self) -> None:
            began.set()
            assert go.wait(LONGEST / 1000)

        async def decide(self, request: Request) -> Decision:
            return Decision()

    arena = Arena(Late)
    arena.tell(WELCOME)
    assert began.wait(LONGEST / 1000)
    arena.tell(m.Shutdown())
    arena.tell(m.Ping(n=3))
    arena.until(m.Pong)  # so the second thread has taken both
    go.set()
    assert isinstance(arena.until(m.Bye), m.Bye)
    arena.thread.join(LONGEST / 1000)
    assert not arena.thread.is_alive()
