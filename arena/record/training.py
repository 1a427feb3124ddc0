"""What a folder of `arena train` says of the training: train.json, beside the run of its evaluation."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Any

import msgspec

from arena import commands
from arena.record.documents import read_json

HEAD = "train.json"
LOCK = "train.lock"  # exists in the folder of a training, of whatever kind, while it runs
FORMAT = 1
OF_TRAINING = ("checkpoint-", "policy.", "curve.csv", HEAD, LOCK, "tb", "imitation.txt", "round-", "evaluation-")
# What the names of the files of a training begin with; anything else in its folder is of the evaluation.


class TrainHead(msgspec.Struct, frozen=True, kw_only=True):
    """train.json: what was to be trained, and with what."""

    format: int = FORMAT
    game: str  # with its options, as on the command line
    game_version: int
    steps: int  # decisions of the learner that were asked for
    seed: int
    trained_by: str  # the command, or the script,
    folder: str  # and where it was typed
    config: dict[str, Any]  # the settings that decide the weights
    versions: dict[str, str]  # arena, python, numpy, torch


class Training:
    """The training in a folder, however far it came."""

    def __init__(self, folder: Path, head: TrainHead) -> None:
        self.folder = folder
        self.head = head
        self.row: dict[str, str] = {}  # of the last update
        curve = folder / "curve.csv"
        if curve.is_file():
            with curve.open(newline="", encoding="utf-8") as file:
                for self.row in csv.DictReader(file):
                    pass

    @property
    def steps(self) -> int:
        """Decisions that were learned from."""
        return int(self.row.get("steps") or 0)

    @property
    def complete(self) -> bool:
        """All that was asked for."""
        return self.steps >= self.head.steps

    @property
    def again(self) -> str:
        """The command that goes on with it."""
        return resumed(self.head.trained_by, self.folder)

    def sentences(self) -> list[str]:
        """How far it came, and what the last update says."""
        head = self.head
        done = f"{self.steps:,} of {head.steps:,}" if not self.complete else f"{self.steps:,}"
        out = [f"trained on {head.game} for {done} decisions, seed {head.seed}: {head.trained_by}"]
        told = [f"{name} {self.row[name]}" for name in ("update", "return", "entropy") if self.row.get(name)]
        return [*out, f"last update: {', '.join(told)}"] if told else out


def resumed(trained_by: str, folder: Path) -> str:
    """The command that goes on with a training: a script's is that which began it, ours finds that in its folder."""
    if trained_by.startswith("arena train "):
        return commands.arena(*trained_by.split()[1:3], "--out", str(folder), "--resume")
    return f"{trained_by} --out {shlex.quote(str(folder))} --resume"


def read_training(folder: Path) -> Training | None:
    """The training in `folder`; None where there is none. RecordError when its head cannot be read."""
    file = folder / HEAD
    return Training(folder, read_json(file, TrainHead, format=FORMAT)) if file.is_file() else None


def may_record(folder: Path, lock: str) -> bool:
    """Whether a run may be written into `folder`: nothing is there but a training that was not evaluated yet."""
    names = [path.name for path in folder.iterdir() if path.name != lock]
    return not names or (HEAD in names and all(name.startswith(OF_TRAINING) for name in names))


def set_aside(folder: Path, steps: int) -> None:
    """Move the evaluation of a policy that is trained further out of the way: a run folder of its own inside."""
    if not (folder / "run.json").exists():
        return
    aside = folder / f"evaluation-{steps:010d}"
    aside.mkdir()
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(OF_TRAINING):
            path.rename(aside / path.name)
