"""Who met whom at one game, and how it ended, by pair and block."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import Outcomes
from arena.analysis.units import people

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of operators that met in a match that was resolved, one < two, ascending."""

    one: Whole
    two: Whole
    matches: Whole
    blocks: Whole  # or people, where several sat with the two
    difference: Floats  # mean return of one less that of two, in the game's unit
    error: Floats  # its standard error over these, as in arena/evaluate/intervals.py; nan below two
    wins: Whole  # matches in which `one` got more
    losses: Whole
    cells: Cells

    @property
    def ties(self) -> Whole:
        return self.matches - self.wins - self.losses

    def of(self, members: list[int]) -> Pairs:
        """Those of which one is among `members`."""
        take = np.isin(self.one, members)
        kept = {field.name: getattr(self, field.name)[take] for field in fields(self) if field.name != "cells"}
        return replace(self, **kept, cells=self.cells.of(take))


@dataclass(frozen=True, slots=True)
class Cells:
    """Of each pair and block with a match of both; those of one pair follow each other."""

    pair: Whole  # index into the pairs
    block: Whole  # index into the ascending numbers of blocks with a resolved match
    matches: Floats
    total: Floats  # of the first's return less the second's
    wins: Floats
    losses: Floats

    def of(self, pairs: npt.NDArray[np.bool_]) -> Cells:
        """Those of some pairs, numbered anew."""
        take = pairs[self.pair]
        number = np.cumsum(pairs) - 1
        kept = {field.name: getattr(self, field.name)[take] for field in fields(self)}
        return replace(self, **kept | {"pair": number[self.pair[take]]})


def pairs(outcomes: Outcomes) -> Pairs:
    """Every pair that met, over all seats; unresolved matches are left out."""
    mine = outcomes.where(outcomes.resolved)
    seats, pool = mine.lineup.shape[1], len(mine.operators)
    places, block = np.unique(mine.block, return_inverse=True)
    keys, given, units = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0, np.int64)]
    for a in range(seats):
        for b in range(a + 1, seats):
            left, right = mine.lineup[:, a].astype(np.int64), mine.lineup[:, b].astype(np.int64)
            keys.append(np.minimum(left, right) * pool + np.maximum(left, right))
            given.append((mine.returns[:, a] - mine.returns[:, b]) * np.where(left < right, 1.0, -1.0))
            units.append(block)
    key, gap, unit = np.concatenate(keys), np.concatenate(given), np.concatenate(units)
    pair, of = np.unique(key, return_inverse=True)
    cell, where = np.unique(of * max(1, len(places)) + unit, return_inverse=True)
    ends = np.ones(len(gap)), gap, gap > 0, gap < 0
    size, sum_of, won, lost = (np.bincount(where, values, len(cell)).astype(np.float64) for values in ends)
    cells = Cells(cell // max(1, len(places)), cell % max(1, len(places)), size, sum_of, won, lost)
    count = len(pair)
    matches, total, wins, losses = (np.bincount(cells.pair, values, count) for values in (size, sum_of, won, lost))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / matches
        off = cells.total - mean[cells.pair] * cells.matches
        owner, off = _by_person(mine, block, pair, cells, off) if mine.people else (cells.pair, off)
        blocks = np.bincount(owner, minlength=count).astype(np.int64)
        squares = np.bincount(owner, off**2, count)
        error = np.sqrt(squares * blocks / (blocks - 1)) / matches
    one, two = pair // pool, pair % pool
    return Pairs(
        one, two, matches.astype(np.int64), blocks, mean, error, wins.astype(np.int64), losses.astype(np.int64), cells
    )


def _by_person(
    mine: Outcomes, block: npt.NDArray[np.intp], pair: Whole, cells: Cells, off: Floats
) -> tuple[Whole, Floats]:
    """The pair, and the sum of `off`, of each unit: cells of one pair with the same person are one."""
    pool = len(mine.operators)
    owners, sums = [], []
    for at, key in enumerate(pair.tolist()):
        who = divmod(key, pool)
        played = (mine.lineup == who[0]).any(axis=1) & (mine.lineup == who[1]).any(axis=1)
        own = cells.pair == at
        unit, values = people(mine, block, who, played), off[own]
        if unit is not None:
            values = np.bincount(np.unique(unit[cells.block[own]], return_inverse=True)[1], values)
        owners.append(np.full(len(values), at))
        sums.append(values)
    return np.concatenate([np.zeros(0, np.int64), *owners]), np.concatenate([np.zeros(0), *sums])
