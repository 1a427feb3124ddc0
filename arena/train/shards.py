"""Lessons on disk: shards that a teacher made, one file of about a thousand lessons, each from a seed of its own.

A shard follows from (seed, game, part, index) alone, so shards may be made in any order, by any number of processes,
and made again after they were lost. Lessons of a game that needs a runtime are made by the runtime's Python, which runs
this file: so it imports nothing but the core.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import structs

from arena import plugins
from arena.canonical import digest, generator, hash_file, key
from arena.errors import ArenaError, InputError, UnplayableError
from arena.game import GameCard, Image, Observation
from arena.log import Line, MatchLine, TickLine, TurnLine
from arena.names import parse
from arena.record.reader import Run
from arena.record.replay import game_here
from arena.supervisor.runtime.use import interpreter
from arena.train.lesson import Corrector, Lesson, Teacher, Went

Part = Literal["train", "held-out", "unseen"]
AT_ONCE = 10  # matches of a shard of visited states
PATIENCE = 5_000  # lessons that are looked at for one that decides
REFUSED = 3  # how a process ends that was asked for what cannot be


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """One lesson. Its picture is kept as zlib over its pixels."""

    card: int  # which of the shard's
    observation: Observation  # without the picture
    thought: str
    answer: str
    shown: str
    shape: tuple[int, ...]
    pixels: bytes
    decides: bool

    def image(self) -> Image | None:
        """uint8 (height, width, 3)."""
        return np.frombuffer(zlib.decompress(self.pixels), np.uint8).reshape(self.shape) if self.shape else None


class Shard(msgspec.Struct, frozen=True, array_like=True):
    """The content of a file."""

    cards: list[GameCard]
    lessons: list[Stored]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Shard)


def teacher_of(game: str) -> str:
    """Where the game's teacher is. UnplayableError when it has none."""
    target = plugins.game_class(game).teacher
    if target is None:
        raise UnplayableError(
            f"{game} has no teacher, so nothing can be taught by it: set Game.teacher (arena/train/lesson.py), "
            "or record matches of a good player"
        )
    return target


def teacher(game: str) -> Teacher:
    """The game's teacher. UnplayableError when it has none."""
    return plugins.resolve(teacher_of(game))


def corrector(game: str) -> Corrector:
    """The function `visited` beside the game's teacher. UnplayableError when there is none."""
    beside = teacher_of(game).rpartition(":")[0]
    try:
        return plugins.resolve(f"{beside}:visited")
    except AttributeError:
        raise UnplayableError(
            f"{game} has no corrector, which says what would have been better in recorded matches: write `visited` "
            "beside its teacher (arena/train/lesson.py)"
        ) from None


def taught(game: str, seed: int, part: Part, index: int, count: int, *, decides: bool = False) -> Iterator[Lesson]:
    """The `count` lessons of one shard, in order; `decides`: of those where no other answer would do."""
    teach, rng = teacher(game), generator(key("nano", seed, game, part, index))
    every = chain.from_iterable(teach(rng) for _ in repeat(None))
    return islice(deciding(every, game) if decides else every, count)


def deciding(lessons: Iterable[Lesson], game: str) -> Iterator[Lesson]:
    """The lessons where no other answer would do. InputError where there is none among them, or the first of them."""
    left = iter(lessons)
    first = next((lesson for lesson in islice(left, PATIENCE) if lesson.decides), None)
    if first is None:
        raise InputError(
            f"@decides=true: no lesson of {game} says that no other answer would do (Lesson.decides). Leave it out, or "
            "let the game's teacher say it"
        )
    yield first
    yield from (lesson for lesson in left if lesson.decides)


def visited(game: str, run: Path, first: int, count: int, operator: str = "") -> Iterator[Lesson]:
    """What the teacher would have done in the matches `first` to `first + count` of a run of this game alone.

    `operator`: only where it was that one's turn, by its name in the pool.
    """
    correct, of = corrector(game), Run(run)
    for lines in of.matches():
        head = lines[0]
        if isinstance(head, MatchLine) and first <= head.match < first + count:
            _, options = game_here(of.head.games[head.game_index], run)
            yield from correct(_went(head, lines, options, operator))


def _went(head: MatchLine, lines: Sequence[Line], options: Mapping[str, Any], operator: str) -> Went:
    ticks: dict[int, dict[int, int]] = {line.tick: {} for line in lines if isinstance(line, TickLine)}
    for line in lines:
        if isinstance(line, TurnLine) and line.action is not None and line.tick in ticks:
            ticks[line.tick][line.seat] = line.action
    seats = [seat for seat, name in enumerate(head.seats) if operator in ("", name)]
    return Went(options, len(head.seats), bytes.fromhex(head.seed), list(ticks.values()), seats)


