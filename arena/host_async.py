"""As arena/host.py, for an AsyncOperator: everything runs on one event loop, each request in its own task."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import selectors
import threading
import time
import traceback
from collections.abc import Callable, Sequence

import msgspec

from arena.errors import ProtocolError
from arena.host import Emit
from arena.operator import AsyncOperator, OpenSeat, Request, SpectatorUpdate
from arena.protocol import messages as m
from arena.replies import answer, bad_end, checked, failure, not_open, of_exception, ready, stamped, timed_out

FEW = 8  # requests that wait: with fewer, every event is handled at once
SHARE, SHORTEST, LONGEST = 0.04, 0.001, 0.01  # of the time that an answer took; in seconds: so long events are gathered
MOST = 16  # answers that go out together


class GatheringSelector(selectors.DefaultSelector):
    """Wakes its event loop once for the events of a few milliseconds.

    A wake costs about as much as the work that it brings: the loop's thread, then the scheduler, then the loop again.
    """

    pause = 0.0  # seconds that the first event waits for others

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As select of its base."""
        ready = super().select(timeout)
        if ready and self.pause and timeout != 0:  # with 0 the loop has other things to do
            time.sleep(self.pause)
            ready = super().select(0)
        return ready


class AsyncHost:
    """Hosts one AsyncOperator that is already built; `receive` and `emit` run on the loop's thread.

    Where many requests wait, and their answers take long, the loop's `selector` gathers events.
    """

    def __init__(
        self, operator: AsyncOperator, session: str, emit: Emit, selector: GatheringSelector | None = None
    ) -> None:
        self._operator = operator
        self._session = session
        self._emit = emit
        self._tasks: dict[int, asyncio.Task[m.Answer]] = {}
        self._selector = selector
        self._gathered: list[m.Answer] = []  # not sent yet
        self._beside: set[asyncio.Task[None]] = set()  # tasks besides the answers: watching, updating
        self._updating = asyncio.Lock()
        self._version: str | None = None  # of the weights, once they were updated
        self._open: set[tuple[int, int]] = set()
        self.finished = False
        self._complete = False  # SHUTDOWN.complete

    async def start(self) -> None:
        await self._operator.start()
        self._emit(ready(self._operator))

    async def stop(self) -> None:
        self._send()
        if not self.finished:  # an operator ended the loop: the worker dies, and nobody cancelled what it was asked
            self._emit = lambda message: None
        await asyncio.sleep(0)  # so that what was received last has begun
        tasks = [*self._tasks.values(), *self._beside]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._send()
        await self._operator.stop(self._complete)

    def receive(self, message: m.ToWorker) -> None:
        """Take one message. ProtocolError when it is out of turn."""
        match message:
            case m.Ping():
                self._emit(m.Pong(n=message.n))
            case m.Shutdown():
                self.finished, self._complete = True, message.complete
            case m.Error():
                pass
            case m.Welcome():
                raise ProtocolError("a second WELCOME")
            case OpenSeat():
                self._seat(message)
            case m.End():
                self._release(message)
            case SpectatorUpdate():
                watching = asyncio.ensure_future(self._watch(message))
                self._beside.add(watching)
                watching.add_done_callback(self._beside.discard)
            case m.Update():
                updating = asyncio.ensure_future(self._update(message))
                self._beside.add(updating)
                updating.add_done_callback(self._beside.discard)
            case m.Act():
                now = asyncio.get_running_loop().time()
                for request in message.requests:
                    task = asyncio.ensure_future(self._answer(request))
                    self._tasks[request.id] = task
                    task.add_done_callback(functools.partial(self._reply, request, now))
            case m.Cancel():
                for i in message.ids:
                    if i in self._tasks:
                        self._tasks[i].cancel()

    def _seat(self, message: OpenSeat) -> None:
        try:
            self._operator.open([message])
        except Exception as error:
            traceback.print_exc()
            self._emit(failure(error, message.match, message.seat))
            return
        self._open.add((message.match, message.seat))
        self._emit(m.Opened(match=message.match, seat=message.seat))

    async def _watch(self, update: SpectatorUpdate) -> None:
        try:
            await self._operator.watch(update)
        except Exception:
            traceback.print_exc()  # the next update may work
        self._emit(m.Watched(match=update.match, tick=update.tick))

    async def _update(self, message: m.Update) -> None:
        async with self._updating:
            try:
                await self._operator.update(message.version, message.path)
            except Exception as error:
                if not isinstance(error, ValueError):  # by which an operator says why it does not take them
                    traceback.print_exc()
                self._emit(msgspec.structs.replace(failure(error), id=message.id))
                return
            self._version = message.version
            self._emit(m.Updated(id=message.id, version=message.version))

    def _release(self, message: m.End) -> None:
        if (message.match, message.seat) in self._open:
            self._open.discard((message.match, message.seat))
            try:
                self._operator.end(message.match, message.seat, message.outcome)
            except Exception as error:
                traceback.print_exc()
                self._emit(bad_end(error, message))
        self._emit(m.Closed(match=message.match, seat=message.seat))

    def _reply(self, request: Request, asked: float, task: asyncio.Task[m.Answer]) -> None:
        """Sends the reply of a task, with others of the same moment.

        It is called once for each task, even one cancelled before its first step.
        """
        self._tasks.pop(request.id, None)
        if not task.cancelled() and task.exception() is not None:
            return  # SystemExit and the like, which end the event loop
        loop = task.get_loop()
        if self._selector is not None:
            pause = min(SHARE * (loop.time() - asked), LONGEST)
            self._selector.pause = pause if pause >= SHORTEST and len(self._tasks) >= FEW else 0.0
        if not self._gathered:
            loop.call_soon(self._send)
        self._gathered.append(answer(request, cancelled=True) if task.cancelled() else task.result())
        if len(self._gathered) == MOST:
            self._send()

    def _send(self) -> None:
        if self._gathered:
            answers, self._gathered = self._gathered, []
            self._emit(m.Action(session=self._session, answers=answers))

    async def _answer(self, request: Request) -> m.Answer:
        try:
            return await self._decide(request)
        except Exception as error:
            traceback.print_exc()
            return of_exception(request, error)

    async def _decide(self, request: Request) -> m.Answer:
        if (request.match, request.seat) not in self._open:
            return not_open(request)
        version = self._version
        if request.budget is None:
            return checked(request, stamped(await self._operator.decide(request), version))
        if request.budget <= 0:
            return answer(request, decision=timed_out(request))
        clock = asyncio.timeout(None)
        beginning = asyncio.ensure_future(self._begin(clock, request, request.budget))
        try:
            async with clock:
                return checked(request, stamped(await self._operator.decide(request), version))
        except TimeoutError:
            if not clock.expired():
                raise
            return answer(request, decision=timed_out(request))
        finally:
            beginning.cancel()

    async def _begin(self, clock: asyncio.Timeout, request: Request, budget: float) -> None:
        """Start the clock of a request when the person sees it."""
        try:
            await self._operator.seen(request)
        except Exception:
            traceback.print_exc()  # a clock that starts too early is better than one that never starts
        clock.reschedule(asyncio.get_running_loop().time() + budget)


