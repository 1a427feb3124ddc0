"""Lessons where nano itself went: it plays, and the teacher says what it would have done there.

A student that copies a teacher's own matches never sees what follows from its own mistakes (Ross, Gordon and Bagnell
2011). So nano plays an ordinary run of the arena, and a game's corrector (arena/train/lesson.py) plays it again.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from arena import plugins
from arena.log import MatchLine, TurnLine
from arena.record.reader import Run
from arena.supervisor.runtime.use import interpreter
from arena.train.lesson import Corrector, Lesson
from scripts.nano import lessons

AT_ONCE = 10  # matches of a shard
# What is played: the levels to learn from, and the same starts as the teacher's.
PLAYED = {"sidescroller": "sidescroller@set=train", "mario": "mario:1-1@noops=30"}


def make(folder: Path, game: str, model: str, seed: int, matches: int, workers: int) -> list[Path]:
    """Shards of lessons where `model` went in so many matches; what is missing is made."""
    files = [folder / f"{game}-visited-{seed}-{index:04d}.lessons" for index in range(-(-matches // AT_ONCE))]
    missing = [(index, file) for index, file in enumerate(files) if not file.exists()]
    if missing:
        run = play(folder / f"{game}-visited-{seed}", game, model, seed, matches)
        runtime = plugins.game_class(game).runtime
        python = sys.executable if runtime is None else str(interpreter(runtime))
        with ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(_there, python, file, game, run, index) for index, file in missing]
            for job in jobs:
                job.result()
    return files


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


def corrector(game: str) -> Corrector:
    """The function `visited` beside the game's teacher. ValueError when there is none."""
    target = plugins.game_class(game).teacher or ""
    found = getattr(importlib.import_module(target.partition(":")[0]), "visited", None) if target else None
    if found is None:
        raise ValueError(f"{game} has no corrector: write `visited` beside its teacher (arena/train/lesson.py)")
    return found  # type: ignore[no-any-return]


def corrected(game: str, run: Path, first: int, count: int) -> list[Lesson]:
    """The lessons of `count` matches of a run from match `first` on."""
    correct, out = corrector(game), []
    for lines in Run(run).matches():
        head = lines[0]
        assert isinstance(head, MatchLine)
        if first <= head.match < first + count:
            actions = [line.action for line in lines if isinstance(line, TurnLine) and line.action is not None]
            out += correct(head.options, bytes.fromhex(head.seed), actions)
    return out


def _there(python: str, file: Path, game: str, run: Path, index: int) -> None:
    """A shard made by a runtime's Python. RuntimeError with the last of what it said."""
    command = [python, "-m", "scripts.nano.visited", str(file), game, str(run), str(index * AT_ONCE)]
    done = subprocess.run(command, cwd=lessons.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    made, game, run, first = sys.argv[1:]
    lessons.write(Path(made), corrected(game, Path(run), int(first), AT_ONCE))
