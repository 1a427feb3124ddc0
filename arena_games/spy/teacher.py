"""Lessons in spy: to see the picture, to say what is true of it, and to vote for whose clues are not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.spy.baseline import choose
from arena_games.spy.pictures import lessons as seeing
from arena_games.spy.rules import Spy
from arena_games.spy.table import FIRST, FIRST_SEAT, SAY_NOTHING

VIEWS = Views(image=(128, 128), vector=True, text=True)
PICTURES = 2  # pictures beside each match, about which statements are asked: what nobody sees, nobody can tell
SEATS = (3, 4, 5)
CHARTS, BLANK, UNKNOWN = 0.2, 0.15, 0.25  # of the matches
ASTRAY = 0.15  # of the clues are any statement that is offered, or nothing, so that votes have something to find


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Asks about some pictures, then plays one match; yields a lesson at every clue and every vote."""
    for _ in range(PICTURES):
        yield from seeing.lessons(chance)
    game = Spy(
        int(chance.choice(SEATS)),
        {
            "pictures": "charts" if chance.random() < CHARTS else "scenes",
            "blank": bool(chance.random() < BLANK),
            "known": bool(chance.random() >= UNKNOWN),
            "rounds": int(chance.integers(1, 3)),
        },
    )
    card = game.card()
    result = game.reset(chance.bytes(16))
    while result.due:
        moves = {}
        for seat in result.due:
            seen = game.observe(seat, VIEWS)
            action = choose(seen, card, chance)
            said = voted(game, seat, action) if game.voting else told(game, seat, action)
            yield Lesson(card, seen, said, card.actions[action], shown=_shown(game, seat))
            strays = not game.voting and chance.random() < ASTRAY
            moves[seat] = Move(int(chance.choice(seen.legal)) if strays else action)
        result = game.step(moves)


def told(game: Spy, seat: int, action: int) -> str:
    """Which of the offered statements are true of the picture, before one of them is chosen.

    Who chose first and then said what there is of it would see in the picture what it wants to say.
    """
    true = game.true(seat)
    if action == SAY_NOTHING:
        return "Nothing here is true of my picture."
    if true is None:
        return "My picture is blank. I say what is often true."
    assert game.statements is not None
    offered = [one - FIRST for one in game.legal(seat) if one != SAY_NOTHING]
    fitting = [game.statements.words[one] for one in offered if true[one]]
    return f"True of it: {', '.join(fitting) or 'none'}."


def voted(game: Spy, seat: int, action: int) -> str:
    """Which clues of whom are not true of the picture; then the vote."""
    assert game.statements is not None
    true, wrong, silent = game.true(seat), [], []
    for clue in game.clues:
        if clue.seat == seat:
            continue
        if clue.text is None:
            silent.append(f"seat {clue.seat}")
        elif true is not None and not all(true[number] for number in game.statements.read(clue.text)[0]):
            wrong.append(f"seat {clue.seat}: {clue.text}")
    found = [f"Not so here: {'; '.join(wrong)}."] if wrong else []
    found += [f"Silent: {', '.join(dict.fromkeys(silent))}."] if silent else []
    found = found or ["My picture is blank." if true is None else "All is so here."]
    return f"{' '.join(found)} I vote for seat {action - FIRST_SEAT}."


def _shown(game: Spy, seat: int) -> str:
    """The picture of a seat in words."""
    graph = game.graph(seat)
    return "" if graph is None else seeing.shown(graph)
