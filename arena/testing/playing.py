"""Plays games at random from a seed, for conformance tests and golden playthroughs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import numpy as np

from arena.canonical import generator, key
from arena.errors import GameError
from arena.game import Game, GameSpec, Move, Observation, StepResult, Views
from arena.session import LocalSession
from arena.sync import SyncMatch
from arena.text import clean

WORDS = ("yes", "I hold a king", "Answer: fold", "{legal}", "<image>", '"no"', "<b>b</b>", "\\", "\U0001f600", "\u5b57")
NOTHING = Views()  # an observation that holds only the legal actions


@dataclass(frozen=True, slots=True)
class Moment:
    """A game after its reset or after a step, and the moves that led from the moment before to this one."""

    game: Game
    result: StepResult
    moves: dict[int, Move]


def seed(number: int) -> bytes:
    """The `number`-th seed of the tests."""
    return key("testing", number)


def every_view(spec: GameSpec, image: bool = True) -> Views:
    """All views that `spec` offers, the image at its smallest size, if any."""
    sizes = sorted(spec.image_sizes) if image else []
    return Views(image=sizes[0] if sizes else None, vector=spec.vector_shape is not None, text=spec.text)


def legal_actions(game: Game, seat: int) -> tuple[int, ...]:
    return game.observe(seat, NOTHING).legal


@contextmanager
def as_raised() -> Iterator[None]:
    """What a game raised, in place of the GameError that a match makes of it; AssertionError for what no game gives."""
    try:
        yield
    except GameError as error:
        raise error.__cause__ or AssertionError(str(error)) from None


def begun(game: Game, start: bytes) -> SyncMatch:
    """A new match of `game` in which nobody is shown more than the legal actions; `start` is the game's seed."""
    with as_raised():
        return SyncMatch(LocalSession(game, [NOTHING] * game.seats), game.seats, start)


def tick(match: SyncMatch, moves: Mapping[int, Move]) -> None:
    """Play one tick. AssertionError where a move is a fault, although the game says that it is legal."""
    with as_raised():
        for seat, move in sorted(moves.items()):
            if move.action is None:
                match.answer(seat, move.say)
            else:
                match.answer(seat, move.action, move.say)
    for seat, move in moves.items():
        fault = match.take_fault(seat)
        assert fault is None, f"{move} of seat {seat} should be legal, but is the fault {fault!r}"


def drawn(game: Game, result: StepResult, chance: np.random.Generator) -> dict[int, Move]:
    """A legal move of every due seat, drawn from `chance`; half of those that may say something do."""
    return {seat: _drawn(game.observe(seat, NOTHING), chance) for seat in result.due}


def _drawn(seen: Observation, chance: np.random.Generator) -> Move:
    action = int(chance.choice(seen.legal))
    if (seen.free_text or seen.table_talk) and chance.random() < 0.5:
        if seen.free_text and (not seen.table_talk or chance.random() < 0.5):
            return Move(None, words(chance, seen.free_text))
        return Move(action, words(chance, seen.table_talk))
    return Move(action)


def words(chance: np.random.Generator, most: int) -> str:
    """Random words of 1 to `most` characters, some of which could break prompts, pages and terminals."""
    text = " ".join(chance.choice(WORDS, size=8).tolist())
    return clean(text[: int(chance.integers(1, most + 1))]) or "x"


def played(game: Game, number: int, ticks: int) -> Iterator[Moment]:
    """The moments of match `number`: its reset, then at most `ticks` steps of random legal actions."""
    chance = generator(key("testing actions", number))
    match = begun(game, seed(number))
    yield Moment(game, match.result, {})
    for _ in range(ticks):
        if match.over:
            return
        moves = drawn(game, match.result, chance)
        tick(match, moves)
        yield Moment(game, match.result, moves)


def hashes(game: Game, views: Views) -> list[dict[str, str]]:
    """The hashes of what every seat observes now."""
    return [game.observe(seat, views).hashes() for seat in range(game.seats)]


def parted(first: Sequence[StepResult], second: Sequence[StepResult]) -> str:
    """The first difference of two courses of a match in words; empty if they are the same."""
    for tick, (one, other) in enumerate(zip(first, second, strict=False)):
        for field in fields(one):
            a, b = getattr(one, field.name), getattr(other, field.name)
            if a != b:
                return f"{f'after tick {tick - 1}' if tick else 'after reset'}, {field.name} is {a!r} and then {b!r}"
    return "" if len(first) == len(second) else f"it takes {len(first) - 1} ticks and then {len(second) - 1}"
