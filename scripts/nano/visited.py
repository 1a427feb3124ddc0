"""Lessons where nano itself went: it plays, and the teacher says what it would have done there.

A student that copies a teacher's own matches never sees what follows from its own mistakes (Ross, Gordon and Bagnell
2011). So nano plays an ordinary run of the arena, and a game's corrector (arena/train/lesson.py) plays it again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from arena.train import shards

# What is played: the levels to learn from, and the same starts as the teacher's.
PLAYED = {"sidescroller": "sidescroller@set=train", "mario": "mario:1-1@noops=30"}


def make(folder: Path, game: str, model: str, seed: int, matches: int, workers: int) -> list[Path]:
    """Shards of lessons where `model` went in so many matches; what is missing is made."""
    run = play(folder / f"{game}-played-{seed}", game, model, seed, matches)
    return shards.make_visited(folder, game, run, matches, workers)


def play(run: Path, game: str, model: str, seed: int, matches: int) -> Path:
    """A run of `model` alone; one that was stopped goes on."""
    command = [sys.executable, "-m", "arena", "play"]
    if (run / "run.json").exists():
        command += ["--resume", str(run)]
    else:
        command += ["--game", PLAYED[game], "--operators", f"vlm:{model}", "--matches", str(matches)]
        command += ["--seed", str(seed), "--concurrency", "32", "--out", str(run)]
    subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return run
