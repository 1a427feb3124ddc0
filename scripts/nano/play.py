"""nano against `random`: both seats of every deal (a block), many matches at once, in this process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena import plugins
from arena.canonical import generator, key
from arena.game import Views
from arena.operator import OpenSeat, Operator, Request, decisions
from arena.session import LocalSession
from arena.sync import SyncMatch

VIEWS = Views(image=(128, 128), text=True)


@dataclass(slots=True)
class Opponents:
    """One match of two: the operator in one seat, random in the other."""

    play: SyncMatch
    number: int
    seat: int
    chance: np.random.Generator


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of blocks with its 95% interval (normal)."""

    mean: float
    low: float
    high: float
    blocks: int


def interval(values: Sequence[float]) -> Mean:
    """Mean and interval of independent blocks."""
    half = 1.96 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return Mean(mean, mean - half, mean + half, len(values))


def against_random(
    operator: Operator, name: str, blocks: int, seed: int, options: dict[str, Any] | None = None, at_once: int = 64
) -> tuple[Mean, dict[str, int]]:
    """(the operator's return a match, counts of its turns and faults) over mirrored deals with two seats."""
    returns = np.zeros((blocks, 2))
    counts = {"turns": 0, "faults": 0}
    waiting = [(block, seat) for block in range(blocks) for seat in range(2)][::-1]
    playing: list[Opponents] = []
    while waiting or playing:
        while waiting and len(playing) < at_once:
            playing.append(_open(operator, name, *waiting.pop(), seed, options))
        for one in playing:
            _other_moves(one)
        going = []
        for one in playing:
            outcome = one.play.match.outcome
            if outcome is None:
                going.append(one)
                continue
            returns[one.number // 2, one.seat] = outcome.returns[one.seat]
            operator.end(one.number, one.seat, outcome)
        playing = going
        _operator_moves(operator, playing, counts)
    return interval(list(returns.mean(axis=1))), counts


def _open(operator: Operator, name: str, block: int, seat: int, seed: int, options: dict[str, Any] | None) -> Opponents:
    game = plugins.game_class(name)(2, options)
    views = [VIEWS if at == seat else Views() for at in range(2)]
    play = SyncMatch(LocalSession(game, views), 2, key("nano evaluation", seed, name, block))
    number = 2 * block + seat
    mine, other = key("nano seat", seed, name, block, seat), key("random seat", seed, name, block, seat)
    operator.open([OpenSeat(match=number, seat=seat, operator="vlm", card=game.card(), views=VIEWS, seed=mine)])
    return Opponents(play, number, seat, generator(other))


def _other_moves(one: Opponents) -> None:
    """Move at random until the operator is asked."""
    while not one.play.over and one.seat not in one.play.waiting:
        for other, seen in one.play.waiting.items():
            one.play.answer(other, int(one.chance.choice(seen.legal)))


def _operator_moves(operator: Operator, playing: Sequence[Opponents], counts: dict[str, int]) -> None:
    requests = [
        Request(index, one.number, one.seat, one.play.match.tick, one.play.waiting[one.seat])
        for index, one in enumerate(playing)
    ]
    for one, decision in zip(playing, decisions(requests, operator.act(requests)), strict=True):
        one.play.match.feed(one.seat, decision)
        one.play.pump()
        counts["turns"] += 1
        counts["faults"] += one.play.take_fault(one.seat) is not None
