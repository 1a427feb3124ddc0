"""The folder of a training: its head, its metrics, what is kept. Every file appears whole, or stays as it was."""

from __future__ import annotations

import contextlib
import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

import arena
from arena.errors import InputError
from arena.train.folders import alone, names_in, unwritable
from arena.train.vlm import begun, checkpoints, lines, scored
from arena.train.vlm.begun import HEAD
from arena.train.vlm.boards import Board, boards
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.lines import METRICS, TIMING
from arena.train.vlm.samples import Sample, page
from arena.train.vlm.scored import EVALUATIONS
from arena.train.vlm.told import SAMPLES


class Files:
    """The folder of one training."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._boards: list[Board] = []
        self._new = False  # it was begun here

    def begin(self, config: VlmConfig, resume: str) -> None:
        """Make the folder, or check that it fits. InputError in words. Who goes on says so once it does: `goes_on`."""
        begun.check_folder(self.out, resume)
        if resume == "no":
            self._write(self.out / HEAD, self._head(config))
            self._new = True
            return
        was, now = begun.read_head(self.out), self._head(config)
        if resume == "exact":
            begun.check_settings(self.out, now["config"], config.updates)
            for name, hashed in now[begun.FILES].items():
                if was[begun.FILES].get(name, hashed) != hashed:
                    print(f"{name} was changed since this training last began or went on: it goes on with what is new")
            torn = {name: (was["versions"][name], new) for name, new in now["versions"].items()}
            for name, (old, new) in torn.items():
                if old != new and name in ("arena", "torch"):
                    print(f"{name} was {old} when this training began and is {new} now: last bits may differ")

    @contextlib.contextmanager
    def refused(self, held: contextlib.ExitStack) -> Iterator[None]:
        """Within, a training is made ready, alone in the folder until `held` is closed.

        One that is refused then, not stopped, leaves the folder as it was.
        """
        held.enter_context(alone(self.out))
        try:
            yield
        except InputError:
            if self._new and self.newest() is None:
                for path in map(self.out.joinpath, names_in(self.out)):
                    with contextlib.suppress(OSError):
                        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            raise

    def goes_on(self, config: VlmConfig, weights_of: int | None) -> None:
        """Note with what settings, and whether with the weights alone of some update, until it has its own checkpoint.

        Not before it was restored: a training that is refused leaves all as it was.
        """
        self._write(self.out / HEAD, self._head(config, weights_of))

    def weights_of(self) -> int | None:
        """The update of which this training took the weights alone, if it has no checkpoint of its own since then."""
        found, newest = begun.read_head(self.out)[begun.ALONE], self.newest()
        return found if newest is not None and found == int(newest.name) else None

    def _head(self, config: VlmConfig, weights_of: int | None = None) -> dict[str, Any]:
        versions = {
            "arena": arena.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": str(torch.__version__),
        }
        return {
            "format": begun.FORMAT,
            "updates": config.updates,
            "config": config.facts(),
            begun.OTHERS: config.others(),
            begun.ALONE: weights_of,
            begun.FILES: config.files(),
            "versions": versions,
        }

    def checkpoint(self, update: int) -> Path:
        """Where the checkpoint of after so many updates stands."""
        return self.out / begun.CHECKPOINTS / f"{update:06d}"

    def newest(self) -> Path | None:
        """The newest checkpoint."""
        return max((self.out / begun.CHECKPOINTS).glob("[0-9]" * 6), default=None)

    def tidy(self, done: int, config: VlmConfig) -> None:
        """Remove what nobody needs: old checkpoints but that of the best evaluation, weights and rollouts."""
        found = sorted((self.out / begun.CHECKPOINTS).glob("[0-9]" * 6))
        best = scored.best(self.out)
        kept = [one for one in found if one in found[-config.keep :] or int(one.name) == best]
        for old in found:
            if old not in kept:
                shutil.rmtree(old)
        self._forget(kept)
        oldest = min((int(one.name) for one in found[-config.keep :]), default=0)
        for path in (self.out / "weights").glob("pi_v*"):
            version = int(path.name.removeprefix("pi_v"))
            if version < oldest - config.staleness:
                shutil.rmtree(path)
        if config.keep_rollouts:
            for path in (self.out / "rollouts").glob("[0-9]" * 6):
                if int(path.name) < oldest - config.keep_rollouts:
                    shutil.rmtree(path)

    def _forget(self, kept: Sequence[Path]) -> None:
        """Remove the weights of snapshots and of updates under way that no checkpoint of `kept` names.

        What goes on here needs what the newest one names, and what was made since then, of which nothing is removed.
        """
        try:
            needed = {path for one in kept for path in self._named(one)}
        except (OSError, msgspec.DecodeError):
            return  # one is damaged: what it names is not known
        newest = max((int(one.name) for one in kept), default=0)
        for path in [*(self.out / "pool").glob("[0-9]" * 6), *(self.out / "ahead").glob("pi_v*")]:
            if int(path.name.removeprefix("pi_v")) < newest and path not in needed:
                shutil.rmtree(path)

    def _named(self, checkpoint: Path) -> Iterator[Path]:
        """The weights that who goes on from a checkpoint needs. OSError or DecodeError if it is damaged."""
        names = checkpoints.named(checkpoint)
        past = [one for job in names.ahead for one in job.draw.past]
        yield from (self.out / "pool" / f"{one.update:06d}" for one in [*names.pool.snapshots, *past])
        yield from (self.out / "ahead" / job.version for job in names.ahead)

    def cut(self, update: int, *, others: bool = False) -> list[int]:
        """Drop what is told of later updates, which are done again. Before anything is logged.

        `others`: by other weights, so that their evaluations are gone, too. Returns the earlier updates whose metrics
        are lost, since somebody changed their file: they are not played again.
        """
        for path in (self.out / EVALUATIONS).glob("[0-9]*") if others else ():
            if int(path.name[:6]) > update:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for board in self._boards:
            board.cut(update)
        lines.cut(self.out / TIMING, update)
        lost = lines.cut(self.out / METRICS, update)
        self._catch_up()
        return lost

    def _catch_up(self) -> None:
        """Boards get what was logged of an update whose checkpoint was whole when all stopped, before it was timed."""
        metrics, timing = (lines.read(self.out / name) for name in (METRICS, TIMING))
        timed = {line["update"] for line in timing}
        for line in metrics[-1:]:
            update = int(line.pop("update"))
            for board in self._boards if update not in timed else ():
                board.scalars(update, line)

    def log(self, update: int, metrics: Mapping[str, float]) -> None:
        """A line of the metrics. Before the update's checkpoint: a line alone is dropped by `cut` and made again."""
        lines.append(self.out / METRICS, update, metrics)

    def timed(self, update: int, metrics: Mapping[str, float], seconds: Mapping[str, float]) -> None:
        """A line of the times of an update; boards get its metrics and times."""
        lines.append(self.out / TIMING, update, seconds)
        both = {**metrics, **{f"timing_s/{name}": value for name, value in seconds.items()}}
        for board in self._boards:
            board.scalars(update, both)

    def evaluated(self, update: int, scores: Mapping[str, float]) -> None:
        """Boards get what was scored before an update that has no line of its own."""
        for board in self._boards:
            board.scalars(update, scores)

    def sample(self, update: int, shown: Sequence[Sample]) -> None:
        """A page of turns in OUT/samples; boards get it, too."""
        path = self.out / SAMPLES / f"{update:06d}.html"
        path.parent.mkdir(exist_ok=True)
        text = page(update, shown)
        _replace(path, text)
        for board in self._boards:
            board.sample(update, shown, text)

    def show(self, config: VlmConfig) -> None:
        """Show what is logged from now on on boards, too. InputError where one cannot be had."""
        self._boards = boards(self.out, config)

    def close(self) -> None:
        """Close the boards."""
        for board in self._boards:
            board.close()

    def _write(self, path: Path, told: Mapping[str, Any]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, json.dumps(told, indent=1, sort_keys=True) + "\n")
        except OSError as error:
            raise unwritable(self.out, error) from error


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
