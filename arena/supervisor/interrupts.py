"""SIGINT, SIGTERM and SIGHUP during a run: the first ends it in order, a second one at once.

An exception that a signal's handler raises is lost when it comes where Python cannot pass it on (a destructor, some
extension code), and the run would go on waiting. So the first signal only wakes the hub's poll, which raises
KeyboardInterrupt itself.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupts:
    """A context that handles signals. `fileno` is readable after one. Outside the main thread it does nothing."""

    def __init__(self) -> None:
        self.pending = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._handlers: dict[int, Any] = {}
        self._wakeup = -1

    def fileno(self) -> int:
        return self._read

    def check(self) -> None:
        """KeyboardInterrupt if a signal came."""
        if self.pending:
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """As a signal does, from any thread."""
        self.pending = True
        os.write(self._write, b"\0")

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup: the run outlives its terminal
                    self._handlers[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(self._wakeup)
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True
