"""Where nano itself goes: it plays, and a game's corrector (arena/train/lesson.py) says what would have been better.

A student that copies a teacher's own matches never sees what follows from its own mistakes (Ross, Gordon and Bagnell
2011).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# What is played: the levels to learn from, and the same starts as the teacher's; and by how many.
PLAYED = {
    "sidescroller": ("sidescroller@set=train", 1),
    "mario": ("mario:1-1@noops=30", 1),
    "race": ("race@set=train@horizon=150", 2),
}


def play(run: Path, game: str, model: str, seed: int, matches: int) -> Path:
    """A run of `model` in every seat; one that was stopped goes on."""
    command = [sys.executable, "-m", "arena", "play"]
    if (run / "run.json").exists():
        command += ["--resume", str(run)]
    else:
        name, seats = PLAYED[game]
        command += ["--game", name, "--operators", ",".join([f"vlm:{model}"] * seats), "--matches", str(matches)]
        command += ["--seed", str(seed), "--concurrency", "32", "--out", str(run)]
    subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return run
