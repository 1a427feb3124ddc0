"""How far the matches in play are, and an end for those that hang: nobody loses hours to a silent stall."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from arena.channel import WorkerPool
from arena.errors import WorkerError
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, Outcome, Request
from arena.train.vlm.in_play import Change

LATE = 2  # periods between two looks at the clock that count at most: a process that runs looks every period
MOST = 100_000  # changes that are kept for whoever asks
GRACE = 30.0  # seconds from a signal to the end of a process that does not react


class Progress(Observer):
    """Counts answers and notes who is waited for; passes every event on. Other threads may read it."""

    def __init__(self, shown: Observer | None = None) -> None:
        self.answers = 0
        self.workers: WorkerPool | None = None  # once they are started
        self.since = time.monotonic()  # the last event
        self._open: dict[tuple[int, int], str] = {}  # by match and seat
        self._playing: set[int] = set()
        self._changes: deque[Change] = deque(maxlen=MOST)
        self._shown = shown or Observer()
        for event in ("begins", "worker_died", "unseen"):
            setattr(self, event, getattr(self._shown, event))

    def changes(self) -> list[Change]:
        """How the number of matches in play changed since the last call; MOST changes at most."""
        return [self._changes.popleft() for _ in range(len(self._changes))]

    def started(self, match: Match) -> None:
        self._plays(match, True)
        self._shown.started(match)

    def voided(self, match: Match, kind: str, reason: str) -> None:
        self._plays(match, False)
        self._shown.voided(match, kind, reason)

    def unresolved(self, match: Match, reason: str) -> None:
        self._plays(match, False)
        self._shown.unresolved(match, reason)

    def _plays(self, match: Match, on: bool) -> None:
        (self._playing.add if on else self._playing.discard)(match.plan.index)
        self._changes.append((time.monotonic(), len(self._playing)))

    def asked(self, match: Match, request: Request) -> None:
        where = f"match {request.match}, tick {request.tick}, seat {request.seat}"
        self._open[request.match, request.seat] = f"{match.names[request.seat]} in {where}"
        self._shown.asked(match, request)

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        self.answers += 1
        self.since = time.monotonic()
        self._open.pop((match.plan.index, seat), None)
        self._shown.answered(match, seat, decision, seconds)

    def ticked(self, match: Match) -> None:
        self.since = time.monotonic()
        self._shown.ticked(match)

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.since = time.monotonic()
        self._plays(match, False)
        self._open = {place: who for place, who in self._open.items() if place[0] != match.plan.index}
        self._shown.ended(match, outcome)

    @property
    def loading(self) -> bool:
        """Whether a worker is being started: that is no stall, and has limits of its own."""
        return self.workers is not None and self.workers.loading

    def waits_for(self) -> str:
        """Who owes an answer, in words."""
        owed = list(self._open.copy().values())
        if not owed:
            return "a game, or an operator that is being loaded"
        return owed[0] + (f", and {len(owed) - 1} more" if len(owed) > 1 else "")


class Watchdog:
    """Interrupts this process (SIGINT) when nothing happens for `seconds`; `reason` then says what was waited for.

    A worker that takes the place of a dead one may take longer to load: meanwhile the seconds do not count, nor while
    this process is stopped (Ctrl-Z, a container that is frozen).
    A process that does not react within GRACE is ended with exit code 1, its reason on stderr: what was finished
    is kept, and it can be resumed. A context manager.
    """

    def __init__(self, progress: Progress, seconds: float, end: Callable[[], None] | None = None) -> None:
        self.reason: str | None = None
        self._progress = progress
        self._seconds = seconds
        self._over = threading.Event()
        self._end = end or _interrupt
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._progress.since = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        period, looked = min(1.0, self._seconds / 4), time.monotonic()
        while not self._over.wait(period):
            now = time.monotonic()
            if self._progress.loading:
                self._progress.since = now
            if (stopped := now - looked - LATE * period) > 0:  # and could hear nothing
                self._progress.since += stopped
            looked = now
            if now - self._progress.since > self._seconds:
                self.reason = f"nothing happened for {self._seconds:g} s: waits for {self._progress.waits_for()}"
                self._end()
                if not self._over.wait(GRACE):
                    print(f"arena: {self.reason}. It does not react, and is ended", file=sys.stderr, flush=True)
                    os._exit(1)
                return


@contextlib.contextmanager
def guarded(progress: Progress, deadline: float, folder: Path) -> Iterator[None]:
    """Matches that are played in here into `folder` end with WorkerError when they stall: `progress` hears no event

    for twice the seconds that an answer may take. Load operators before: a model that is being loaded is no stall.
    """
    watchdog = Watchdog(progress, 2 * deadline)
    try:
        with watchdog:
            yield
    except KeyboardInterrupt:
        if watchdog.reason is None:
            raise
        raise WorkerError(
            f"{folder}: {watchdog.reason}. What was played is kept: look at the operator, or allow more with deadline= "
            f"(now {deadline:g} s), and go on with --resume"
        ) from None


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