class HostThread:
    """An AsyncHost on an event loop in a thread of its own: for an AsyncOperator in the arena's process."""

    def __init__(
        self, name: str, operator: AsyncOperator, session: str, emit: Emit, ended: Callable[[str], None]
    ) -> None:
        """Returns once the operator has started, or `emit` was given an ERROR that says why it has not.

        `emit(message)` is called on the thread, and so is `ended(reason)` when its event loop ends before `close`.
        """
        selector = GatheringSelector()
        self._host = AsyncHost(operator, session, emit, selector)
        self._emit = emit
        self._ended = ended
        self._loop = asyncio.SelectorEventLoop(selector)
        self._over = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"operator {name}", daemon=True)
        self._thread.start()
        self._started.wait()

    def receive(self, messages: Sequence[m.ToWorker]) -> None:
        """Pass messages on; the order is kept. Those that come after the end are dropped."""
        with contextlib.suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(self._receive, messages)

    def close(self) -> None:
        """Cancel every request, stop the operator, and wait until the thread has ended."""
        self.receive([m.Shutdown()])
        self._thread.join()

    def _run(self) -> None:
        reason = "ended its event loop"
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # SystemExit among them, which ends an event loop from within a task
            reason = f"raised {type(error).__name__}: {error}"
            traceback.print_exc()
        finally:
            self._started.set()
            if not self._host.finished:
                self._ended(reason)

    async def _serve(self) -> None:
        try:
            await self._host.start()
        except Exception as error:
            traceback.print_exc()
            self._emit(failure(error))
            self._host.finished = True
            return
        self._started.set()
        try:
            await self._over.wait()
        finally:
            await self._host.stop()

    def _receive(self, messages: Sequence[m.ToWorker]) -> None:
        for message in messages:
            try:
                self._host.receive(message)
            except ProtocolError as error:
                self._emit(m.Error(code="unexpected", text=str(error)))
        if self._host.finished:
            self._over.set()
