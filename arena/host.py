"""The worker's side of the protocol, without I/O: messages in, messages out, one operator hosted.

`receive` is quick and answers PING and CANCEL at once; `work` runs what was queued on the operator and may take
long. A pump (arena_workers/host.py over ZeroMQ, LocalChannel in process) may call `receive` on another thread while
`work` runs, holding the lock that it gave to the host.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from arena.errors import InputError, ProtocolError
from arena.operator import (
    AsyncOperator,
    BackendError,
    Decision,
    Factory,
    OpenSeat,
    Operator,
    OverloadedError,
    Request,
    WorkerContext,
)
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.conduct import flaw

Emit = Callable[[m.Message], None]


def answer(request: Request, **outcome: object) -> m.Answer:
    """The reply to `request`, echoing where it belongs."""
    return m.Answer(
        id=request.id,
        match=request.match,
        seat=request.seat,
        tick=request.tick,
        attempt=request.attempt,
        **outcome,  # type: ignore[arg-type]
    )


def of_exception(request: Request, error: BaseException) -> m.Answer:
    """What an operator's exception means for one request: its service failed, or it crashed by itself."""
    if isinstance(error, OverloadedError):
        return answer(request, error="overloaded", detail=str(error))
    if isinstance(error, BackendError):
        return answer(request, error="backend", detail=str(error))
    return answer(request, decision=Decision(fault="crashed", detail=f"{type(error).__name__}: {error}"))


def checked(request: Request, decision: object) -> m.Answer:
    """The reply that carries `decision`; one of the wrong type is the operator's own crash, not the connection's."""
    if type(decision) is Decision and type(decision.answer) in (int, str, type(None)):
        wrong = flaw(decision)
        return answer(request, decision=decision) if wrong is None else of_exception(request, ValueError(wrong))
    if isinstance(decision, Decision):
        kind = type(decision.answer)
        found = f"an answer of type {kind.__module__}.{kind.__qualname__}; it must be int, str or None"
    else:
        found = f"a {type(decision).__name__} where a Decision is due"
    return of_exception(request, TypeError(found))


def sendable(message: m.Message, error: Exception) -> m.Message:
    """What can be sent of an ACTION that did not encode: each answer that does not becomes its operator's crash."""
    if not isinstance(message, m.Action):
        raise error
    out = []
    for reply in message.answers:
        try:
            codec.encode(m.Action(session="", answers=[reply]))
        except codec.UNSENDABLE as why:
            fault = Decision(fault="crashed", detail=f"{type(why).__name__}: {why}")
            reply = m.Answer(
                id=reply.id, match=reply.match, seat=reply.seat, tick=reply.tick, attempt=reply.attempt, decision=fault
            )
        out.append(reply)
    return m.Action(session=message.session, answers=out)