def write(file: Path, lessons: Iterable[Lesson]) -> Path:
    """A shard of these lessons, whole or not at all. ValueError for one that answers with no legal action."""
    cards: list[GameCard] = []
    stored = []
    for lesson in lessons:
        seen, image = lesson.observation, lesson.observation.image
        legal = [lesson.card.actions[action] for action in seen.legal]
        if lesson.answer not in legal:
            raise ValueError(f"a lesson of {lesson.card.game} answers {lesson.answer!r}; legal: {', '.join(legal)}")
        if lesson.card not in cards:
            cards.append(lesson.card)
        stored.append(
            Stored(
                cards.index(lesson.card),
                structs.replace(seen, image=None, vector=None),
                lesson.thought,
                lesson.answer,
                lesson.shown,
                () if image is None else image.shape,
                b"" if image is None else zlib.compress(image.tobytes(), 6),
                lesson.decides,
            )
        )
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_bytes(_encoder.encode(Shard(cards, stored)))
    fresh.replace(file)
    return file


def stored(files: Iterable[Path]) -> Iterator[tuple[GameCard, Stored]]:
    """The lessons of some shards, in order, their pictures still packed."""
    for file in files:
        shard = _decoder.decode(file.read_bytes())
        for one in shard.lessons:
            yield shard.cards[one.card], one


def read(files: Iterable[Path]) -> Iterator[Lesson]:
    """The lessons of some shards, in order."""
    for card, one in stored(files):
        seen = structs.replace(one.observation, image=one.image())
        yield Lesson(card, seen, one.thought, one.answer, one.shown, one.decides)


def make(
    folder: Path,
    game: str,
    seed: int,
    part: Part,
    lessons: int,
    shard: int,
    workers: int,
    *,
    decides: bool = False,
    quiet: bool = False,
) -> list[Path]:
    """The shards that hold `lessons` lessons; those that are missing are made by `workers` processes.

    `decides`: of those where no other answer would do.
    """
    which = "deciding" if decides else "taught"
    name = f"{_called(game)}-deciding" if decides else _called(game)
    files = [folder / f"{name}-{part}-{seed}-{index:04d}.lessons" for index in range(-(-lessons // shard))]
    jobs = {file: (which, str(seed), part, str(index), str(shard)) for index, file in enumerate(files)}
    _make(game, jobs, workers, quiet)
    return files


def make_visited(
    folder: Path, game: str, run: Path, matches: int, workers: int, *, operator: str = "", quiet: bool = False
) -> list[Path]:
    """Shards of what the teacher would have done where the players of a run's first `matches` matches went.

    `operator`: as in `visited`.
    """
    which = digest(hash_file(run / "run.json"), operator)[:8]  # other runs may be called so
    name = f"{_called(game)}-visited-{run.name}-{which}"
    files = [folder / f"{name}-{index:04d}.lessons" for index in range(-(-matches // AT_ONCE))]
    jobs = {file: ("visited", str(run), str(index * AT_ONCE), operator) for index, file in enumerate(files)}
    _make(game, jobs, workers, quiet)
    return files


def _called(game: str) -> str:
    """The game in the name of a shard; one from a file by its class, and by where it is: others may be called so."""
    name = parse(game)
    return f"{name.what}-{digest(name.absolute.kind)[:8]}" if name.is_file else game


def _make(game: str, jobs: Mapping[Path, tuple[str, ...]], workers: int, quiet: bool) -> None:
    missing = {file: job for file, job in jobs.items() if not file.exists()}
    if not missing:
        return
    runtime = plugins.game_class(game).runtime
    python = sys.executable if runtime is None else str(interpreter(runtime))
    next(iter(missing)).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(workers) as pool:
        made = [pool.submit(_there, python, file, game, *job) for file, job in missing.items()]
        for done, job in enumerate(made, 1):
            job.result()
            if not quiet and (done % 10 == 0 or done == len(made)):
                print(f"{game}: {done} of {len(made)} shards of lessons made", file=sys.stderr, flush=True)


def _there(python: str, file: Path, game: str, *job: str) -> None:
    """A shard made by a process of its own. InputError with what it refused, or with the last of what it said."""
    command = [python, "-m", "arena.train.shards", str(file), game, *job]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == REFUSED:
        raise InputError(done.stderr.strip())
    if done.returncode:
        raise InputError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def main(words: Sequence[str]) -> None:
    file, game, which, *rest = words
    if which == "visited":
        run, first, operator = rest
        made = visited(game, Path(run), int(first), AT_ONCE, operator)
    else:
        seed, part, index, count = rest
        made = taught(game, int(seed), part, int(index), int(count), decides=which == "deciding")  # type: ignore[arg-type]
    try:
        write(Path(file), made)
    except ArenaError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main(sys.argv[1:])
