"""The vector view: one width for 2 to 6 seats, with seats counted from the observer.

Parts, in order (see PARTS): the cards, the position, the betting by relative seat (0 is the observer, 1 the next to its
left), the price, and features that a small network would otherwise spend its capacity on: the hand's name, draws, and
its equity against random hands.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from arena.game import Vector
from arena_games.cards.equity import ahead, equity
from arena_games.cards.evaluate import category, value
from arena_games.holdem.ledger import RAISE, RAISE_SIZE, ROUNDS

if TYPE_CHECKING:
    from arena_games.holdem.rules import Holdem

MOST_SEATS = 6
PER_SEAT = 7
PARTS = {
    "hole": 52,
    "board": 52,
    "hole_ranks": 13,  # counts / 2
    "board_ranks": 13,  # counts / 3
    "round": 4,
    "position": 6,  # one-hot, acting order after the flop counted from the button: 0 is the button
    "seats": 5,  # one-hot of 2..6
    "table": MOST_SEATS * PER_SEAT,  # by relative seat: there, in the hand, acted, bet, put in, raises here, button
    "aggressor": 6,  # one-hot, relative seat of the last raiser of this round
    "raises": 8,  # by round: own raises / 4, others' raises / 4
    "price": 8,  # pot, to call, raises left, pot odds, due, live opponents, yet to act, others' raises this round
    "legal": 3,
    "category": 9,  # one-hot of the best hand so far (two cards before the flop)
    "board_category": 9,  # one-hot of what the board alone makes; zeros before the flop
    "made": 3,  # category above the board's, pocket pair, suited
    "draws": 5,  # flush draw, backdoor flush, straight outs, overcards, nut-suit ace
    "equity": 10,  # against 1 random hand, against all live, ahead now, minus the price, and six steps of the first
    "bias": 1,
}
START: dict[str, int] = {}
WIDTH = 0
for _part, _size in PARTS.items():
    START[_part] = WIDTH
    WIDTH += _size


def _is_straight(mask: int) -> bool:
    wide = mask << 1 | mask >> 12
    return bool(wide & wide >> 1 & wide >> 2 & wide >> 3 & wide >> 4)


@lru_cache(maxsize=1 << 16)
def draws(hole: tuple[int, ...], board: tuple[int, ...]) -> tuple[int, int, int]:
    """(cards of the best suit that holds a hole card, that suit's ace in hand 0|1, ranks that make a straight).

    Ranks that make the same straight on the board alone do not count.
    """
    suits = [sum(card & 3 == suit for card in (*hole, *board)) for suit in range(4)]
    mine = max({card & 3 for card in hole}, key=lambda suit: (suits[suit], suit))
    mask = shared = 0
    for card in board:
        shared |= 1 << (card >> 2)
    mask = shared
    for card in hole:
        mask |= 1 << (card >> 2)
    outs = 0
    if not _is_straight(mask):
        for rank in range(13):
            outs += _is_straight(mask | 1 << rank) and not _is_straight(shared | 1 << rank)
    return suits[mine], int(48 + mine in hole), outs


@lru_cache(maxsize=1 << 16)
def _cards(hole: tuple[int, ...], board: tuple[int, ...], opponents: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Indices of ones, and the values of made, draws and equity: the parts that depend on the cards alone."""
    own = category(value((*hole, *board)))
    ones = [START["category"] + own]
    shared = category(value(board)) if board else 0
    if board:
        ones.append(START["board_category"] + shared)
    suited, ace, outs = draws(hole, board)
    to_come = len(board) < 5
    top = max((card >> 2 for card in board), default=-1)
    one = equity(hole, board, 1)
    live = one**opponents  # close to the sampled value, at no cost
    now = ahead(hole, board) if 3 <= len(board) < 5 else one
    steps = [float(np.clip(one * 6 - step, 0, 1)) for step in range(6)]
    rest = (
        float(own > shared),
        float(hole[0] >> 2 == hole[1] >> 2),
        float(hole[0] & 3 == hole[1] & 3),
        float(to_come and suited == 4),
        float(len(board) == 3 and suited == 3),
        outs / 4 if to_come else 0.0,
        sum(card >> 2 > top for card in hole) / 2 if board else 0.0,
        float(ace and suited >= 3),
        one,
        live,
        now,
        *steps,
    )
    return tuple(ones), rest


def encode(game: Holdem, seat: int) -> Vector:
    """float32 (WIDTH,) of what `seat` knows."""
    out = np.zeros(WIDTH, dtype=np.float32)
    ledger, seats = game.ledger, game.seats
    hole, board = game.hole(seat), game.board()
    me = game.player_of(seat)
    due = ledger.to_call(me)
    opponents = max(1, len(ledger.live) - (not ledger.folded[me]))
    ones = [START["hole"] + card for card in hole] + [START["board"] + card for card in board]
    for card in hole:
        out[START["hole_ranks"] + (card >> 2)] += 0.5
    for card in board:
        out[START["board_ranks"] + (card >> 2)] += 1 / 3
    ones += [
        START["round"] + ledger.round,
        START["position"] + (me + 1) % seats,
        START["seats"] + seats - 2,
        START["bias"],
    ]
    ones += [START["legal"] + action for action in game.legal(seat)]
    cards, rest = _cards(hole, board, opponents)
    ones += cards
    if ledger.aggressor >= 0:
        ones.append(START["aggressor"] + (ledger.aggressor - me) % seats)
    out[ones] = 1.0
    size = RAISE_SIZE[ledger.round]
    here = [0] * seats
    own, others = [0.0] * len(ROUNDS), [0.0] * len(ROUNDS)
    for said in ledger.log:
        if said.action == RAISE:
            (own if said.player == me else others)[said.round] += 0.25
            here[said.player] += said.round == ledger.round
    table: list[float] = []
    for relative in range(seats):
        player = (me + relative) % seats
        bet = ledger.bets[player]
        table += (
            1.0,
            float(not ledger.folded[player]),
            float(ledger.acted[player]),
            bet / (4 * size),
            (bet + ledger.spent[player]) / 120,
            here[player] / 4,
            float(player == seats - 1),
        )
    out[START["table"] : START["table"] + len(table)] = table
    out[START["raises"] : START["raises"] + 8] = own + others
    pot = ledger.pot
    price = due / (pot + due) if due else 0.0
    waiting = sum(not ledger.acted[player] for player in ledger.live if player != me)
    out[START["price"] : START["price"] + 8] = (
        pot / 240,
        due / (4 * size),
        ledger.raises_left / 4,
        price,
        float(game.due_seat == seat),
        opponents / 5,
        waiting / 5,
        (sum(here) - here[me]) / 4,
    )
    out[START["made"] : START["made"] + 8] = rest[:8]
    at = START["equity"]
    out[at : at + 3] = rest[8:11]
    out[at + 3] = rest[9] - price
    out[at + 4 : at + 10] = rest[11:]
    return out
