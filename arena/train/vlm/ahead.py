"""Rollouts ahead of the trainer: a pool of processes plays the next updates while it learns from this one. The option
`staleness`; without it each update is played when it is asked for.

Update n is played with the weights that came of update n - 1 - staleness: neither newer nor older ones. So what
runs and what was accepted is never more than staleness + 1 updates, no turn is staler than that, and a training from
the same seed is equal bit for bit although the trainer seldom waits (Noukhovitch et al., "Asynchronous RLHF", 2024,
train one step off-policy so; the fixed lag is what makes it repeat).

Each of these updates has a process of its own, so all that may be played is in play: while one plays its last matches
the others go on, and the pool is empty only where it waits for the trainer.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from arena.errors import ArenaError, InputError, WorkerError
from arena.train.vlm.in_play import Change, InPlay
from arena.train.vlm.matches import Draw, RolloutConfig
from arena.train.vlm.opponents import copy
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import BASE, Collected, Tokens
from arena.train.vlm.workers import sharing

LOADING = 300.0  # seconds in which a process must have loaded its operators
BEAT = 0.5  # seconds between two words of a process
TRIES = 3  # of an update whose process dies or hangs


class Job(msgspec.Struct, kw_only=True):
    """An update that is to be played, or is."""

    draw: Draw
    version: str  # of the weights that it is played with


class Ahead:
    """As Rollout, which it stands for: play, update, snapshot, state, restore. A context manager."""

    def __init__(
        self,
        config: RolloutConfig,
        out: Path,
        tokens: Tokens,
        *,
        seed: int = 0,
        staleness: int = 2,
        processes: int | None = None,
        until: int | None = None,
    ) -> None:
        """`tokens` must pickle. `processes`: that play, each with the operators in it; None: one for each update that

        may be played. `until`: updates from this one on are drawn, and not played. InputError as Rollout.
        """
        most = staleness + 1
        count = most if processes is None else processes
        if staleness < 1 or count < 1:
            raise InputError(f"staleness={staleness}, processes={processes}: expected 1 or more of each")
        config.pool.check_ahead(staleness)
        self.config = config
        self.rollout = Rollout(config, out, tokens, seed=seed)  # draws and hears; what plays is in the processes
        self.version = BASE
        self._out = out
        self._tokens = tokens
        self._seed = seed
        self._staleness = staleness
        self._count = min(count, most)
        self._until = until
        self._changed = threading.Condition()  # of what follows, which the trainer and the thread below share
        self._jobs: list[Job] = []  # in the order of updates, those that were not asked for yet
        self._done: set[int] = set()  # of them, by update
        self._failed: ArenaError | OSError | None = None
        self._in_play = InPlay(time.monotonic())
        self._closed = False
        self._tries: Counter[int] = Counter()  # by update: how often its process died or hung
        self._players: list[_Player] = []
        self._woken, self._wake = multiprocessing.Pipe(duplex=False)
        self._thread: threading.Thread | None = None  # sees to the processes, also while the trainer learns

    def __enter__(self) -> Ahead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes. What they played is kept."""
        if self._thread is not None:
            self._closed = True
            self._wake.send_bytes(b"closed")
            self._thread.join()
            self._thread = None

    @property
    def pending(self) -> list[Job]:
        """What is under way or done, and was not asked for yet."""
        with self._changed:
            return list(self._jobs)

    def state(self) -> dict[str, Any]:
        """As Rollout.state, with the updates that are under way."""
        return {**self.rollout.state(), "ahead": [msgspec.to_builtins(job) for job in self.pending]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """As Rollout.restore. The processes go on where they were."""
        self.rollout.restore(state)
        jobs = msgspec.convert(state["ahead"], list[Job])
        for job in jobs:
            self.rollout.pool.find(job.draw.past)
            if job.version != BASE and not self._weights(job.version).exists():
                raise InputError(f"{self._weights(job.version)}: the weights of update {job.draw.update} are gone")
        with self._changed:
            self._jobs = jobs

    def update(self, version: str, path: Path) -> None:
        """The weights that came of the update that was played last; the next one that is begun is played with them.

        Those of before stay: checkpoints and updates under way may name them (Files.tidy removes them).
        """
        copy(path, self._weights(version))
        self.version = version

    def snapshot(self, update: int, path: Path) -> None:
        """As Rollout.snapshot."""
        self.rollout.version = self.version
        self.rollout.snapshot(update, path)

    def play(self, update: int) -> Collected:
        """The rows of an update, once it was played; meanwhile later ones are. Call it for every update in turn.

        WorkerError when its process died or hung too often: with the last reason.
        """
        self._begin(update)
        with self._changed:
            if not self._jobs or self._jobs[0].draw.update != update:
                first = self._jobs[0].draw.update if self._jobs else None
                raise InputError(f"update {update} is not the next one to be asked for, which is {first}")
            while update not in self._done:
                if self._closed:
                    raise self._failed or WorkerError("rollouts ended: it is closed, or its thread says why on stderr")
                self._changed.wait()
            job = self._jobs.pop(0)
            self._done.discard(update)
        self.rollout.forget(update)
        out = self.rollout.kept(job.draw)
        self.rollout.hear(job.draw, out)
        return out

    def _begin(self, update: int) -> None:
        """Draw the updates that may be played by now."""
        known = [job.draw.update for job in self.pending]
        for number in range(known[-1] + 1 if known else update, update + self._staleness + 1):
            job = Job(draw=self.rollout.draw(number), version=self.version)
            with self._changed:
                self._jobs.append(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="ahead", daemon=True)
            self._thread.start()
        self._wake.send_bytes(b"drawn")

    def in_play(self) -> tuple[float, float]:
        """Since the last call: the mean number of matches in play, and the share of time in which there were none."""
        with self._changed:
            return self._in_play.until(time.monotonic())

    def _weights(self, version: str) -> Path:
        return self._out / "ahead" / version

    # --- in the thread ----------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Until it is closed, or an update cannot be played."""
        try:
            while not self._closed:
                with self._changed:
                    self._assign()
                wait([self._woken, *(player.words for player in self._players)], BEAT)
                while self._woken.poll():
                    self._woken.recv_bytes()
                with self._changed:
                    for number, player in enumerate(self._players):
                        self._attend(number, player)
                    self._changed.notify_all()
        except (ArenaError, OSError) as error:
            self._failed = error
        finally:
            for player in self._players:
                player.end()
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _assign(self) -> None:
        """Give what is not under way to processes that are idle."""
        wanted = [job for job in self._jobs if self._until is None or job.draw.update < self._until]
        busy = {player.job.draw.update for player in self._players if player.job is not None}
        open_ = [job for job in wanted if job.draw.update not in self._done | busy]
        while len(self._players) < min(self._count, len(wanted)):
            self._players.append(_Player(self.config, self._out, self._tokens, self._seed))
        for number, player in enumerate(self._players):
            if player.job is None and open_:
                job = open_.pop(0)
                if job.version == BASE and player.version != BASE:  # it has other weights now: a new one has those
                    player.end()
                    player = self._players[number] = _Player(self.config, self._out, self._tokens, self._seed)
                player.give(job, None if job.version == BASE else self._weights(job.version))

    def _attend(self, number: int, player: _Player) -> None:
        """Hear what a process says; one that is dead or hangs is replaced."""
        wrong, job = player.listen(), player.job
        self._in_play.heard(player, player.changes)
        player.changes.clear()
        if wrong is None:
            if job is not None and player.finished:
                self._done.add(job.draw.update)
                player.job = None
            return
        player.end()
        self._in_play.heard(player, [(time.monotonic(), 0)])
        self._players[number] = _Player(self.config, self._out, self._tokens, self._seed)
        if job is None:
            return
        self._tries[job.draw.update] += 1
        if player.error or self._tries[job.draw.update] >= TRIES:
            raise WorkerError(f"the rollout of update {job.draw.update}: {wrong}")
        print(f"arena: the rollout of update {job.draw.update}: {wrong}. It goes on in a new process", file=sys.stderr)


class _Player:
    """A process that plays updates, one at a time."""

    def __init__(self, config: RolloutConfig, out: Path, tokens: Tokens, seed: int) -> None:
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
            target=_main, args=(theirs, config, out, tokens, seed), daemon=True
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

    def end(self) -> None:
        """Kill it. What it played is kept, and it holds nothing else."""
        self._process.kill()
        self._process.join()
        self.words.close()


def _main(words: Connection, config: RolloutConfig, out: Path, tokens: Tokens, seed: int) -> None:
    """What a process runs. It ends when the trainer is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lock = threading.Lock()

    def say(*word: object) -> None:
        with lock:
            words.send(word)

    try:
        with sharing(out), Rollout(config, out, tokens, seed=seed) as rollout:
            threading.Thread(target=_beat, args=(rollout, say), daemon=True).start()
            while True:
                draw, version, weights = words.recv()
                if version != rollout.version:
                    rollout.update(version, weights)
                rollout.played(draw, watched=False)
                _tell(rollout, say)
                say("done", draw.update, "")
    except ArenaError as error:
        say("error", str(error), "")
    except (EOFError, OSError):
        return


def _beat(rollout: Rollout, say: Callable[..., None]) -> None:
    """Tell how far it is. When nobody listens any more, another process may go on here soon."""
    try:
        while True:
            _tell(rollout, say)
            time.sleep(BEAT)
    except OSError:
        os._exit(1)


def _tell(rollout: Rollout, say: Callable[..., None]) -> None:
    progress = rollout.progress
    say("alive", (progress.answers, progress.loading, progress.changes()), progress.waits_for())
