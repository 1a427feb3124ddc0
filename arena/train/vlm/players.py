"""The processes that play ahead of the trainer, as it sees them, and what runs in them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec

from arena.errors import ArenaError
from arena.train.folders import writing
from arena.train.vlm.in_play import Change
from arena.train.vlm.matches import Draw, RolloutConfig
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import BASE, Tokens
from arena.train.vlm.workers import sharing

LOADING = 300.0  # seconds in which a process must have loaded its operators
LEAVING = 10.0  # seconds in which an idle one leaves
BEAT = 0.5  # seconds between two words of a process


class Job(msgspec.Struct, kw_only=True):
    """An update that is to be played, or is."""

    draw: Draw
    version: str  # of the weights that it is played with


class Player:
    """A process that plays updates, one at a time."""

    def __init__(self, config: RolloutConfig, out: Path, tokens: Tokens, seed: int, count: int) -> None:
        """`count`: how many there are at most."""
        context = multiprocessing.get_context("spawn")
        self.words, theirs = context.Pipe()
        self.job: Job | None = None
        self.version = BASE
        self.finished = False
        self.error = False  # it said itself what is wrong: another try would say the same
        self.changes: list[Change] = []  # of its matches in play, as it told them
        self._deadline = config.deadline
        self._answers = -1
        self._waits = "its operators are being loaded"
        self._since = time.monotonic()
        self._process: BaseProcess = context.Process(
            target=_main, args=(theirs, config, out, tokens, seed, count), daemon=True
        )
        self._process.start()
        theirs.close()

    def give(self, job: Job, weights: Path | None) -> None:
        """Play this."""
        self.job, self.finished, self._since = job, False, time.monotonic()
        self.version = job.version
        with contextlib.suppress(OSError):  # it is dead: `listen` says so
            self.words.send((job.draw, job.version, weights))

    def listen(self) -> str | None:
        """Hear what it says; what is wrong with it, in words."""
        try:
            while self.words.poll():
                word, value, waits = self.words.recv()
                if word == "error":
                    self.error = True
                    return str(value)
                self.finished = self.finished or (
                    self.job is not None and (word, value) == ("done", self.job.draw.update)
                )
                if word == "alive":
                    answers, loading, changes = value
                    self.changes += changes
                    if loading or (answers, waits) != (self._answers, self._waits):
                        self._answers, self._waits, self._since = answers, waits, time.monotonic()
        except (EOFError, OSError):
            self._process.join(1.0)
            return (
                f"its process {self._process.pid} died (exit code {self._process.exitcode}); waited for {self._waits}"
            )
        allowed = LOADING if self._answers <= 0 else 2 * self._deadline
        if self.job is not None and not self.finished and time.monotonic() - self._since > allowed:
            return f"its process {self._process.pid} did nothing for {allowed:g} s: waits for {self._waits}"
        return None

    def leave(self) -> None:
        """Let it end by itself, where it is idle."""
        if self.job is None:
            self.words.close()

    def end(self) -> None:
        """Kill it, or wait until it has left. What it played is kept, and it holds nothing else."""
        if self.words.closed:
            self._process.join(LEAVING)
        self._process.kill()
        self._process.join()
        self.words.close()


def _main(words: Connection, config: RolloutConfig, out: Path, tokens: Tokens, seed: int, count: int) -> None:
    """What a process, one of `count` at most, runs. It ends when the trainer is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock, idle = threading.Lock(), threading.Event()

    def say(*word: object) -> None:
        with lock, _heard():
            words.send(word)

    try:
        lower = f"processes (now {count}) or rollout.concurrency (now {config.concurrency})"
        with sharing(out), writing(lower), Rollout(config, out, tokens, seed=seed) as rollout:
            threading.Thread(target=_beat, args=(rollout, say, idle), daemon=True).start()
            while True:
                idle.set()
                with _heard():
                    draw, version, weights = words.recv()
                idle.clear()
                if version != rollout.version:
                    rollout.update(version, weights)
                rollout.played(draw, watched=False)
                _tell(rollout, say)
                say("done", draw.update, "")
    except ArenaError as error:
        with contextlib.suppress(_Gone):
            say("error", str(error), "")
    except _Gone:
        return


class _Gone(Exception):
    """The trainer does not listen any more."""


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise _Gone from None


def _beat(rollout: Rollout, say: Callable[..., None], idle: threading.Event) -> None:
    """Tell how far it is. When nobody listens any more, another process may go on here soon; an idle one leaves."""
    try:
        while True:
            _tell(rollout, say)
            time.sleep(BEAT)
    except _Gone:
        if not idle.is_set():
            os._exit(1)


def _tell(rollout: Rollout, say: Callable[..., None]) -> None:
    progress = rollout.progress
    say("alive", (progress.answers, progress.loading, progress.changes()), progress.waits_for())