class Host:
    """Hosts one batched Operator. Every item of every ACT is answered exactly once."""

    def __init__(self, factory: Factory, emit: Emit, lock: AbstractContextManager[object] | None = None) -> None:
        self._factory = factory
        self._emit = emit
        self._lock = lock or threading.RLock()  # held around `receive` by a pump of two threads
        self._operator: Operator | None = None
        self.session = ""
        self._calls: deque[m.Welcome | m.Open | m.End] = deque()  # in order of arrival
        self._queue: dict[int, Request] = {}
        self._computing: dict[int, Request] = {}
        self._cancelled: set[int] = set()
        self._open: set[tuple[int, int]] = set()
        self.finished = False  # nothing more will be done: the pump sends what is left and exits
        self.failed = False
        self.asynchronous: AsyncOperator | None = None  # built, but to be run on an event loop by an AsyncHost

    def receive(self, message: m.ToWorker, buffers: codec.Frames) -> None:
        """Take one message. ProtocolError when it is out of turn; the pump answers with ERROR."""
        match message:
            case m.Ping():
                self._emit(m.Pong(n=message.n))
            case m.Shutdown():
                self.finished = True
            case m.Watch() if self.session:  # a batched operator has nobody who looks on
                self._emit(m.Watched(match=message.match, tick=message.tick))
            case m.Error():
                if not self.session:
                    self.finished = self.failed = True
            case m.Welcome():
                if self.session:
                    raise ProtocolError("a second WELCOME")
                self.session = message.session
                self._calls.append(message)
            case _ if not self.session:
                raise ProtocolError(f"{type(message).__name__} before WELCOME")
            case m.Act():
                for request in codec.requests_of(message, buffers):
                    self._queue[request.id] = request
            case m.Cancel():
                self._cancel(message.ids)
            case m.Open() | m.End():
                self._calls.append(message)

    @property
    def has_work(self) -> bool:
        return bool(self._calls or self._queue)

    def work(self) -> None:
        """Run everything queued: openings and endings in order, then all questions as one batch."""
        while self._calls and not self.finished:
            self._call(self._calls.popleft())
        if self._queue and not self.finished:
            self._act()

    def close(self, reason: str = "") -> None:
        """Release the operator and say goodbye."""
        try:
            if self._operator is not None:
                self._operator.close()
        finally:
            self._emit(m.Bye(reason=reason))

    def _cancel(self, ids: Sequence[int]) -> None:
        gone = [self._queue.pop(i) for i in ids if i in self._queue]
        # An item that is being computed is confirmed when the computation returns: a hang must not look alive.
        self._cancelled.update(i for i in ids if i in self._computing)
        if gone:
            self._emit(m.Action(session=self.session, answers=[answer(r, cancelled=True) for r in gone]))

    def _call(self, message: m.Welcome | m.Open | m.End) -> None:
        if isinstance(message, m.End):
            self._release(message)
            return
        try:
            if isinstance(message, m.Welcome):
                self._build(message)
            else:
                self._seat(message)
        except Exception as error:
            traceback.print_exc()
            if isinstance(message, m.Welcome):
                self._emit(failure(error))
                self.finished = self.failed = True
            else:
                self._emit(failure(error, message.match, message.seat))

    def _build(self, message: m.Welcome) -> None:
        def status(text: str, address: str | None = None) -> None:
            self._emit(m.Status(state="loading", text=text, address=address))

        built = self._factory(WorkerContext(message.what, message.options, status, message.operators))
        if isinstance(built, AsyncOperator):
            self.asynchronous = built
            return
        self._operator = built
        self._emit(m.Status(state="ready", max_in_flight=built.max_in_flight))

    def _seat(self, message: m.Open) -> None:
        if self._operator is None:
            raise ProtocolError("OPEN before the operator is ready")
        self._operator.open([open_seat(message)])
        self._open.add((message.match, message.seat))
        self._emit(m.Opened(match=message.match, seat=message.seat))

    def _release(self, message: m.End) -> None:
        if (message.match, message.seat) in self._open and self._operator is not None:
            self._open.discard((message.match, message.seat))
            try:
                self._operator.end(message.match, message.seat, message.outcome)
            except Exception as error:
                traceback.print_exc()
                self._emit(bad_end(error, message))
        self._emit(m.Closed(match=message.match, seat=message.seat))

    def _act(self) -> None:
        with self._lock:
            batch, self._queue = self._queue, {}
            self._computing = {i: r for i, r in batch.items() if (r.match, r.seat) in self._open}
        answers = [
            answer(r, error="backend", detail=f"seat {r.seat} of match {r.match} is not open")
            for i, r in batch.items()
            if i not in self._computing
        ]
        if self._computing:
            answers += self._decide(list(self._computing.values()))
        with self._lock:
            self._computing = {}
            self._cancelled.clear()
        self._emit(m.Action(session=self.session, answers=answers))

    def _decide(self, requests: list[Request]) -> list[m.Answer]:
        assert self._operator is not None
        started = time.monotonic()
        try:
            decisions = self._operator.act(requests)
            if len(decisions) != len(requests):
                raise ValueError(f"{len(decisions)} decisions for {len(requests)} requests")
        except Exception as error:
            traceback.print_exc()
            if len(requests) > 1:
                # One bad request must not cost its neighbours: who shares a batch is chance.
                return [reply for request in requests for reply in self._decide([request])]
            return [of_exception(r, error) for r in requests]
        took = time.monotonic() - started
        out = []
        for request, decision in zip(requests, decisions, strict=True):
            if request.id in self._cancelled:
                out.append(answer(request, cancelled=True))
            elif request.budget is not None and took > request.budget:
                out.append(answer(request, decision=timed_out(request)))
            else:
                out.append(checked(request, decision))
        return out


def failure(error: Exception, match: int | None = None, seat: int | None = None) -> m.Error:
    """The ERROR for a plugin's exception: its own words where it refuses, else the exception's name too."""
    if isinstance(error, BackendError):
        return m.Error(code="backend", text=str(error), match=match, seat=seat)
    if isinstance(error, (ValueError, InputError)):
        return m.Error(code="refused", text=str(error), match=match, seat=seat)
    return m.Error(code="failed", text=f"{type(error).__name__}: {error}", match=match, seat=seat)


def bad_end(error: Exception, message: m.End) -> m.Error:
    """The ERROR of an operator that raised when its seat was released: the match is over, so it names none."""
    where = f"at the end of match {message.match}, seat {message.seat}"
    return m.Error(code="failed", text=f"{where}: {type(error).__name__}: {error}")


def open_seat(message: m.Open) -> OpenSeat:
    """The operator's view of an OPEN."""
    return OpenSeat(
        match=message.match,
        seat=message.seat,
        operator=message.operator,
        card=message.card,
        views=message.views,
        seed=message.seed,
        seats=message.seats,
        pace=message.pace,
    )


def timed_out(request: Request) -> Decision:
    """The fault of an operator whose own clock ran out."""
    return Decision(fault="timeout", detail=f"no answer within {request.budget:g} s")
