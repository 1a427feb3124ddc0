"""Hold'em equity: how often a hand wins against random hands. Deterministic: tables, full counts, or fixed samples.

No generator is used at call time: the samples are one fixed set of index tuples, so the same cards always
give the same number. On the river against one hand the count is complete; with cards to come the error of the
fixed samples is about one percent.
"""

from __future__ import annotations

import itertools
import json
from functools import lru_cache
from importlib.resources import files

import numpy as np

from arena.canonical import generator, key
from arena_games.cards.codes import RANKS
from arena_games.cards.evaluate import Ints, keyed_values, tables

SAMPLES = 1024
MOST_OPPONENTS = 5


def hand_class(hole: tuple[int, int]) -> str:
    """The preflop class of two cards: "AA", "AKs" or "AKo"."""
    high, low = sorted(hole, reverse=True)
    ranks = RANKS[high >> 2] + RANKS[low >> 2]
    if high >> 2 == low >> 2:
        return ranks
    return ranks + ("s" if high & 3 == low & 3 else "o")


@lru_cache(maxsize=1)
def preflop_table() -> dict[str, list[float]]:
    """Equity of each preflop class against 1 to 5 random hands (made by scripts/cards/preflop.py)."""
    text = files("arena_games.cards").joinpath("preflop.json").read_text(encoding="utf-8")
    return json.loads(text)["equity"]  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _picks(deck: int, drawn: int, samples: int) -> Ints:
    """(drawn, samples) positions in a deck of `deck` cards, distinct within a column; the same at every call."""
    chance = generator(key("equity", deck, drawn, samples))
    order = np.argsort(chance.random((samples, deck)), axis=1, kind="stable")
    return np.ascontiguousarray(order[:, :drawn].T)


@lru_cache(maxsize=8)
def _pairs(deck: int) -> Ints:
    """(2, deck * (deck - 1) / 2) positions of every pair of cards."""
    return np.ascontiguousarray(np.array(list(itertools.combinations(range(deck), 2)), dtype=np.int64).T)


def _compare(mine: Ints, theirs: list[Ints]) -> float:
    """The mean share of the pot; `mine` may be one value for all samples."""
    best = theirs[0] if len(theirs) == 1 else np.maximum.reduce(theirs)
    if len(theirs) == 1:
        return float((np.count_nonzero(mine > best) + 0.5 * np.count_nonzero(mine == best)) / len(best))
    level = mine == best
    sharing = 1 + sum((other == best).astype(np.int64) for other in theirs)
    return float(((mine > best) + level / sharing).mean())


def _remaining(hole: tuple[int, ...], board: tuple[int, ...]) -> Ints:
    mask = np.ones(52, dtype=np.bool_)
    mask[[*hole, *board]] = False
    return np.flatnonzero(mask)


def _columns(cards: tuple[int, ...]) -> list[Ints]:
    return [np.array([card], dtype=np.int64) for card in cards]


def sampled_equity(hole: tuple[int, ...], board: tuple[int, ...], opponents: int, samples: int) -> float:
    """Equity by a fixed sample; by a full count against one opponent with no card to come."""
    keys = tables().card_key
    deck = _remaining(hole, board)
    missing = 5 - len(board)
    if missing == 0 and opponents == 1:
        drawn = deck.take(_pairs(len(deck)), mode="clip")
    else:
        drawn = deck.take(_picks(len(deck), missing + 2 * opponents, samples), mode="clip")
    drawn_keys = keys.take(drawn, mode="clip")
    shared = _columns(board) + list(drawn[:missing])
    base = int(keys[list(board)].sum()) + drawn_keys[:missing].sum(axis=0)
    mine = keyed_values(np.atleast_1d(base + keys[list(hole)].sum()), *shared, *_columns(hole))
    theirs = []
    for first in range(missing, missing + 2 * opponents, 2):
        theirs.append(
            keyed_values(base + drawn_keys[first] + drawn_keys[first + 1], *shared, *drawn[first : first + 2])
        )
    return _compare(mine, theirs)


@lru_cache(maxsize=1 << 16)
def _equity(hole: tuple[int, ...], board: tuple[int, ...], opponents: int) -> float:
    if not board:
        return preflop_table()[hand_class((hole[0], hole[1]))][opponents - 1]
    return sampled_equity(hole, board, opponents, SAMPLES)


def equity(hole: tuple[int, ...], board: tuple[int, ...], opponents: int = 1) -> float:
    """The mean share of the pot of `hole` (2 cards) on `board` (0, 3, 4 or 5) against 1 to 5 random hands, 0..1."""
    if not 1 <= opponents <= MOST_OPPONENTS:
        raise ValueError(f"{opponents} opponents: expected 1 to {MOST_OPPONENTS}")
    return _equity(tuple(sorted(hole)), tuple(sorted(board)), opponents)


@lru_cache(maxsize=1 << 16)
def _ahead(hole: tuple[int, ...], board: tuple[int, ...]) -> float:
    keys = tables().card_key
    deck = _remaining(hole, board)
    drawn = deck.take(_pairs(len(deck)), mode="clip")
    base = keys[list(board)].sum()
    shared = _columns(board)
    mine = keyed_values(np.atleast_1d(base + keys[list(hole)].sum()), *shared, *_columns(hole))
    return _compare(mine, [keyed_values(base + keys.take(drawn, mode="clip").sum(axis=0), *shared, *drawn)])


def ahead(hole: tuple[int, ...], board: tuple[int, ...]) -> float:
    """The share of other hands that `hole` beats on the current board (ties count half); complete count, 0..1."""
    return _ahead(tuple(sorted(hole)), tuple(sorted(board)))
