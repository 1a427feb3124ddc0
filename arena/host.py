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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import msgspec

from arena.errors import ProtocolError
from arena.operator import (
    AsyncOperator,
    Decision,
    Factory,
    OpenSeat,
    Operator,
    Request,
    SpectatorUpdate,
    WorkerContext,
    paired,
)
from arena.protocol import messages as m
from arena.replies import answer, bad_end, checked, failure, not_open, of_exception, ready, stamped, timed_out

Emit = Callable[[m.Message], None]
ARRAYS = 3  # of a Decision at most, each a frame of its own


class Host:
    """Hosts one batched Operator. Every request of every ACT is answered exactly once."""

    def __init__(self, factory: Factory, emit: Emit, lock: AbstractContextManager[object] | None = None) -> None:
        self._factory = factory
        self._emit = emit
        self._lock = lock or threading.RLock()  # held around `receive` by a pump of two threads
        self._operator: Operator | None = None
        self.session = ""
        self._calls: deque[m.Welcome | OpenSeat | m.End | m.Update] = deque()  # in order of arrival
        self._before: dict[int, list[int]] = {}  # by UPDATE: the requests that came before it
        self._most = 1  # answers of one ACTION, where each brings arrays
        self._version: str | None = None  # of the weights, after an update
        self._queue: dict[int, Request] = {}
        self._computing: dict[int, Request] = {}
        self._cancelled: set[int] = set()
        self._open: set[tuple[int, int]] = set()
        self.finished = False  # nothing is left to do: the pump sends the rest and exits
        self.failed = False
        self.asynchronous: AsyncOperator | None = None  # built, but to be run on an event loop by an AsyncHost

    def receive(self, message: m.ToWorker) -> None:
        """Take one message. ProtocolError when it is out of turn; the pump answers with ERROR."""
        match message:
            case m.Ping():
                self._emit(m.Pong(n=message.n))
            case m.Shutdown():
                self.finished = True
            case SpectatorUpdate() if self.session:  # a batched operator shows nothing to people
                self._emit(m.Watched(match=message.match, tick=message.tick))
            case m.Error():
                if not self.session:
                    self.finished = self.failed = True
            case m.Welcome():
                if self.session:
                    raise ProtocolError("a second WELCOME")
                self.session = message.session
                self._most = max(1, (message.limits.max_frames - 2) // ARRAYS)
                self._calls.append(message)
            case _ if not self.session:
                raise ProtocolError(f"{m.name_of(message)} before WELCOME")
            case m.Act():
                self._queue.update((request.id, request) for request in message.requests)
            case m.Cancel():
                self._cancel(message.ids)
            case OpenSeat() | m.End():
                self._calls.append(message)
            case m.Update():
                self._before[message.id] = list(self._queue)
                self._calls.append(message)

    @property
    def has_work(self) -> bool:
        return bool(self._calls or self._queue)

    def work(self) -> None:
        """Run everything queued: openings and endings in order, then all requests as one batch."""
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
        # A request in computation is confirmed only when the computation returns, so that a hang is noticed.
        self._cancelled.update(i for i in ids if i in self._computing)
        if gone:
            self._emit(m.Action(session=self.session, answers=[answer(r, cancelled=True) for r in gone]))

    def _call(self, message: m.Welcome | OpenSeat | m.End | m.Update) -> None:
        if isinstance(message, m.End):
            self._release(message)
            return
        if isinstance(message, m.Update):
            self._update(message)
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
        self._emit(ready(built))

    def _seat(self, message: OpenSeat) -> None:
        if self._operator is None:
            raise ProtocolError("OPEN before the operator is ready")
        self._operator.open([message])
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

    def _update(self, message: m.Update) -> None:
        """New weights, after the questions that came before them and before those that came after."""
        self._act(self._before.pop(message.id))
        try:
            if self._operator is None:
                raise ProtocolError("UPDATE before the operator is ready")
            self._operator.update(message.version, message.path)
        except Exception as error:
            if not isinstance(error, ValueError):  # by which an operator says why it does not take them
                traceback.print_exc()
            self._emit(msgspec.structs.replace(failure(error), id=message.id))
            return
        self._version = message.version
        self._emit(m.Updated(id=message.id, version=message.version))

    def _act(self, ids: Sequence[int] | None = None) -> None:
        """Decide these questions, as far as they are still wanted; by default all."""
        with self._lock:
            if ids is None:
                batch, self._queue = self._queue, {}
            else:
                batch = {i: self._queue.pop(i) for i in ids if i in self._queue}
            self._computing = {i: r for i, r in batch.items() if (r.match, r.seat) in self._open}
        closed = [not_open(r) for i, r in batch.items() if i not in self._computing]
        if closed:
            self._emit(m.Action(session=self.session, answers=closed))
        if self._computing:
            for answers in self._decide(list(self._computing.values())):
                self._say(answers)

    def _say(self, answers: Sequence[m.Answer]) -> None:
        """In one ACTION, or in several: a message has only so many frames."""
        large = any(reply.decision is not None and reply.decision.tokens is not None for reply in answers)
        most = self._most if large else max(1, len(answers))
        for start in range(0, len(answers), most):
            self._emit(m.Action(session=self.session, answers=list(answers[start : start + most])))

    def _decide(self, requests: list[Request]) -> Iterator[list[m.Answer]]:
        """The answers to all of these, in groups as they are decided."""
        assert self._operator is not None
        raised: Exception | None = None
        started = time.monotonic()
        try:
            for decided in paired(requests, self._operator.act(requests)):
                yield self._answers(decided, time.monotonic() - started)
        except Exception as error:
            traceback.print_exc()
            raised = error
        if raised is None:
            return
        for request in requests:
            if request.id in self._computing and len(requests) > 1:
                # One bad request must not affect the others: which requests share a batch is chance.
                yield from self._decide([request])
            elif request.id in self._computing:
                with self._lock:
                    del self._computing[request.id]
                    self._cancelled.discard(request.id)
                yield [of_exception(request, raised)]

    def _answers(self, decided: Sequence[tuple[Request, Decision]], took: float) -> list[m.Answer]:
        out = []
        with self._lock:  # from here on a CANCEL comes too late
            for request, decision in decided:
                del self._computing[request.id]
                if request.id in self._cancelled:
                    self._cancelled.discard(request.id)
                    out.append(answer(request, cancelled=True))
                elif request.budget is not None and took > request.budget:
                    out.append(checked(request, timed_out(request, decision)))
                else:
                    out.append(checked(request, stamped(decision, self._version)))
        return out
