"""Playing a game by seeded chance, for conformance tests and golden playthroughs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from arena.canonical import generator, key
from arena.game import Game, GameSpec, Observation, StepResult, Views, moves_of

NOTHING = Views()  # an observation that holds only the legal actions


@dataclass(frozen=True, slots=True)
class Moment:
    """A game after its reset or after a step, and the actions that led from the moment before to this one."""

    game: Game
    result: StepResult
    actions: dict[int, int]


def seed(number: int) -> bytes:
    """The `number`-th seed of the tests."""
    return key("testing", number)


def every_view(spec: GameSpec, image: bool = True) -> Views:
    """All views that `spec` offers, the image at its smallest size (or not at all)."""
    sizes = sorted(spec.image_sizes) if image else []
    return Views(image=sizes[0] if sizes else None, vector=spec.vector_shape is not None, text=spec.text)


def legal_actions(game: Game, seat: int) -> tuple[int, ...]:
    return game.observe(seat, NOTHING).legal


def drawn(game: Game, result: StepResult, chance: np.random.Generator) -> dict[int, int]:
    """A legal action of every due seat, drawn from `chance`."""
    return {seat: int(chance.choice(legal_actions(game, seat))) for seat in result.due}


def played(game: Game, number: int, ticks: int) -> Iterator[Moment]:
    """The moments of match `number`: its reset, then at most `ticks` steps of random legal actions."""
    chance = generator(key("testing actions", number))
    result = game.reset(seed(number))
    yield Moment(game, result, {})
    for _ in range(ticks):
        if result.ended != "none":
            return
        actions = drawn(game, result, chance)
        result = game.step(moves_of(actions))
        yield Moment(game, result, actions)


def hashes(game: Game, views: Views) -> list[dict[str, str]]:
    """The hashes of what every seat observes now."""
    return [game.observe(seat, views).hashes() for seat in range(game.seats)]


def parted(first: Sequence[StepResult], second: Sequence[StepResult]) -> str:
    """Where two courses of one match part, in words; empty if they are the same."""
    for tick, (one, other) in enumerate(zip(first, second, strict=False)):
        for field in fields(one):
            a, b = getattr(one, field.name), getattr(other, field.name)
            if a != b:
                return f"{f'after tick {tick - 1}' if tick else 'after reset'}, {field.name} is {a!r} and then {b!r}"
    return "" if len(first) == len(second) else f"it takes {len(first) - 1} ticks and then {len(second) - 1}"


def filled(template: str, observation: Observation, names: tuple[str, ...]) -> str:
    """A prompt template filled with an observation, as operators do it. KeyError names a fact that is missing."""
    legal = ", ".join(names[action] for action in observation.legal)
    return template.format_map({**(observation.facts or {}), "text": observation.text or "", "legal": legal})
