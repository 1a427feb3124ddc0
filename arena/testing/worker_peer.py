"""The arena's end of one worker, for checks: it starts the command, sends a script's messages and keeps the replies.

Unlike the Hub it enforces nothing and kills no worker, so that a check can send odd messages and see what follows.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import zmq

from arena.errors import ProtocolError
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frame
from arena.protocol.connection_state import ConnectionState, ViolationError, invalid_hello
from arena.protocol.trace import Direction
from arena.protocol.version import MAGIC, MINOR
from arena.supervisor.connection import FullError, GoneError
from arena.supervisor.listener import Arrival, Broken, Listener, Message, Rejected
from arena.supervisor.process import WorkerProcess
from arena.supervisor.sockets import Folder, environment
from arena.text import printable

M = TypeVar("M")
STEP = 0.2  # seconds between looks at a process that has no handle
PRINTED = 30  # lines of its log in which its error is looked for
ERROR = re.compile("error|exception|panic", re.IGNORECASE)


class FailedError(Exception):
    """A worker broke the protocol: what was expected, and what came instead."""

    def __init__(self, expected: str, came: str) -> None:
        self.expected, self.came = printable(expected, lines=True), printable(came, lines=True)
        super().__init__(f"expected {self.expected}; came: {self.came}")


class NotTriedError(Exception):
    """A check that does not apply to this worker, and why."""


class Peer:
    """One worker process and the socket it talks to. `close` leaves neither behind."""

    def __init__(
        self, command: Sequence[str], log: Path, patience: float, note: Callable[[Direction, Sequence[Frame]], None]
    ) -> None:
        """`note(direction, frames)` is told every message.

        `patience`: seconds without any message after which a wait is given up. WorkerError: it cannot start."""
        self.patience = patience
        self._note = note
        self.session = secrets.token_hex(8)
        self.token = secrets.token_hex(16)
        self.hello: m.Hello | None = None
        self._folder = Folder()
        self._listener = Listener(self._folder.socket)
        self._listener.expect(self.token)
        self._state = ConnectionState()
        self._arrived: deque[Arrival] = deque()
        env = environment(self._listener.address, self.token)
        try:
            self.process = WorkerProcess(command, env, log)
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        self.process.reap()
        self._release()

    def _release(self) -> None:
        self._listener.close()
        self._folder.remove()

    # --- what is said ----------------------------------------------------------------------------------------------

    def send(self, *messages: m.Message) -> None:
        for message in messages:
            self._send(codec.encode(message))

    def send_map(self, header: dict[str, Any], buffers: Sequence[Frame] = ()) -> None:
        """A header that need not be one of our messages."""
        self._send([MAGIC, msgspec.msgpack.encode(header), *buffers])

    def _send(self, frames: list[Frame]) -> None:
        self._note("to worker", frames)
        with contextlib.suppress(ProtocolError):  # some checks send what is not a message of ours
            self._state.sent(codec.decode_to_worker(frames))
        with contextlib.suppress(GoneError, FullError):  # the next wait for an answer will find out
            self._listener.send(self.token, frames)

    def welcome(self, what: str, options: dict[str, Any]) -> None:
        assert self.hello is not None
        minor = min(MINOR, self.hello.minor)
        self.send(m.Welcome(session=self.session, minor=minor, what=what, options=options))

    # --- what came -------------------------------------------------------------------------------------------------

    def expect(self, what: str, kind: type[M], wanted: Callable[[M], bool] = lambda message: True) -> M:
        """The next message of this kind that is wanted; others are let pass, but for an ERROR and a death.

        FailedError, with `what` as what was expected, when none comes.
        """
        while True:
            message = self.next(what)
            if isinstance(message, kind) and wanted(message):
                return message
            if isinstance(message, m.Error) and kind is not m.Error:
                raise FailedError(what, f"ERROR {message.code}: {message.text}")

    def next(self, what: str, patience: float | None = None) -> m.ToArena:
        """The next message. A PING is answered on the way. FailedError when none comes in `patience` seconds."""
        patience = self.patience if patience is None else patience
        until = time.monotonic() + patience
        while True:
            message = self._receive(what)
            if isinstance(message, m.Ping):
                self.send(m.Pong(n=message.n))
            elif message is not None:
                return message
            elif self.process.exited and not self._look():
                raise FailedError(what, f"the worker {self.process.how()}{self.tail()}")
            elif time.monotonic() > until:
                raise FailedError(what, f"nothing within {patience:g} s")
            else:
                self._wait(until)

    def quiet(self, seconds: float, what: str) -> None:
        """FailedError when a message comes within so many seconds."""
        try:
            message = self.next(what, seconds)
        except FailedError as nothing:
            if self.process.exited:
                raise FailedError(what, nothing.came) from None
            return
        raise FailedError(what, named(message))

    def through(self, what: str) -> list[m.ToArena]:
        """What comes until a PONG shows that all messages before were read."""
        self.send(m.Ping(n=987654321))
        out: list[m.ToArena] = []
        while True:
            message = self.next(what)
            if isinstance(message, m.Pong) and message.n == 987654321:
                return out
            out.append(message)

    def tail(self) -> str:
        text = essence(self.process.tail(PRINTED))
        return f"; the end of what it printed (--logs DIR keeps all of it):\n{text}" if text else ""

    def _wait(self, until: float) -> None:
        poller = zmq.Poller()
        poller.register(self._listener.fileno(), zmq.POLLIN)
        if self.process.handle is not None:
            poller.register(self.process.handle, zmq.POLLIN)
        left = max(0.0, until - time.monotonic())
        poller.poll(int(1000 * (left if self.process.handle is not None else min(left, STEP))) + 1)

    def _look(self) -> bool:
        """Take the messages that have come; returns whether there are any."""
        if not self._arrived:
            self._arrived += self._listener.receive()
        return bool(self._arrived)

    def _receive(self, what: str) -> m.ToArena | None:
        if not self._look():
            return None
        match self._arrived.popleft():
            case Message(_, frames):
                return self._judged(what, frames)
            case Broken(_, why) if why is not None:
                raise FailedError(what, f"it {why}")
            case Rejected(_, why):
                raise FailedError(what, f"it {why}")
            case _:
                return None

    def _judged(self, what: str, frames: list[Frame]) -> m.ToArena:
        """Raises FailedError, with the arena's own words, for a message that breaks the protocol."""
        self._note("to arena", frames)
        try:
            message = codec.decode_to_arena(frames)
            if self.hello is not None:
                self._state.received(message, self.session)
        except ViolationError as error:
            raise FailedError(what, f"it broke the protocol: it {error}") from None
        except ProtocolError as error:
            raise FailedError(what, f"it broke the protocol: {error}") from None
        if isinstance(message, m.Hello) and (wrong := invalid_hello(message)):
            raise FailedError(what, f"it {wrong}")
        return message


def essence(text: str, lines: int = 3) -> str:
    """The last lines of what a worker printed, and before them the line that names its error.

    Python says it last. Node says it before the stack, and others before a dump.
    """
    printed = text.splitlines()
    last = printed[-lines:]
    errors = [line for line in printed if ERROR.search(line) and not line.lstrip().startswith("at ")]
    if not errors or errors[-1] in last:
        return "\n".join(last)
    return "\n".join([errors[-1], "...", *last])


def named(message: m.ToArena) -> str:
    """A short description of a message."""
    text = msgspec.json.encode(message, enc_hook=repr).decode()
    return f"{m.name_of(message)} {text if len(text) < 200 else text[:200] + '...'}"
