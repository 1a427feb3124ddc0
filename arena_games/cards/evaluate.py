"""Values of poker hands of up to seven cards, many at once, and their names.

A hand's value is one number: category << 20, then up to five ranks (2 is 1, ace is 13) of four bits each, most
important first. A higher value wins; equal values split. Ranks are looked up in a table of every multiset of up to
seven ranks (about 76,000), found by two base-5 keys, one over the ranks 2-8 and one over 9-A.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

CATEGORIES = (
    "high card",
    "pair",
    "two pair",
    "three of a kind",
    "straight",
    "flush",
    "full house",
    "four of a kind",
    "straight flush",
)
_ONE = ("", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "jack", "queen", "king", "ace")
_LOW, _HIGH = 7, 6  # ranks in the lower and in the upper key
_HIGH_SHIFT, _SUIT_SHIFT = 17, 31  # a card's key: base-5 of its low rank, base-5 of its high rank, four suit counters


class Tables(NamedTuple):
    """The lookup tables of `values`."""

    card_key: Ints  # (52,) summed over a hand's cards
    card_bit: Ints  # (52,) one bit a card, suit by suit
    low_row: Ints  # (5**7,) start of the row of a low key
    high_id: Ints  # (5**6,) column of a high key
    ranks: Ints  # values without flushes
    flush: Ints  # (8192,) value by the mask of ranks in one suit; 0 when there are fewer than five


def _digits(count: int) -> Ints:
    """Every number of `count` base-5 digits as its digits, (5**count, count), the lowest rank first."""
    return (np.arange(5**count)[:, None] // 5 ** np.arange(count)) % 5


def _top(mask: npt.NDArray[np.bool_]) -> Ints:
    """The highest rank 1..13 set in each row, 0 for none."""
    return np.where(mask.any(axis=1), 13 - np.argmax(mask[:, ::-1], axis=1), 0)


def _without(mask: npt.NDArray[np.bool_], rank: Ints) -> npt.NDArray[np.bool_]:
    """The mask with one rank (1..13) of each row cleared."""
    kept: npt.NDArray[np.bool_] = mask & (np.arange(1, 14) != rank[:, None])
    return kept


def _pack(category: int, *ranks: Ints) -> Ints:
    out = np.full(len(ranks[0]), category, dtype=np.int64)
    for place in range(5):
        out = out << 4 | (ranks[place] if place < len(ranks) else 0)
    return out


def _kickers(mask: npt.NDArray[np.bool_], count: int) -> list[Ints]:
    out = []
    for _ in range(count):
        best = _top(mask)
        out.append(best)
        mask = _without(mask, best)
    return out


def _straight(held: npt.NDArray[np.bool_]) -> Ints:
    """The highest rank of the best straight in each row (a wheel's is the five), 0 for none."""
    wide = np.concatenate([held[:, 12:], held], axis=1)  # the ace counts below the two as well
    runs = np.stack([wide[:, start : start + 5].all(axis=1) for start in range(10)], axis=1)
    return np.where(runs.any(axis=1), 13 - np.argmax(runs[:, ::-1], axis=1), 0)


def _rank_values(counts: Ints) -> Ints:
    """Values of hands given as counts of the 13 ranks, suits unknown."""
    held = counts > 0
    quad, trip, pair = _top(counts == 4), _top(counts == 3), _top(counts == 2)
    second = np.maximum(_top(_without(counts == 3, trip)), pair)
    pair2 = _top(_without(counts == 2, pair))
    straight = _straight(held)
    out = _pack(0, *_kickers(held, 5))
    for present, value in (
        (pair > 0, _pack(1, pair, *_kickers(_without(held, pair), 3))),
        (pair2 > 0, _pack(2, pair, pair2, *_kickers(_without(_without(held, pair), pair2), 1))),
        (trip > 0, _pack(3, trip, *_kickers(_without(held, trip), 2))),
        (straight > 0, _pack(4, straight)),
        ((trip > 0) & (second > 0), _pack(6, trip, second)),
        (quad > 0, _pack(7, quad, *_kickers(_without(held, quad), 1))),
    ):
        out = np.where(present, value, out)
    return out


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The lookup tables, made on first use (a fraction of a second)."""
    low, high = _digits(_LOW), _digits(_HIGH)
    low_sum, high_sum = low.sum(axis=1), high.sum(axis=1)
    order = np.argsort(high_sum, kind="stable")
    order = order[high_sum[order] <= 7]
    high_id = np.zeros(5**_HIGH, dtype=np.int64)
    high_id[order] = np.arange(len(order))
    width = np.array([int((high_sum[order] <= 7 - used).sum()) for used in range(8)])
    rows = np.flatnonzero(low_sum <= 7)
    lengths = width[low_sum[rows]]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    low_row = np.zeros(5**_LOW, dtype=np.int64)
    low_row[rows] = starts
    column = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    counts = np.concatenate([low[np.repeat(rows, lengths)], high[order[column]]], axis=1)
    masks = (np.arange(8192)[:, None] >> np.arange(13)) & 1 > 0
    straight = _straight(masks)
    flush = np.where(straight > 0, _pack(8, straight), _pack(5, *_kickers(masks, 5)))
    rank, suit = np.arange(52) >> 2, np.arange(52) & 3
    key = np.where(rank < _LOW, 5 ** np.minimum(rank, _LOW - 1), 0)
    key = key + (np.where(rank < _LOW, 0, 5 ** np.maximum(rank - _LOW, 0)) << _HIGH_SHIFT)
    key = key + (1 << (_SUIT_SHIFT + 4 * suit))
    return Tables(
        key, 1 << (13 * suit + rank), low_row, high_id, _rank_values(counts), np.where(masks.sum(axis=1) >= 5, flush, 0)
    )


def keyed_values(keys: Ints, *columns: Ints) -> Ints:
    """As `values`, for hands whose summed keys are known; `columns` hold the cards, one (N,) or (1,) array each."""
    table = tables()
    place = table.low_row.take(keys & ((1 << _HIGH_SHIFT) - 1), mode="clip")
    place += table.high_id.take((keys >> _HIGH_SHIFT) & 0x3FFF, mode="clip")
    out = table.ranks.take(place, mode="clip")
    suits = ((keys >> _SUIT_SHIFT) + 0x3333) & 0x8888  # a counter of five or more carries into its top bit
    rows = np.flatnonzero(suits)
    if len(rows):
        suit = np.log2(suits.take(rows)).astype(np.int64) >> 2
        held = np.full(len(rows), sum(int(table.card_bit[column[0]]) for column in columns if len(column) == 1))
        for column in columns:
            if len(column) > 1:
                held += table.card_bit.take(column.take(rows))
        mask = held >> 13 * suit & 0x1FFF
        out[rows] = np.maximum(out[rows], table.flush[mask])
    return out


def values(hands: npt.ArrayLike) -> Ints:
    """Values of hands: cards 0..51 as (N, k) with k of 1 to 7; (N,) int64. A higher value wins."""
    cards = np.asarray(hands, dtype=np.int64)
    if cards.ndim != 2 or not 1 <= cards.shape[1] <= 7:
        raise ValueError(f"hands of shape {cards.shape}: expected (N, k) with 1 to 7 cards each")
    return keyed_values(tables().card_key[cards].sum(axis=1), *cards.T)


def value(hand: npt.ArrayLike) -> int:
    """The value of one hand of 1 to 7 cards."""
    return int(values(np.asarray(hand, dtype=np.int64)[None])[0])


def category(hand_value: int) -> int:
    """0 (high card) to 8 (straight flush): an index of CATEGORIES."""
    return hand_value >> 20


def _many(rank: int) -> str:
    return "sixes" if _ONE[rank] == "six" else _ONE[rank] + "s"


def name(hand_value: int) -> str:
    """What players call it: "pair of kings", "aces and tens", "queen high straight", "nines full of twos"."""
    first, second = hand_value >> 16 & 15, hand_value >> 12 & 15
    match category(hand_value):
        case 0:
            return f"{_ONE[first]} high"
        case 1:
            return f"pair of {_many(first)}"
        case 2:
            return f"two pair, {_many(first)} and {_many(second)}"
        case 3:
            return f"three {_many(first)}"
        case 4:
            return f"{_ONE[first]} high straight"
        case 5:
            return f"{_ONE[first]} high flush"
        case 6:
            return f"full house, {_many(first)} over {_many(second)}"
        case 7:
            return f"four {_many(first)}"
        case _:
            return "royal flush" if first == 13 else f"{_ONE[first]} high straight flush"
