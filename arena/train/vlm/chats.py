"""Chats to learn from: what a model is asked, and what it should write.

They come from recorded matches of any operators (people too), from lessons of a game's teacher, and from the files that
`arena export --to chat` wrote. Those of the first two are asked exactly as the operator will be that is trained, by the
`prompts` of its kind; those of a file stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs
from PIL import Image as Pictures

from arena import plugins
from arena.canonical import digest
from arena.errors import InputError
from arena.exporters.episodes import Episode, Reader
from arena.exporters.filters import Filter
from arena.game import GameSpec, Views
from arena.names import Name
from arena.operator import OpenSeat, OperatorKind, Request, check_options
from arena.prompts import MARK, SAY
from arena.record.asked import Messages
from arena.record.reader import Run
from arena.train.lesson import Lesson

ONCE = 256  # lessons that are asked together


@dataclass(frozen=True, slots=True)
class Chat:
    """One turn."""

    game: str
    messages: Messages  # (role, parts) each; a part is a text or a picture, uint8 (height, width, 3)
    text: str  # what is to be written
    shown: str = ""  # what else the pictures show, which comes after the end of the text


@dataclass(frozen=True, slots=True)
class Asked:
    """How the operator that is trained is asked: `vlm`, `vlm:DIR@prompt=full`, ... InputError if it reads no chats."""

    name: Name

    @property
    def kind(self) -> OperatorKind:
        """Its kind."""
        kind = plugins.operator_kind(self.name.kind)
        if kind.prompts is None:
            raise InputError(f"{self.name.kind} is not asked in words, so it cannot learn from chats; vlm and llm can")
        return kind

    def options(self, spec: GameSpec | None) -> dict[str, Any]:
        """Its options, filled in. InputError for unknown ones."""
        kind = self.kind
        given = check_options(kind, self.name.options, str(self.name))
        return dict(kind.resolve_options(spec, self.name.what, given))

    def of(self, spec: GameSpec) -> tuple[Views, Callable[..., Iterator[Messages]]]:
        """(the views that it wants of a game, what gives the messages of requests: see OperatorKind.prompts)."""
        options, prompts = self.options(spec), plugins.resolve(self.kind.prompts or "")
        return self.kind.views(spec, self.name.what, options), partial(prompts, self.name.what, options)


def of_lessons(lessons: Iterable[Lesson], asked: Asked) -> Iterator[Chat]:
    """Each lesson alone, as one turn of a match."""
    alone = "history" in asked.name.options  # else a turn is asked alike whatever was before it
    known: dict[str, tuple[Views, Callable[..., Iterator[Messages]]]] = {}
    for card, some in groupby(lessons, key=lambda lesson: lesson.card):
        place = digest(card.game, card.seats, card.options)
        if place not in known:
            known[place] = asked.of(plugins.game_class(card.game)(card.seats, card.options).spec)
        views, prompts = known[place]
        seat = OpenSeat(match=0, seat=0, operator=asked.name.kind, card=card, views=views, seed=bytes(16))
        for taught in batched(some, 1 if alone else ONCE):
            requests = [Request(0, 0, 0, 0, lesson.observation) for lesson in taught]
            for lesson, messages in zip(taught, prompts(seat, requests, [""] * len(taught)), strict=True):
                yield Chat(card.game, messages, f"{lesson.thought}\n{MARK} {lesson.answer}", lesson.shown)


def batched(items: Iterable[Lesson], size: int) -> Iterator[list[Lesson]]:
    """Lists of `size` items; the last may be shorter."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def of_run(run: Path, keep: Filter, asked: Asked, *, trust: bool = False) -> Iterator[Chat]:
    """The turns of the chosen operators in a recorded run, which is played again for what they saw.

    Faults teach nothing and are left out. A thought stands before its answer where the operator said one.
    """
    with closing(Reader.open(Run(run), keep, trust=trust)) as reader:
        for place in reader.games:
            spec = reader.game(place).spec
            views, prompts = asked.of(spec)
            for episode in reader.episodes(place, lambda head, views=views: views):  # type: ignore[misc]
                yield from _turns(episode, views, spec.id, prompts)


def _turns(episode: Episode, views: Views, game: str, prompts: Callable[..., Iterator[Messages]]) -> Iterator[Chat]:
    seat = structs.replace(episode.opening, views=views)
    requests = [structs.replace(step.turn.request, observation=step.seen) for step in episode.steps]
    texts = [written(episode, number) for number in range(len(requests))]
    made = prompts(seat, requests, texts)
    for step, messages, text in zip(episode.steps, made, texts, strict=True):
        if step.turn.fault is None and step.turn.move is not None:
            yield Chat(game, messages, text)


def written(episode: Episode, number: int) -> str:
    """The turn as a model writes it: thought, words to the others, answer."""
    turn = episode.steps[number].turn
    if turn.move is None:
        return ""
    said = [turn.decision.thought] if turn.decision.thought else []
    if turn.move.action is None:
        return "\n".join([*said, f"{MARK} {turn.move.say}"])
    said += [f"{SAY} {turn.move.say}"] if turn.move.say else []
    return "\n".join([*said, f"{MARK} {episode.opening.card.actions[turn.move.action]}"])


def file_of(path: Path) -> Path:
    """The file of a folder, or itself, as `arena export --to chat` wrote it. InputError where there is none."""
    file = path / "train.parquet" if path.is_dir() else path
    if not file.is_file():
        is_run = f". A run is learned from with --run {path}" if (path / "run.json").is_file() else ""
        raise InputError(
            f"{path}: no chats can be read there (there is no {file}); expected what `arena export --to chat` "
            f"wrote{is_run}"
        )
    return file


def of_file(path: Path) -> Iterator[Chat]:
    """The rows of a folder or file of `arena export --to chat`. InputError for what is none."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    file = file_of(path)
    try:
        table = pq.ParquetFile(file)
    except (OSError, ArrowException) as error:
        raise InputError(
            f"{path}: no chats can be read there ({error}); expected what `arena export --to chat` wrote"
        ) from error
    lacks = {"prompt", "completion"} - set(table.schema_arrow.names)
    if lacks:
        raise InputError(f"{file} has no column {min(lacks)!r}: expected what `arena export --to chat` wrote")
    for group in range(table.num_row_groups):
        for row in table.read_row_group(group).to_pylist():
            yield _row(row)


def _row(row: dict[str, Any]) -> Chat:
    pictures = iter(row.get("images") or ())

    def part(one: dict[str, Any]) -> Any:
        if one["type"] != "image":
            return one["text"]
        return np.array(Pictures.open(io.BytesIO(next(pictures)["bytes"])).convert("RGB"))

    def parts(content: Any) -> list[Any]:
        return [content] if isinstance(content, str) else [part(one) for one in content]

    prompt = [(message["role"], parts(message["content"])) for message in row["prompt"]]
    said = "".join("".join(parts(message["content"])) for message in row["completion"])
    return Chat(row.get("game") or "chat", prompt, said)
