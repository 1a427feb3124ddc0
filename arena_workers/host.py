"""The Python worker: `python -P -m arena_workers.host package.module:factory`.

One thread owns the operator and reads the socket. While an act takes long, a second thread reads it instead, so
that PING and CANCEL are answered; a lock says whose turn it is. An AsyncOperator runs on an event loop alone.
stdin is a pipe from the arena: end of file there means that the arena is gone, and the worker exits at once, with
the processes that it started.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager

import zmq
import zmq.asyncio

import arena
from arena.errors import ProtocolError
from arena.host import Emit, Host
from arena.host_async import AsyncHost, GatheringSelector
from arena.host_games import GameHost
from arena.operator import AsyncOperator, Factory, Operator, WorkerContext
from arena.plugins import resolve
from arena.protocol import codec, transport
from arena.protocol import messages as m
from arena.protocol.version import MAJOR, MINOR
from arena.replies import failure, sendable
from arena.supervisor.descendants import MARK, end_marked

LONG = 0.05  # seconds of an act after which the second thread reads; it must not slow down short acts
LINGER = 1000  # milliseconds for sending the last messages


def main(argv: list[str]) -> int:
    """Serve the operator that the argument names, until the arena sends SHUTDOWN or is gone."""
    if len(argv) != 2:
        print("this is a worker: an arena starts it. See docs/protocol.md", file=sys.stderr)
        return 2

    def build(context: WorkerContext) -> Operator | AsyncOperator:
        factory: Factory = resolve(argv[1])
        return factory(context)

    return serve(argv[1], lambda emit, lock: Host(build, emit, lock), ("watch",))


def serve(
    name: str,
    make: Callable[[Emit, AbstractContextManager[object]], Host | GameHost],
    able: tuple[str, ...] = (),
) -> int:
    """Connect to the arena that started this process, and serve it with the host that `make(emit, lock)` returns."""
    if "ARENA_ADDRESS" not in os.environ:
        print("this is a worker: an arena starts it. See docs/protocol.md", file=sys.stderr)
        return 2
    address, token = os.environ.pop("ARENA_ADDRESS"), os.environ.pop("ARENA_TOKEN")
    threading.Thread(target=_leave_with_arena, daemon=True).start()
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, LINGER)
    socket.setsockopt(zmq.MAXMSGSIZE, m.Limits().max_message)
    socket.connect(address)
    hello = m.Hello(
        token=token, major=MAJOR, minor=MINOR, kind="python", name=name, version=arena.__version__, capabilities=able
    )
    socket.send_multipart(codec.encode(hello))
    try:
        return Pump(socket, make).run()
    finally:
        socket.close()
        context.term()


def _leave_with_arena() -> None:
    while os.read(0, 4096):
        pass
    if (mark := os.environ.get(MARK)) is not None:
        end_marked(mark)
    if os.getpgrp() == os.getpid():  # the leader of its own group, as the arena starts workers
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(3)


class Pump:
    """Passes messages between the socket and a host."""

    def __init__(
        self, socket: zmq.Socket[bytes], make: Callable[[Emit, AbstractContextManager[object]], Host | GameHost]
    ) -> None:
        self._socket = socket
        self._make = make
        self._lock = threading.RLock()  # its holder may use the socket while work runs
        self._since: float | None = None  # when the current work began
        self._working = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # set once an AsyncOperator runs

    def run(self) -> int:
        host = self._make(self._emit, self._lock)
        threading.Thread(target=self._listen, args=(host,), daemon=True).start()
        while not host.finished and host.asynchronous is None:
            # The second thread may have queued something while work ran; nothing else wakes this thread.
            self._read(host, wait=not host.has_work)
            if host.has_work:
                with self._lock:  # else the second thread may clear the event that is set here
                    self._since = time.monotonic()
                    self._working.set()
                host.work()
                with self._lock:
                    self._since = None
        if host.asynchronous is not None and not host.finished:
            selector = GatheringSelector()
            hosted = AsyncHost(host.asynchronous, host.session, self._emit_async, selector)
            with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
                return runner.run(self._run_async(hosted))
        host.close()
        return 1 if host.failed else 0

    def _read(self, host: Host | GameHost, wait: bool) -> None:
        """Take the messages that have arrived; wait for one first if asked to."""
        while (frames := transport.receive(self._socket, wait)) is not None:
            wait = False
            _receive(host, frames, self._emit)

    def _listen(self, host: Host | GameHost) -> None:
        """The second thread: reads while an act takes long."""
        while True:
            self._working.wait()
            time.sleep(LONG)
            with self._lock:
                if self._since is None:
                    self._working.clear()
                elif time.monotonic() - self._since > LONG:
                    self._read(host, wait=False)

    def _emit(self, message: m.Message) -> None:
        if self._loop is not None:
            self._emit_async(message)
            return
        frames = _frames(message)
        with self._lock:
            transport.send(self._socket, frames, wait=True)

    # --- an AsyncOperator -------------------------------------------------------------------------------------------

    async def _run_async(self, host: AsyncHost) -> int:
        # Sends must pass this socket too: one that bypasses it can swallow the event that wakes the reader.
        # From here on `_emit` uses it too, so an operator may report its status at any time.
        self._async_socket = zmq.asyncio.Socket.from_socket(self._socket)
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        try:
            await host.start()
        except Exception as error:
            traceback.print_exc()
            self._emit_async(failure(error))
            return 1
        try:
            while not host.finished:
                _receive(host, await self._async_socket.recv_multipart(), self._emit_async)
        finally:
            await host.stop()
        self._emit_async(m.Bye())
        return 0

    def _emit_async(self, message: m.Message) -> None:
        assert self._loop is not None
        frames = _frames(message)
        if threading.get_ident() == self._loop_thread:
            self._async_socket.send_multipart(frames)
        else:
            self._loop.call_soon_threadsafe(self._async_socket.send_multipart, frames)


def _frames(message: m.Message) -> list[codec.Frame]:
    try:
        return codec.encode(message)
    except codec.UNSENDABLE as error:
        return codec.encode(sendable(message, error))


def _receive(host: Host | AsyncHost | GameHost, frames: codec.Frames, emit: Emit) -> None:
    try:
        message = codec.decode_to_worker(frames)
    except codec.UnknownMessageError as error:
        emit(m.Error(code="unknown_message", text=str(error)))
        return
    except ProtocolError as error:
        emit(m.Error(code="malformed", text=str(error)))
        return
    try:
        host.receive(message)
    except ProtocolError as error:
        emit(m.Error(code="unexpected", text=str(error)))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
