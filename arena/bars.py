"""How far a command that takes long is, on stderr: a bar on a terminal, and elsewhere a line from time to time.

Who waits for it in a log, on a cluster or in CI, has a sign of life. A short command has no line there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from arena.figures import clock
from arena.text import printable


def pauses(first: float = 5.0, longest: float = 300.0) -> Iterator[float]:
    """Seconds between lines: they double, so that a day is not ten thousand lines."""
    while True:
        yield first
        first = min(2 * first, longest)


# Columns of a bar: what is counted and takes equally long each, what is counted, and what is not.
EVEN, COUNTED = (MofNCompleteColumn, TimeRemainingColumn), (MofNCompleteColumn, TimeElapsedColumn)
UNCOUNTED = (TimeElapsedColumn,)


class Bar:
    """`what` is counted, up to `total` if that is known. A context manager."""

    def __init__(
        self,
        what: str,
        total: int | None = None,
        *,
        done: int = 0,
        show: bool = True,
        console: Console | None = None,
        waits: Iterable[float] | None = None,
    ) -> None:
        """`show`: False says nothing. `waits`: the seconds before each line, instead of `pauses`. Else as `begin`."""
        console = console or Console(stderr=True)
        self._drawn = Progress(console=console, transient=True, disable=not show)
        self._lines = Lines(self.line, console, waits) if show and not console.is_terminal else None
        self._task = self._drawn.add_task("")
        self._started = time.monotonic()
        self._total: int | None = None
        self.begin(what, total, done=done)

    def begin(self, what: str, total: int | None = None, *, done: int = 0, even: bool = True) -> None:
        """From now on that is counted. `done`: what was there before, which nothing says how long it took.

        even: False where the first may take much longer than the others: then nothing is said of the time that is left.
        How a step ended that was counted up to a total is said first, where there was a line before.
        """
        if self._lines is not None and self._total is not None:
            self._lines.last()
        self._even = even
        self._what, self._total, self._first, self._done = what, total, done, done
        self._began = time.monotonic()
        kinds = UNCOUNTED if total is None else EVEN if even else COUNTED
        self._drawn.columns = (TextColumn("{task.description}"), BarColumn(20), *(kind() for kind in kinds))
        self._drawn.remove_task(self._task)
        self._task = self._drawn.add_task(what, total=total, completed=done)

    def __enter__(self) -> Self:
        if self._lines is None:
            self._drawn.start()
        else:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lines is None:
            self._drawn.stop()
        else:
            self._lines.stop(say_last=kind is None and self._total is not None)

    def update(self, done: int, what: str = "") -> None:
        """So many are done. `what`: another word for it."""
        self._done, self._what = done, what or self._what
        self._drawn.update(self._task, completed=done, description=self._what)

    def line(self) -> str:
        """How far it is, and how long the rest may take, or how long it took since all began."""
        now, here = time.monotonic(), self._done - self._first
        counted = f": {self._done:,}" if self._done or self._total is not None else ""
        said = f"{self._what}{counted}{'' if self._total is None else f' of {self._total:,}'}"
        if self._total is None or not (self._even and here) or self._done >= self._total:
            return f"{said}, {clock(now - self._started)} so far"
        return f"{said}, about {clock((now - self._began) / here * (self._total - self._done))} left"


class Lines:
    """Prints what `line` says after each pause, in a thread of its own: the work itself may hang on one thing."""

    def __init__(self, line: Callable[[], str], console: Console, waits: Iterable[float] | None = None) -> None:
        self._line, self._console = line, console
        self._waits = pauses() if waits is None else iter(waits)
        self._over = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def stop(self, *, say_last: bool) -> None:
        """No line comes after this. `say_last`: how it ended, where something was told before."""
        self._over.set()
        self._thread.join()
        if say_last:
            self.last()

    def last(self) -> None:
        """How it stands now, where something was told before."""
        if self._told:
            self._say()

    def _run(self) -> None:
        for seconds in self._waits:
            if self._over.wait(seconds):
                return
            self._say()

    def _say(self) -> None:
        said = self._line()
        if said != self._told:
            self._told = said
            with contextlib.suppress(OSError, ValueError):  # nobody reads stderr any more: that is no reason to end
                self._console.print(Text(printable(said)), soft_wrap=True)
