"""Hands are worth what an independent count says, and cards look different."""

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from arena_games.cards.codes import CODES, card, code
from arena_games.cards.duel import Player, Scene, picture
from arena_games.cards.equity import ahead, equity, hand_class, preflop_table, sampled_equity
from arena_games.cards.evaluate import category, name, value, values
from arena_games.cards.faces import card_back, card_face, card_width


def plain_value(cards):
    """The best five of the cards, by comparison of sorted counts: shares no code with the table."""
    best = ()
    for five in itertools.combinations(cards, 5):
        ranks = sorted((one // 4 for one in five), reverse=True)
        groups = sorted(Counter(ranks).items(), key=lambda item: (item[1], item[0]), reverse=True)
        shape = tuple(count for _, count in groups)
        order = tuple(rank for rank, _ in groups)
        flush = len({one % 4 for one in five}) == 1
        straight = len(order) == 5 and (ranks[0] - ranks[4] == 4 or ranks == [12, 3, 2, 1, 0])
        if ranks == [12, 3, 2, 1, 0]:
            order = (3, 2, 1, 0, -1)
        if straight and flush:
            kind = 8
        elif shape == (4, 1):
            kind = 7
        elif shape == (3, 2):
            kind = 6
        elif flush:
            kind = 5
        elif straight:
            kind = 4
        else:
            kind = {(3, 1, 1): 3, (2, 2, 1): 2, (2, 1, 1, 1): 1}.get(shape, 0)
        best = max(best, (kind, *order))
    return best


@pytest.mark.parametrize("size", [5, 6, 7])
def test_hands_are_ordered_as_a_plain_count_orders_them(size):
    chance = np.random.default_rng(size)
    hands = [chance.permutation(52)[:size].tolist() for _ in range(300)]
    # Narrow decks bring the rare hands: quads, full houses, straight flushes.
    hands += [(chance.permutation(20)[:size] + 32).tolist() for _ in range(150)]
    hands += [(chance.permutation(10)[:size] * 4 + 3).tolist() for _ in range(30)]
    fast, plain = values(hands).tolist(), [plain_value(hand) for hand in hands]
    assert [category(one) for one in fast] == [one[0] for one in plain]
    for (one, other), (left, right) in zip(itertools.pairwise(fast), itertools.pairwise(plain), strict=True):
        assert (one > other) - (one < other) == (left > right) - (left < right)


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ("Kh 7d", "king high"),
        ("Kh Kd", "pair of kings"),
        ("6h 6c 9d 9s 2c", "two pair, nines and sixes"),
        ("Ah 2d 3c 4s 5d Kd Kc", "five high straight"),
        ("2h 4h 6h 8h Kh Kd Ks", "king high flush"),
        ("6h 6c 6d 2h 2c Kd Qs", "full house, sixes over twos"),
        ("6h 6c 6d 6s 2c Kd Ks", "four sixes"),
        ("Ah Kh Qh Jh Th 2c 3d", "royal flush"),
    ],
)
def test_hands_are_named(cards, expected):
    assert name(value([card(one) for one in cards.split()])) == expected


def test_codes_and_numbers_are_inverse():
    assert [card(code(number)) for number in range(52)] == list(range(52))
    with pytest.raises(ValueError, match="'1h' is not a card"):
        card("1h")


def test_river_equity_counts_every_hand():
    hole, board = (card("Ah"), card("Kd")), tuple(card(one) for one in ("Qc", "Js", "9h", "4d", "2c"))
    mine = plain_value((*hole, *board))
    rest = [other for other in range(52) if other not in hole + board]
    theirs = [plain_value((*pair, *board)) for pair in itertools.combinations(rest, 2)]
    expected = np.mean([1.0 if mine > one else 0.5 if mine == one else 0.0 for one in theirs])
    assert equity(hole, board) == pytest.approx(expected)
    assert ahead(hole, board) == pytest.approx(expected)


def test_preflop_equities_are_the_known_ones():
    assert len(preflop_table()) == 169
    known = {"AA": 0.852, "KK": 0.824, "AKs": 0.670, "T9s": 0.540, "72o": 0.346, "32o": 0.323}
    for which, share in known.items():
        assert preflop_table()[which][0] == pytest.approx(share, abs=0.004)
    assert [hand_class((card(a), card(b))) for a, b in (("Ks", "Ah"), ("Ah", "Kh"), ("2c", "2d"))] == [
        "AKo",
        "AKs",
        "22",
    ]


def test_sampled_equity_is_near_the_full_count_and_always_the_same():
    hole, board = (card("9h"), card("8h")), tuple(card(one) for one in ("7h", "2c", "Kh"))
    rough = equity(hole, board, 1)
    assert rough == equity(hole[::-1], board[::-1], 1)
    assert rough == pytest.approx(sampled_equity(hole, board, 1, 60_000), abs=0.03)
    assert equity(hole, board, 1) > equity(hole, board, 2) > equity(hole, board, 5)


@pytest.mark.parametrize("height", [17, 33, 110])
def test_every_card_looks_different(height):
    faces = {card_face(which, height).tobytes() for which in CODES}
    faces.add(card_back(height).tobytes())
    assert len(faces) == 53
    assert card_face("Kh", height).size == (card_width(height), height)


def test_a_wrong_card_is_refused():
    with pytest.raises(ValueError, match="'Kx' is not a card"):
        card_face("Kx", 33)


def test_a_picture_that_is_kept_is_a_copy_for_each_who_sees_it():
    scene = Scene((Player("S0", "K", 1), Player("S1", None, 1)), pot=2, board=None, title="hand 1 of 2")
    first = picture(scene, 128, 128)
    as_drawn = first.copy()
    first[:] = 0
    assert (picture(replace(scene, title="hand 2 of 2"), 128, 128) == as_drawn).all()
