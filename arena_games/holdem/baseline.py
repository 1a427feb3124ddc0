"""The baseline `scripted`: tight before the flop, then by the strength of its hand. No bluffs, no odds."""

from __future__ import annotations

import numpy as np

from arena.game import GameCard, Observation
from arena_games.cards.codes import card as number
from arena_games.cards.equity import hand_class
from arena_games.cards.evaluate import category, value
from arena_games.holdem.ledger import CALL, FOLD, RAISE
from arena_games.holdem.vector import draws

RANK_POINTS = {"A": 10.0, "K": 8.0, "Q": 7.0, "J": 6.0, "T": 5.0}
RAISE_FROM, CALL_FROM = 10.0, 7.0  # points before the flop
SHORT = {2: 4.0, 3: 2.0}  # points added at tables of two and three


def points(hole: tuple[int, int]) -> float:
    """Chen's count of a starting hand: about -1 (seven two) to 20 (aces)."""
    name = hand_class(hole)
    best = RANK_POINTS.get(name[0], (int(name[0]) / 2) if name[0].isdigit() else 0.0)
    if len(name) == 2:
        return max(5.0, best * 2)
    gap = abs((hole[0] >> 2) - (hole[1] >> 2)) - 1
    connected = 1.0 if gap < 2 and max(hole) >> 2 < 10 else 0.0
    return best + (2.0 if name[2] == "s" else 0.0) - (0.0, 1.0, 2.0, 4.0, 5.0)[min(gap, 4)] + connected


def _wish(hole: tuple[int, int], board: tuple[int, ...], seats: int, raises: int) -> int:
    """RAISE, CALL (at any price) or FOLD (check where it is free)."""
    if not board:
        have = points(hole) + SHORT.get(seats, 0.0)
        if have >= RAISE_FROM + 2 * raises:
            return RAISE
        return CALL if have >= CALL_FROM + raises else FOLD
    made, shared = category(value((*hole, *board))), category(value(board))
    suited, _, outs = draws(hole, board)
    top = max(card >> 2 for card in board)
    pairs = [card >> 2 for card in hole if any(card >> 2 == other >> 2 for other in board)]
    over = hole[0] >> 2 == hole[1] >> 2 and hole[0] >> 2 > top
    if made > max(shared, 1) or over or top in pairs:
        return RAISE if raises < 2 or made >= 3 else CALL
    high = len(board) < 5 and min(hole) >> 2 > top
    if made > shared or high or hole[0] >> 2 == 12 or (len(board) < 5 and (suited == 4 or outs >= 2)):
        return CALL if raises < 3 else FOLD
    return FOLD


def choose(observation: Observation, card: GameCard, rng: np.random.Generator) -> int:
    """A legal action by simple rules, from the facts of the text view."""
    if observation.facts is None:
        raise ValueError("the hold'em baseline reads the facts of the text view; open the seat with views.text")
    facts = observation.facts
    first, second = (number(name) for name in facts["hand"].split())
    board = () if facts["board"] == "empty" else tuple(number(name) for name in facts["board"].split())
    wish = _wish((first, second), board, int(facts["seats"]), int(facts["raises"]))
    if wish == RAISE and RAISE not in observation.legal:
        wish = CALL
    if wish == FOLD and FOLD not in observation.legal:
        wish = CALL
    return wish
