"""What is found out by playing a game before anybody sits at it. Always the same matches, by seeds of their own."""

from __future__ import annotations

from typing import Any

import msgspec

from arena.canonical import generator, key
from arena.game import Game, GameSpec, Views

SEEDS = 6
TICKS = 30
RESAMPLED = 4  # moments at which it is tried; bridge needs 0.2 s each


def replaced(spec: GameSpec, **facts: Any) -> GameSpec:
    """`spec` with these facts changed."""
    return msgspec.structs.replace(spec, **facts)


def seed_acts(game: Game) -> bool:
    """Whether what is seen differs between seeds, when everybody takes the first legal action."""
    first = _trace(game, 0)
    return any(_trace(game, number) != first for number in range(1, SEEDS))


def repeats(game: Game) -> bool:
    """Whether the same seed and random actions give the same match again."""
    return all(_trace(game, number, random=True) == _trace(game, number, random=True) for number in range(2))


def resamples(game: Any) -> bool:
    """Whether the engine can deal anew what a player does not know, and keeps what they do know."""
    chance = generator(key("probing resampling"))
    result = game.reset(key("probing", 0))
    for tick in range(RESAMPLED):
        if result.ended != "none":
            break
        seat = tick % game.seats
        try:
            dealt = game.state.resample_from_infostate(seat, lambda: float(chance.random()))
        except (RuntimeError, ValueError):
            return False
        if dealt.is_chance_node() or _shown(game, game.state, seat) != _shown(game, dealt, seat):
            return False
        actions = {one: int(chance.choice(game.legal(one))) for one in result.due}
        result = game.step(actions)
    return True


def _shown(game: Any, state: Any, seat: int) -> list[Any]:
    """What the views of `seat` are made of."""
    out = [state.current_player(), state.legal_actions(seat)]
    for kind, words, numbers in (
        ("observation", "observation_string", "observation_tensor"),
        ("information", "information_state_string", "information_state_tensor"),
    ):
        if game.string_of(game.engine) == kind:
            out.append(getattr(state, words)(seat))
        if game.tensor_of(game.engine) == kind:
            out.append(getattr(state, numbers)(seat))
    return out


def _trace(game: Game, number: int, *, random: bool = False) -> list[Any]:
    """State hashes or, with the first legal actions, what every seat saw, in a match of at most TICKS ticks."""
    chance = generator(key("probing actions", number))
    views = Views(vector=game.spec.vector_shape is not None, text=game.spec.text)
    result = game.reset(key("probing", number))
    out: list[Any] = []
    for _ in range(TICKS):
        seen = [game.observe(seat, views).hashes() for seat in range(game.seats)]
        out.append([seen, result.rewards, result.state_hash if random else None, result.due])
        if result.ended != "none":
            break
        legal = {seat: game.observe(seat, Views()).legal for seat in result.due}
        picks = {seat: int(chance.integers(len(some))) if random else 0 for seat, some in legal.items()}
        result = game.step({seat: some[picks[seat]] for seat, some in legal.items()})
    return out
