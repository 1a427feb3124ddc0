"""Lessons in spy: to see the picture, to say what is true of it, and to vote for whose clues are not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.spy.baseline import choose
from arena_games.spy.pictures import lessons as seeing
from arena_games.spy.pictures.scene import MATERIALS, SHAPES
from arena_games.spy.rules import Spy
from arena_games.spy.table import FIRST, FIRST_SEAT, SAY_NOTHING

VIEWS = Views(image=(128, 128), vector=True, text=True)
BLANK_SEEN = "My picture is blank."
PICTURES = 5  # pictures beside each match, about which statements are asked: what nobody sees, nobody can tell
SEATS = (3, 4, 5)
CHARTS, BLANK, UNKNOWN = 0.2, 0.15, 0.25  # of the matches
BARE = 0.5  # of the matches: clues are what the baseline says, which is rarer than what the lessons teach to say
ASTRAY = 0.15  # of the clues are any statement that is offered, or nothing, so that votes have something to find


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Asks about some pictures, then plays one match; yields a lesson at every clue and every vote."""
    for _ in range(PICTURES):
        yield from seeing.lessons(chance)
    seats = int(chance.choice(SEATS))
    charts, blank, unknown = (bool(chance.random() < share) for share in (CHARTS, BLANK, UNKNOWN))
    game = Spy(
        seats,
        {
            "pictures": "charts" if charts else "scenes",
            "blank": blank,
            "known": blank or not unknown,  # a blank picture tells whose it is
            "rounds": int(chance.integers(1, 3)),
        },
    )
    card = game.card()
    result, bare = game.reset(chance.bytes(16)), chance.random() < BARE
    while result.due:
        moves = {}
        for seat in result.due:
            seen = game.observe(seat, VIEWS)
            action = usual = choose(seen, card, chance)
            if game.voting:
                said = voted(game, seat, action)
            else:
                said, action = told(game, seat, usual)
            yield Lesson(card, seen, said, card.actions[action])
            strays = not game.voting and chance.random() < ASTRAY
            moves[seat] = Move(int(chance.choice(seen.legal)) if strays else usual if bare else action)
        result = game.step(moves)


def told(game: Spy, seat: int, usual: int) -> tuple[str, int]:
    """What the picture shows, and of every offered statement whether it is true; then the plainest that is true.

    Who chose first and then said what there is of it would see in the picture what it wants to say. Who says what is
    rarest, as the baseline does, says what is hardest to see. `usual`: the baseline's choice, where nothing is true.
    """
    true = game.true(seat)
    if usual == SAY_NOTHING:
        return "Nothing is offered.", usual
    if true is None:
        return f"{BLANK_SEEN} I say what is often true.", usual
    assert game.statements is not None
    words = game.statements.words
    offered = [one - FIRST for one in game.legal(seat) if one != SAY_NOTHING]
    fitting = [one for one in offered if true[one]]
    judged = "; ".join(f"{words[one]}, {_judged(game, seat, one)}" for one in offered)
    action = FIRST + min(fitting, key=lambda one: (hard(words[one]), one)) if fitting else usual
    return f"{_looked(game, seat)} So: {judged}.", action


def _looked(game: Spy, seat: int) -> str:
    """What a seat sees, in words."""
    graph = game.graph(seat)
    return BLANK_SEEN if graph is None else seeing.looked(graph)


def _judged(game: Spy, seat: int, number: int) -> str:
    """What the picture of a seat has of a statement."""
    graph = game.graph(seat)
    assert game.statements is not None
    assert graph is not None
    return seeing.judged(graph, game.statements.all[number])


def hard(words: str) -> int:
    """How hard a statement is to tell in a small picture: colours, sizes and places are plain, materials less so,

    shapes and numbers least.
    """
    first, *rest = (word.removesuffix("s") for word in words.split())
    counted = first.isdigit() or first in ("no", "only")
    return 2 * counted + sum(2 * (word in SHAPES) + (word in MATERIALS) for word in rest)


def voted(game: Spy, seat: int, action: int) -> str:
    """What the picture shows, and whether what each of the others said is true of it; then the vote."""
    assert game.statements is not None
    true, heard = game.true(seat), list[str]()
    for clue in game.clues:
        if clue.seat == seat:
            continue
        if clue.text is None:
            heard.append(f"seat {clue.seat} is silent")
        elif true is not None:
            numbers = game.statements.read(clue.text)[0]
            judged = " and ".join(_judged(game, seat, number) for number in numbers) or "who knows"
            heard.append(f"seat {clue.seat}: {clue.text}, {judged}")
    judged = f" So: {'; '.join(heard)}." if heard else ""
    return f"{_looked(game, seat)}{judged} I vote for seat {action - FIRST_SEAT}."
