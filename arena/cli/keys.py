"""Single keys from a terminal."""

from __future__ import annotations

import os
import re
import select
import termios
import tty
from types import TracebackType
from typing import Self

_ESCAPED = {b"A": "up", b"B": "down", b"C": "right", b"D": "left", b"H": "home", b"F": "end"}
_SEQUENCE = re.compile(rb"\x1b[\[O][0-9;]*([A-Za-z~])")
_PARTIAL = re.compile(rb"\x1b([\[O][0-9;]*)?\Z")
SPLIT = 0.05  # seconds in which the rest of an escape sequence follows its first byte


class Keys:
    """Reads keys unbuffered and without echo; restores the terminal on exit, whatever happens."""

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._buffer = b""

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def get(self, timeout: float | None = None) -> str:
        """The next key: a character, or enter, space, escape, up, down, left, right, home, end.

        "" when none came within `timeout` seconds, "closed" when the terminal is gone.
        """
        if not self._buffer and not self._fill(timeout):
            return "" if self._open else "closed"
        while _PARTIAL.match(self._buffer) and self._fill(SPLIT):
            pass
        found = _SEQUENCE.match(self._buffer)
        if found is not None:
            self._buffer = self._buffer[found.end() :]
            return _ESCAPED.get(found[1], "")
        first, self._buffer = self._buffer[:1], self._buffer[1:]
        names = {b"\r": "enter", b"\n": "enter", b" ": "space", b"\x1b": "escape"}
        return names.get(first) or first.decode("ascii", "replace")

    _open = True

    def _fill(self, timeout: float | None) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], timeout)
        if not ready:
            return False
        try:
            more = os.read(self._descriptor, 256)
        except OSError:
            more = b""  # the terminal was closed
        self._open = bool(more)
        self._buffer += more
        return bool(more)
