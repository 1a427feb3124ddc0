"""Finds out properties of a game by playing it before operators do. The matches and their seeds are always the same."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from arena.canonical import generator, key
from arena.errors import GameError
from arena.game import Game, GameSpec, Move, Views, moves_of
from arena.results import check_result

POLICIES = {None: 6, 0: 3, 1: 3}  # how many seeds with always the first legal action, and with random ones
CLOCKS = ("time", "monotonic", "perf_counter")  # of the module time
AHEAD = 1_000_003.5  # seconds: not a whole number of minutes, hours or days
TICKS = 30
RESAMPLED = 4  # positions in which redealing is tried; bridge needs 0.2 s each


def replaced(spec: GameSpec, **facts: Any) -> GameSpec:
    """`spec` with these facts changed."""
    return msgspec.structs.replace(spec, **facts)


def probed(make: Callable[..., type[Game]], spec: GameSpec) -> type[Game]:
    """The class that `make(**attributes)` gives, with what is found out by playing it: `fresh`, `seeded` in its spec.

    Raises ValueError, with the reason, if results could not be checked, and GameError if the game fails.
    """
    cls, seats = make(), spec.seats[0]
    why = differs(cls(seats))
    if why and not differs(make(fresh=True)(seats)):
        return make(fresh=True, **_seeds(make(fresh=True)(seats)))
    if why:
        raise ValueError(f"{why}: nobody could check a result")
    return make(**_seeds(cls(seats)))


def _seeds(game: Game) -> dict[str, GameSpec]:
    return {} if seed_acts(game) else {"spec": replaced(game.spec, seeded=False)}


def seed_acts(game: Game) -> bool:
    """Whether the observations differ between seeds, for any of several policies."""
    for policy, seeds in POLICIES.items():
        first = _trace(game, 0, policy)
        if any(_trace(game, number, policy) != first for number in range(1, seeds)):
            return True
    return False


def differs(game: Game) -> str:
    """Whether the same seed and random actions may give another match, now or at another time; "": they do not."""
    # A quarter after a full second, so that a clock of seconds shows the same in two matches one after the other.
    now = {name: math.floor(getattr(time, name)()) + 0.25 for name in CLOCKS}
    for number in range(2):
        traces = []
        for ahead in (0.0, 0.0, AHEAD):
            with _clocks({name: begin + ahead for name, begin in now.items()}):
                traces.append(_trace(game, number, number, hashes=True))
        if traces[0] != traces[1]:
            return "the same seed and the same actions gave two different matches"
        if traces[0] != traces[2]:
            return "what it gives out depends on the time of day"
    return ""


@contextmanager
def _clocks(begins: Mapping[str, float]) -> Iterator[None]:
    """Inside this context Python's clocks go on from these times."""
    kept = {name: getattr(time, name) for clock in begins for name in (clock, f"{clock}_ns")}
    try:
        for clock, begin in begins.items():
            for name, at in ((clock, begin), (f"{clock}_ns", int(begin * 1e9))):
                setattr(time, name, functools.partial(_going_on, kept[name], kept[name](), at))
        yield
    finally:
        for name, real in kept.items():
            setattr(time, name, real)


def _going_on(clock: Callable[[], Any], started: Any, begin: Any) -> Any:
    return begin + (clock() - started)


def resamples(game: Any) -> bool:
    """Whether the engine can redeal what a player does not know and keep what the player knows."""
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
        result = game.step(moves_of(actions))
    return True


def _shown(game: Any, state: Any, seat: int) -> list[Any]:
    """The data that the views of `seat` are made of."""
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


def _trace(game: Game, number: int, policy: int | None, *, hashes: bool = False) -> list[Any]:
    """What every seat saw in a match of at most TICKS ticks by one seed; with `hashes` the states' hashes instead.

    `policy`: a number for random legal actions, the same for every seed; None: always the first legal one.
    """
    chance = None if policy is None else generator(key("probing actions", policy))
    views = Views(vector=True) if game.spec.vector_shape is not None else Views(text=game.spec.text)
    out: list[Any] = []
    try:
        result = check_result(game.reset(key("probing", number)), game.seats)
        for _ in range(TICKS):
            seen = (
                [game.observe(seat, views).hashes() for seat in range(game.seats)] if not hashes else result.state_hash
            )
            out.append([seen, result.rewards, result.due])
            if result.ended != "none":
                break
            legal = {seat: game.observe(seat, Views()).legal for seat in result.due}
            picks = {seat: 0 if chance is None else int(chance.integers(len(some))) for seat, some in legal.items()}
            result = check_result(
                game.step({seat: Move(some[picks[seat]]) for seat, some in legal.items()}), game.seats
            )
    except GameError as error:
        when = f"at tick {len(out) - 1}" if out else "at the start"
        raise GameError(f"{error} ({when} of a match that was played to try it)") from error
    return out
