"""The watchdog: what stands still ends, and a worker that is being started does not stand still."""

from __future__ import annotations

import threading
import time

from arena.train.vlm import progress as watched
from arena.train.vlm.progress import Progress, Watchdog

LOOKS = 40  # of which each is a quarter of the time that is allowed


class Starting:
    """A pool whose new worker is ready after LOOKS looks."""

    looks = 0

    @property
    def loading(self) -> bool:
        self.looks += 1
        return self.looks <= LOOKS


def test_the_time_in_which_a_worker_is_started_does_not_count_and_the_time_after_it_does():
    progress, pool, ended = Progress(), Starting(), threading.Event()
    progress.workers = pool  # type: ignore[assignment]
    with Watchdog(progress, 0.04, ended.set) as watchdog:
        assert ended.wait(30)
    assert pool.looks > LOOKS
    assert watchdog.reason == "nothing happened for 0.04 s: waits for a game, or an operator that is being loaded"


class Jumping:
    """A clock that went on while its process was stopped, after the third look at it."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        if self.looks == 6:
            enough.set()
        return time.monotonic() + (1000 if self.looks > 3 else 0)


enough = threading.Event()


def test_the_time_in_which_the_process_was_stopped_does_not_count(monkeypatch):
    monkeypatch.setattr(watched, "time", Jumping())
    ended = threading.Event()
    with Watchdog(Progress(), 8, ended.set):
        assert enough.wait(30)
        assert not ended.is_set()
