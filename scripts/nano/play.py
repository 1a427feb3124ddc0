"""nano against `random`: both seats of every deal (a block), many matches at once, in this process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena import plugins
from arena.canonical import generator, key
from arena.game import Game, IllegalActionError, Move, StepResult, UnparsableAnswerError, Views
from arena.operator import OpenSeat, Operator, Outcome, Request, decisions

VIEWS = Views(image=(128, 128), text=True)


@dataclass(slots=True)
class Table:
    """One match of two: the operator in one seat, random in the other."""

    game: Game
    number: int
    seat: int
    result: StepResult
    chance: np.random.Generator
    tick: int = 0


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
    playing: list[Table] = []
    while waiting or playing:
        while waiting and len(playing) < at_once:
            playing.append(_open(operator, name, *waiting.pop(), seed, options))
        for table in playing:
            _others_move(table)
        going = []
        for table in playing:
            if table.result.ended == "none":
                going.append(table)
                continue
            values = table.result.returns or ()
            returns[table.number // 2, table.seat] = values[table.seat]
            operator.end(table.number, table.seat, Outcome(status="terminated", returns=values))
        playing = going
        _operator_moves(operator, playing, counts)
    return interval(list(returns.mean(axis=1))), counts


def _open(operator: Operator, name: str, block: int, seat: int, seed: int, options: dict[str, Any] | None) -> Table:
    game = plugins.game_class(name)(2, options)
    result = game.reset(key("nano evaluation", seed, name, block))
    number = 2 * block + seat
    mine, other = key("nano seat", seed, name, block, seat), key("random seat", seed, name, block, seat)
    opened = OpenSeat(match=number, seat=seat, operator="vlm", card=game.card(), views=VIEWS, seed=mine)
    operator.open([opened])
    return Table(game, number, seat, result, generator(other))


def _others_move(table: Table) -> None:
    while table.result.ended == "none" and table.seat not in table.result.due:
        other = table.result.due[0]
        legal = table.game.observe(other, Views()).legal
        table.result = table.game.step({other: Move(int(table.chance.choice(legal)))})
        table.tick += 1


def _operator_moves(operator: Operator, tables: Sequence[Table], counts: dict[str, int]) -> None:
    requests = [
        Request(index, table.number, table.seat, table.tick, table.game.observe(table.seat, VIEWS))
        for index, table in enumerate(tables)
    ]
    for table, decision in zip(tables, decisions(requests, operator.act(requests)), strict=True):
        counts["turns"] += 1
        try:
            move = table.game.parse(table.seat, decision.answer)
        except (UnparsableAnswerError, IllegalActionError):
            counts["faults"] += 1
            if table.game.spec.on_fault == "forfeit":
                table.result = table.game.forfeit(table.seat)
                continue
            move = Move(table.game.default_action(table.seat))
        table.result = table.game.step({table.seat: move})
        table.tick += 1
