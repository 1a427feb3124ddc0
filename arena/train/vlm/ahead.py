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

import multiprocessing
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import msgspec

from arena.errors import ArenaError, InputError, WorkerError
from arena.train.vlm.in_play import InPlay
from arena.train.vlm.matches import RolloutConfig
from arena.train.vlm.opponents import copy
from arena.train.vlm.players import BEAT, Job, Player
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import BASE, Collected, Tokens

TRIES = 3  # of an update whose process dies or hangs


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
        self._players: list[Player] = []
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
                player.leave()
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
            self._players.append(self._new())
        for number, player in enumerate(self._players):
            if player.job is None and open_:
                job = open_.pop(0)
                if job.version == BASE and player.version != BASE:  # it has other weights now: a new one has those
                    player.end()
                    player = self._players[number] = self._new()
                player.give(job, None if job.version == BASE else self._weights(job.version))

    def _new(self) -> Player:
        return Player(self.config, self._out, self._tokens, self._seed, self._count)

    def _attend(self, number: int, player: Player) -> None:
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
        self._players[number] = self._new()
        if job is None:
            return
        self._tries[job.draw.update] += 1
        if player.error or self._tries[job.draw.update] >= TRIES:
            raise WorkerError(f"the rollout of update {job.draw.update}: {wrong}")
        print(f"arena: the rollout of update {job.draw.update}: {wrong}. It goes on in a new process", file=sys.stderr)
