"""Lessons on disk: shards that teachers made, one file of about a thousand lessons, each from a seed of its own.

A shard follows from (recipe seed, game, part, index) alone, so shards may be made in any order, by any number of
processes, and made again after they were lost. A picture is kept as zlib over its pixels. Lessons of a game that needs
a runtime are made by the runtime's Python, which calls this file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from arena import plugins
from arena.canonical import generator, key
from arena.game import Image, Observation
from arena.prompts import fill
from arena.supervisor.runtime.use import interpreter
from arena.train.lesson import Lesson, Teacher

Part = Literal["train", "held-out", "unseen"]
EDGE = 128
ROOT = Path(__file__).parents[2]


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One lesson as nano meets it."""

    game: str
    prompt: str
    thought: str
    answer: str
    picture: bytes
    shown: str = ""

    def image(self) -> Image:
        """uint8 (128, 128, 3)."""
        return np.frombuffer(zlib.decompress(self.picture), dtype=np.uint8).reshape(EDGE, EDGE, 3)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Stored])


def store(lesson: Lesson) -> Stored:
    """ValueError for a lesson that nano cannot be taught from."""
    image = lesson.observation.image
    if image is None or image.shape != (EDGE, EDGE, 3) or image.dtype != np.uint8:
        found = None if image is None else (image.shape, image.dtype)
        raise ValueError(f"a lesson of {lesson.card.game} has the picture {found}; expected uint8 {EDGE}x{EDGE}x3")
    legal = [lesson.card.actions[action] for action in lesson.observation.legal]
    if lesson.answer not in legal:
        raise ValueError(f"a lesson of {lesson.card.game} answers {lesson.answer!r}; legal: {', '.join(legal)}")
    prompt = fill(lesson.card, lesson.observation, "short")
    picture = zlib.compress(image.tobytes(), 6)
    return Stored(lesson.card.game, prompt, lesson.thought, lesson.answer, picture, lesson.shown)


def teacher(game: str) -> Teacher:
    """The game's teacher; ValueError when it has none."""
    target = plugins.game_class(game).teacher
    if target is None:
        raise ValueError(
            f"{game} has no teacher, so nano cannot be taught it: set Game.teacher (arena/train/lesson.py)"
        )
    return plugins.resolve(target)


def taught(game: str, seed: int, part: Part, index: int, count: int) -> Iterator[Lesson]:
    """The `count` lessons of one shard, in order."""
    teach, rng = teacher(game), generator(key("nano", seed, game, part, index))
    left = count
    while left:
        for lesson in teach(rng):
            yield lesson
            left -= 1
            if not left:
                return


def _make(file: Path, game: str, seed: int, part: Part, index: int, count: int) -> Path:
    return write(file, taught(game, seed, part, index, count))


def write(file: Path, lessons: Iterable[Lesson]) -> Path:
    """A shard of these lessons, whole or not at all."""
    stored = [store(lesson) for lesson in lessons]
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(_encoder.encode(stored))
    fresh.replace(file)
    return file


def _make_there(python: str, file: Path, *job: str | int) -> Path:
    """A shard made by a runtime's Python. RuntimeError with the last of what it said."""
    command = [python, "-m", "scripts.nano.lessons", str(file), *map(str, job)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return file


def make(folder: Path, game: str, seed: int, part: Part, lessons: int, shard: int, workers: int) -> list[Path]:
    """The shards that hold `lessons` lessons; those that are missing are made by `workers` processes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{game}-{part}-{seed}-{index:04d}.lessons" for index in range(-(-lessons // shard))]
    missing = [(index, file) for index, file in enumerate(files) if not file.exists()]
    if missing:
        runtime = plugins.game_class(game).runtime
        how = _make if runtime is None else partial(_make_there, str(interpreter(runtime)))
        pool: Executor = ProcessPoolExecutor(workers) if runtime is None else ThreadPoolExecutor(workers)
        with pool:
            jobs = [pool.submit(how, file, game, seed, part, index, shard) for index, file in missing]
            for done, job in enumerate(jobs, 1):
                job.result()
                if done % 10 == 0 or done == len(jobs):
                    print(f"{game}: {done} of {len(jobs)} shards of {shard} lessons made", flush=True)
    return files


def read(files: list[Path]) -> list[Stored]:
    """All lessons of some shards, in order."""
    return [lesson for file in files for lesson in _decoder.decode(file.read_bytes())]


def unseen(folder: Path, game: str, seed: int, count: int) -> list[Lesson]:
    """The first `count` lessons that no recipe uses, as a model meets them: the card holds the prompt filled in."""
    card = plugins.game_class(game)(plugins.game_class(game).spec.seats[0], {}).card()

    def met(stored: Stored) -> Lesson:
        prompt = stored.prompt.replace("{", "{{").replace("}", "}}")
        observation = Observation(legal=(), image=stored.image(), text="")
        return Lesson(structs.replace(card, prompts={"short": prompt}), observation, stored.thought, stored.answer)

    return [met(stored) for stored in read(make(folder, game, seed, "unseen", count, count, 1))]


def pixels(images: list[Image]) -> npt.NDArray[np.float32]:
    """(n, 3, 128, 128) in [-1, 1], as the processor makes them."""
    return np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - np.float32(1)


if __name__ == "__main__":
    made, game, *numbers = sys.argv[1:]
    seed, part, index, count = numbers
    _make(Path(made), game, int(seed), part, int(index), int(count))  # type: ignore[arg-type]
