"""A terminal opened by its path: reads lines, writes text.

The worker has a session of its own and its standard streams are a log file, so the person's terminal is opened
without becoming the worker's controlling one, and stays in its ordinary line mode: nothing has to be restored when
a worker is killed, editing keys work, and Ctrl-C goes where the person expects, to the arena.
"""

from __future__ import annotations

import asyncio
import os
import select
import termios


class TerminalGoneError(OSError):
    """The terminal was closed."""


class Tty:
    """One open terminal. Raises ValueError if `path` cannot be opened or is not a terminal."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._typed = b""
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise ValueError(f"the terminal {path} cannot be opened: {error.strerror}. Use human:web.") from None
        if not os.isatty(self._fd):
            os.close(self._fd)
            raise ValueError(f"{path} is not a terminal. Use human:web, or give its path by @tty=")

    @property
    def width(self) -> int:
        """The current number of columns."""
        try:
            return os.get_terminal_size(self._fd).columns or 80
        except OSError:
            return 80

    def write(self, text: str) -> None:
        """Write all of `text`. Raises TerminalGoneError if the terminal was closed."""
        data = text.encode("utf-8", "replace")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as error:
            raise TerminalGoneError(f"the terminal {self.path} is gone: {error.strerror}") from None

    def forget_typed(self) -> None:
        """Discard unread input: a key pressed before the question must not become a move."""
        self._typed = b""
        termios.tcflush(self._fd, termios.TCIFLUSH)

    async def read_line(self) -> str:
        """Returns the next line without its end; "" also for Ctrl-D. Can be cancelled: no thread blocks in a read."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._typed:
            ready = asyncio.Event()
            loop.add_reader(self._fd, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_reader(self._fd)
            got = self._read()
            if not got:
                break
            self._typed += got
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode("utf-8", "replace")

    def close(self) -> None:
        """Close the terminal."""
        os.close(self._fd)

    def _read(self) -> bytes:
        try:
            got = os.read(self._fd, 4096)
        except OSError as error:
            raise TerminalGoneError(f"the terminal {self.path} is gone: {error.strerror}") from None
        if not got:
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            if any(event & select.POLLHUP for _, event in poll.poll(0)):
                raise TerminalGoneError(f"the terminal {self.path} was closed")
        return got
