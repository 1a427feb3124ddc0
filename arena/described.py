"""Describes a game whose code is not ours: another process reports its facts and its card.

The arena itself neither imports nor makes such a game: its code may hang, crash or end the process. `describe` runs in
a process of its own (arena/supervisor/describe.py), and a DescribedGame takes the game's place in a Plan.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import msgspec

from arena import failure, plugins
from arena.errors import ArenaError, GameError, InputError
from arena.game import Game, GameCard, GameSpec, Move, Observation, StepResult, Views


class Question(msgspec.Struct, frozen=True):
    """The game to describe."""

    name: str  # as plugins know it, without options
    seats: int  # at most
    options: dict[str, Any]
    facts: bool = False  # the names of its facts are wanted, for which it is reset


class Description(msgspec.Struct, frozen=True, kw_only=True, tag="description"):
    """What is known of a game apart from its matches."""

    spec: GameSpec
    card: GameCard
    options: dict[str, Any]  # with defaults filled in
    files: dict[str, str]  # of the user's, by a word for each
    runtime: str | None  # the managed environment that it asks for
    parses: bool  # it overrides `parse`
    engines: dict[str, str] = {}  # versions, by distribution
    facts: tuple[str, ...] = ()  # of the first observation, where they were asked for
    late: tuple[int, ...] = ()  # by last action: the action when an answer is late; only for games with a clock


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """Why the game cannot be played."""

    error: str  # the class in arena.errors
    text: str


Told = Description | Refusal


def describe(question: Question) -> Told:
    """Return what a game's own code says of it. Whatever that raises becomes a Refusal."""
    try:
        return _described(question)
    except GameError as error:
        return Refusal(InputError.__name__, f"game {question.name!r} cannot be played: {error}")
    except ArenaError as error:
        return Refusal(type(error).__name__, str(error))
    except ValueError as error:
        return Refusal(InputError.__name__, f"game {question.name!r}: {error}")
    except (Exception, SystemExit) as error:
        return Refusal(InputError.__name__, f"game {question.name!r} cannot be made: {failure.told(error)}")


def _described(question: Question) -> Description:
    cls = plugins.game_class(question.name)
    game = cls(min(question.seats, cls.spec.seats[1]), question.options)
    clocked = game.spec.pace == "realtime"
    return Description(
        spec=game.spec,
        card=game.card(),
        options=game.options,
        files={word: os.fspath(path) for word, path in game.user_files().items()},
        runtime=cls.runtime,
        parses=cls.parse is not Game.parse or cls.read is not Game.read,
        engines=dict(game.engine_versions()),
        late=tuple(int(game.late(action)) for action in range(game.spec.actions.n)) if clocked else (),
        facts=first_facts(game) if question.facts else (),
    )


def first_facts(game: Game) -> tuple[str, ...]:
    """The names of the facts of a game's first observation. The game is reset."""
    due = game.reset(bytes(16)).due
    return tuple(game.observe(due[0], Views(text=True)).facts or ()) if due else ()


def main(handle: int) -> int:
    """Read one Question from stdin, and write the answer to the descriptor `handle`."""
    question = msgspec.msgpack.decode(os.read(0, 1 << 20), type=Question)
    told = describe(question)
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.msgpack.encode(told))
    return 0


class DescribedGame(Game):
    """Stands for a game that is played in a host: it has the facts and the card, but cannot be played here."""

    description: ClassVar[Description]

    def __init__(self, seats: int, options: Mapping[str, Any] | None = None) -> None:
        self.seats = seats
        self.spec = self.description.spec
        self.options = dict(self.description.options)

    def card(self) -> GameCard:
        return self.description.card

    def user_files(self) -> Mapping[str, Path]:
        return {word: Path(path) for word, path in self.description.files.items()}

    def engine_versions(self) -> Mapping[str, str]:
        return self.description.engines

    def late(self, last: int) -> int:
        return self.description.late[last]

    def reset(self, seed: bytes) -> StepResult:
        self._elsewhere()

    def step(self, moves: Mapping[int, Move]) -> StepResult:
        self._elsewhere()

    def observe(self, seat: int, views: Views) -> Observation:
        self._elsewhere()

    def _elsewhere(self) -> NoReturn:
        raise RuntimeError(f"{self.spec.id} is played in a game host, not here")


class _Parsing(DescribedGame):
    """A DescribedGame that parses answers in its own way: its host is asked."""

    def parse(self, seat: int, answer: int | str | None) -> Move:
        self._elsewhere()


def class_of(description: Description) -> type[DescribedGame]:
    """Return the class that a Plan holds for this game. Make it with the seats and options that were described."""
    base = _Parsing if description.parses else DescribedGame
    return type("DescribedGame", (base,), {"spec": description.spec, "description": description})
