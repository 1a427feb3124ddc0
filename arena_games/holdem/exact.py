"""The luck of the cards at limit hold'em.

By the equity of hands that are still in: of the hole cards, then of the flop, turn and river times the pot. Equities
after the flop are counted over all boards that can come; before it they are the mean over boards drawn by the hole
cards, whoever plays.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from arena.analysis.exact import Counts, Decision, Response
from arena.canonical import generator, key
from arena.game import Game
from arena_games.cards.evaluate import values
from arena_games.holdem.ledger import BIG_BLIND, Ledger
from arena_games.holdem.rules import Holdem

Floats = npt.NDArray[np.float64]
BOARDS = 400  # before the flop
HOLE = 8.0 * BIG_BLIND  # chips that a whole equity of hole cards is taken to be worth
LATER = 1.5  # times the pot, since more bets follow


class HoldemLuck:
    """As arena.analysis.exact asks. No decisions: hold'em is too large for exploitability."""

    def luck(self, game: Game) -> list[float]:
        assert isinstance(game, Holdem)
        out = np.zeros(game.seats)
        for number, hand in enumerate(game.hands):
            for player, value in enumerate(_hand(game.seats, hand.log)):
                out[game.seat_of(player, number)] += value
        return list(out * game.scale / game.hand_count)

    def decisions(self, game: Game) -> Iterable[Decision]:
        return ()

    def response(self, halves: Sequence[Counts]) -> Response:
        raise NotImplementedError("hold'em has too many states for a best response")

    def uniform(self) -> float:
        raise NotImplementedError("hold'em has too many states for a best response")


def exact(game: Holdem) -> HoldemLuck:
    """At any number of seats."""
    return HoldemLuck()


def _hand(players: int, log: Sequence[tuple[int, int]]) -> Floats:
    """By the engine's player, in chips."""
    cards = [outcome for player, outcome in log if player < 0]
    holes = [tuple(cards[2 * player : 2 * player + 2]) for player in range(players)]
    everybody = tuple(range(players))
    out = HOLE * (equities(holes, (), everybody) - 1 / players)
    ledger = Ledger.start(players)
    board: tuple[int, ...] = ()
    for player, action in log[2 * players :]:
        if player >= 0:
            ledger = ledger.after(action)
            continue
        board = (*board, action)
        if len(board) < 3:
            continue
        live, seen = tuple(ledger.live), board[:-1] if len(board) > 3 else ()
        out += LATER * ledger.pot * (equities(holes, board, live) - equities(holes, seen, live))
    return out


def equities(holes: Sequence[tuple[int, ...]], board: tuple[int, ...], live: tuple[int, ...]) -> Floats:
    """(players,): the mean share of the pot of each of the `live`, whose hole cards are known, over boards to come."""
    out = np.zeros(len(holes))
    if len(live) == 1:
        out[live[0]] = 1.0
        return out
    known = [card for hole in holes for card in hole] + list(board)
    rest = np.setdiff1d(np.arange(52), known)
    missing = 5 - len(board)
    if missing == 5:
        order = np.argsort(generator(key("hole cards", *map(list, holes))).random((BOARDS, len(rest))), axis=1)
        more = rest[order[:, :5]]
    else:
        more = np.array(list(itertools.combinations(rest.tolist(), missing)), np.int64)
    fixed = np.broadcast_to(np.array(board, np.int64), (len(more), len(board)))
    worth = np.stack(
        [values(np.hstack([more, fixed, np.tile(holes[player], (len(more), 1))])) for player in live], axis=1
    )
    best = worth == worth.max(1, keepdims=True)
    out[list(live)] = (best / best.sum(1, keepdims=True)).mean(0)
    return out
