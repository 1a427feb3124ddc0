"""Lessons of limit hold'em: an equity player that states what it sees and what it has, and then acts.

Its choice follows from the cards, the number of opponents, the price and who raised, all of which the picture and the
short prompt show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.game import Move, Observation, Views
from arena.train.lesson import Lesson
from arena_games.cards.codes import code
from arena_games.cards.equity import equity
from arena_games.cards.evaluate import name, value
from arena_games.holdem.baseline import choose
from arena_games.holdem.ledger import CALL, FOLD, RAISE, Ledger
from arena_games.holdem.rules import ACTIONS, Holdem

IMAGE = (128, 128)
SEATS, SEAT_SHARES = (2, 3, 4, 5, 6), (0.42, 0.38, 0.08, 0.06, 0.06)
OPPONENTS = ("random", "loose", "baseline", "teacher")
STRENGTHS = ((1.75, "very strong"), (1.35, "strong"), (1.05, "good"), (0.75, "fair"), (0.0, "weak"))

BET, RERAISE, CAP = 0.85, 1.35, 1.6  # times the fair share: when to bet, to raise a bet, to raise a raise
RESPECT = 0.15  # equity taken off for each raise by others in this round
MARGIN = 0.0  # equity above the pot odds that a call needs


def share(hole: tuple[int, int], board: tuple[int, ...], opponents: int) -> float:
    """Equity in fair shares: 1 is an average hand; the maximum is the number of players."""
    return equity(hole, board, opponents) * (opponents + 1)


def decide(hole: tuple[int, int], board: tuple[int, ...], ledger: Ledger, player: int) -> int:
    """The teacher's action for the engine's `player`, who must be in turn."""
    opponents = len(ledger.live) - 1
    odds = equity(hole, board, opponents)
    due, pot = ledger.to_call(player), ledger.pot
    raised = sum(said.action == RAISE and said.player != player for said in ledger.log if said.round == ledger.round)
    have = (odds - RESPECT * raised) * (opponents + 1) if opponents == 1 else odds * (opponents + 1) * 0.95**raised
    wanted = (BET, RERAISE, CAP, CAP)[min(raised, 3)] if due or raised else BET
    if have >= wanted and ledger.raises_left > 0:
        return RAISE
    if not due:
        return CALL
    return CALL if have / (opponents + 1) >= due / (pot + due) + MARGIN else FOLD


def strength(hole: tuple[int, int], board: tuple[int, ...], opponents: int) -> str:
    """The strength of a hand against this number of opponents, in one or two words."""
    have = share(hole, board, opponents)
    return next(word for least, word in STRENGTHS if have >= least)


def thought(hole: tuple[int, int], board: tuple[int, ...], opponents: int) -> str:
    """A sentence on the position, in a fixed form, then the conclusion."""
    seen = " ".join(map(code, board)) or "empty"
    have = name(value((*hole, *board)))
    return f"I hold {code(hole[0])} {code(hole[1])}. Board {seen}. I have {have}, {strength(hole, board, opponents)}."


def act(game: Holdem, seat: int) -> int:
    """The teacher's action for `seat`, who is due."""
    return decide(game.hole(seat), game.board(), game.ledger, game.player_of(seat))


def _other(kind: str, game: Holdem, seat: int, rng: np.random.Generator) -> int:
    legal = game.legal(seat)
    match kind:
        case "random":
            return int(rng.choice(legal))
        case "loose":
            return FOLD if FOLD in legal and rng.random() < 0.08 else int(rng.choice([a for a in legal if a != FOLD]))
        case _:
            facts = game.facts(seat)
            return choose(Observation(legal=legal, facts=facts), game.card(), rng)


def lessons(rng: np.random.Generator) -> Iterator[Lesson]:
    """Plays one short session against mixed opponents; yields a lesson at each decision of a teacher."""
    seats = int(rng.choice(SEATS, p=SEAT_SHARES))
    game = Holdem(seats, {"hands": int(rng.integers(1, 4))})
    kinds = [str(kind) for kind in rng.choice(OPPONENTS, size=seats)]
    kinds[int(rng.integers(seats))] = "teacher"
    card = game.card()
    result = game.reset(rng.bytes(16))
    while result.ended == "none":
        seat = result.due[0]
        if kinds[seat] != "teacher":
            result = game.step({seat: Move(_other(kinds[seat], game, seat, rng))})
            continue
        action = act(game, seat)
        said = thought(game.hole(seat), game.board(), len(game.ledger.live) - 1)
        yield Lesson(card, game.observe(seat, Views(image=IMAGE, text=True)), said, ACTIONS[action])
        result = game.step({seat: Move(action)})
