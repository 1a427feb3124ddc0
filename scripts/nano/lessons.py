"""Lessons on disk: shards that teachers made, one file of about a thousand lessons, each from a seed of its own.

A shard follows from (recipe seed, game, part, index) alone, so shards may be made in any order, by any number of
processes, and made again after they were lost. A picture is kept as zlib over its pixels.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from arena import plugins
from arena.canonical import generator, key
from arena.game import Image
from arena.train.lesson import Lesson, Teacher
from operators.vlm.prompt import fill

Part = Literal["train", "held-out", "unseen"]
EDGE = 128


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One lesson as nano meets it."""

    game: str
    prompt: str
    thought: str
    answer: str
    picture: bytes

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
    return Stored(lesson.card.game, prompt, lesson.thought, lesson.answer, zlib.compress(image.tobytes(), 6))


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
    lessons = [store(lesson) for lesson in taught(game, seed, part, index, count)]
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(_encoder.encode(lessons))
    fresh.replace(file)
    return file


def make(folder: Path, game: str, seed: int, part: Part, lessons: int, shard: int, workers: int) -> list[Path]:
    """The shards that hold `lessons` lessons; those that are missing are made by `workers` processes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{game}-{part}-{seed}-{index:04d}.lessons" for index in range(-(-lessons // shard))]
    missing = [(index, file) for index, file in enumerate(files) if not file.exists()]
    if missing:
        with ProcessPoolExecutor(workers) as pool:
            jobs = [pool.submit(_make, file, game, seed, part, index, shard) for index, file in missing]
            for done, job in enumerate(jobs, 1):
                job.result()
                if done % 10 == 0 or done == len(jobs):
                    print(f"{game}: {done} of {len(jobs)} shards of {shard} lessons made", flush=True)
    return files


def read(files: list[Path]) -> list[Stored]:
    """All lessons of some shards, in order."""
    return [lesson for file in files for lesson in _decoder.decode(file.read_bytes())]


def pixels(images: list[Image]) -> npt.NDArray[np.float32]:
    """(n, 3, 128, 128) in [-1, 1], as the processor makes them."""
    return np.stack(images).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - np.float32(1)
