"""Lessons in connect four: the moves of a search four plies deep, in positions of good, fair and poor matches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.canonical import key
from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.connect_four import search
from arena_games.connect_four.rules import DISCS, ConnectFour

VIEWS = Views(image=(128, 128), text=True)
DEPTH = 4
SLIPS = (0.0, 0.15, 0.4)  # how often the players of a match drop a random disc instead


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match; yields a lesson at every move of either seat."""
    game = ConnectFour(2, {"opening": int(chance.integers(0, 9))})
    card = game.card()
    result = game.reset(key("lesson", chance.bytes(16)))
    slips = [float(chance.choice(SLIPS)) for _ in DISCS]
    while result.ended == "none":
        seat = result.due[0]
        columns = [column for _, column in game.hand.log]
        at = search.board(columns)
        action = search.best(at, DEPTH)
        answer = card.actions[action]
        yield Lesson(card, game.observe(seat, VIEWS), thought(at, columns, seat, action), answer)
        slip = chance.random() < slips[seat]
        result = game.step({seat: Move(int(chance.choice(game.legal(seat))) if slip else action)})


def thought(at: search.Board, columns: list[int], seat: int, action: int) -> str:
    """A sentence on the position (the last disc, a line that can be completed), then the conclusion."""
    last = f"{DISCS[1 - seat].capitalize()} played column {columns[-1] + 1}. " if columns else "The board is empty. "
    if search.wins(at):
        return f"{last}I can win in column {action + 1}."
    threats = search.wins(at, own=False)
    if threats:
        return f"{last}They threaten column {' and '.join(str(column + 1) for column in threats)}."
    return f"{last}Nobody can win at once. Column {action + 1} is best."
