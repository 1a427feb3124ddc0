"""Lessons in the sidescroller: the actions of a search, from the start to the flag, with slips in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from arena.canonical import generator, key
from arena.game import GameCard, Move, Views
from arena.train.lesson import Lesson, Went
from arena_games.lanes.moves import RUN, RUN_JUMP, check_macro
from arena_games.lanes.thoughts import FREE, ahead, thought
from arena_games.sidescroller import search
from arena_games.sidescroller.draw import camera
from arena_games.sidescroller.physics import BOTTOM, World
from arena_games.sidescroller.rules import Sidescroller
from arena_games.sidescroller.scenery import WIDE
from arena_games.sidescroller.search import Advice
from arena_games.sidescroller.tiles import ROWS, TILE, UNIT, cell

VIEWS = Views(image=(128, 128), text=True)
SLIPS = (0.0, 0.05, 0.15)  # probability that the player of a match takes a random action instead
PLAIN = 0.3  # share of the lessons kept where nothing is ahead and the player just goes on


def bold(advice: Advice) -> int:
    """To jump, wherever that is as good as to run.

    Eyes that never err run until they must jump. Who overlooks one enemy in three, as a small model does, gets 1.4
    times as far by jumping (docs/decisions.md).
    """
    return RUN_JUMP if RUN_JUMP in advice.good else advice.best


def lessons(chance: np.random.Generator, choose: Callable[[Advice], int] = bold) -> Iterator[Lesson]:
    """Plays one match in one lane, on a level of the set `train`, and yields its lessons.

    `choose`: of what leads on, what it does.
    """
    game = Sidescroller(1, {"set": "train"})
    card = game.card()
    result = game.reset(key("lesson", chance.bytes(16)))
    slip = float(chance.choice(SLIPS))
    while result.ended == "none":
        advice = search.lesson(game.lane(0).world)
        if advice is None:  # a slip was fatal: a fall teaches nothing
            return
        action = choose(advice)
        if worth_telling(game.facts(0), action, chance):
            yield _lesson(game, card, action, decides=advice.decides)
        if chance.random() < slip:
            action = int(chance.integers(len(card.actions)))
        result = game.step({0: Move(action)})


def visited(went: Went) -> Iterator[Lesson]:
    """Plays a recorded match again; a lesson wherever a corrected seat went in its lane and a way on was found."""
    game = Sidescroller(went.seats, went.options)
    check_macro(game.options)
    card = game.card()
    game.reset(went.seed)
    chance = generator(key("visited", went.seed))
    for acted in went.ticks:
        for seat in sorted(acted.keys() & went.corrected):
            advice = search.lesson(game.lane(seat).world, game.options["skip"])
            if advice is not None and worth_telling(game.facts(seat), better := bold(advice), chance):
                yield _lesson(game, card, better, seat, decides=advice.decides)
        game.step({seat: Move(action) for seat, action in acted.items()})


def worth_telling(facts: Mapping[str, str], action: int, chance: np.random.Generator) -> bool:
    """All lessons are, but for most of those where nothing is ahead and the player just goes on."""
    return action not in (RUN, RUN_JUMP) or ahead(facts) != FREE or chance.random() < PLAIN


def _lesson(game: Sidescroller, card: GameCard, action: int, seat: int = 0, *, decides: bool) -> Lesson:
    answer = card.actions[action]
    said, seen = thought(game.facts(seat), answer), shown(game.lane(seat).world)
    return Lesson(card, game.observe(seat, VIEWS), said, answer, shown=seen, decides=decides)


def shown(world: World) -> str:
    """The picture in digits: the row of the runner, then for each of 16 columns how high the ground is, in tiles.

    0 is a pit; a star marks a column with an enemy.
    """
    runner = world.runners[0]
    left = camera(runner.x // UNIT, world.level)
    foes = {(foe.x // UNIT + TILE // 2 - left) // TILE for foe in world.foes if not foe.flat}
    columns = []
    for column in range(WIDE // TILE):
        at = min((left + TILE // 2) // TILE + column, world.level.columns - 1)
        high = 0
        while high < ROWS and world.level.solid[cell(at, ROWS - 1 - high)]:
            high += 1
        columns.append(f"{'*' if column in foes else ' '}{min(high, 9)}")
    row = (BOTTOM - runner.y) // (TILE * UNIT)
    return f" {max(0, min(row, 9))}{''.join(columns)}"
