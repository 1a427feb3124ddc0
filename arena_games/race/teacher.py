"""Lessons in the race: both runners take the actions of a search through the level, with slips in between.

The search knows the level and its enemies, and not the other runner: it is the sidescroller's, in a world of one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.canonical import generator, key
from arena.game import GameCard, Move, Views
from arena.train.lesson import Lesson, Went
from arena_games.lanes.moves import check_macro
from arena_games.lanes.thoughts import thought
from arena_games.race.rules import Race
from arena_games.race.world import RaceWorld
from arena_games.sidescroller import search
from arena_games.sidescroller.draw import camera
from arena_games.sidescroller.physics import World
from arena_games.sidescroller.scenery import WIDE
from arena_games.sidescroller.search import Advice
from arena_games.sidescroller.teacher import SLIPS, bold, shown, worth_telling
from arena_games.sidescroller.tiles import TILE, UNIT

VIEWS = Views(image=(128, 128), text=True)


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match on a level of the set `train`, and yields the lessons of both seats."""
    game = Race(2, {"set": "train"})
    card = game.card()
    result = game.reset(key("lesson", chance.bytes(16)))
    slips = [float(chance.choice(SLIPS)) for _ in range(game.seats)]
    last = [0] * game.seats
    while result.ended == "none":
        for seat in range(game.seats):
            found = advice(game, seat)
            if found is not None:
                last[seat] = bold(found)
                if worth_telling(game.facts(seat), last[seat], chance):
                    yield _lesson(game, card, seat, found)
        moves = {
            seat: Move(int(chance.integers(len(card.actions))) if chance.random() < slips[seat] else last[seat])
            for seat in range(game.seats)
        }
        result = game.step(moves)


def visited(went: Went) -> Iterator[Lesson]:
    """Plays a recorded match again; a lesson wherever a corrected seat went and a way on was found."""
    game = Race(went.seats, went.options)
    check_macro(game.options)
    card = game.card()
    game.reset(went.seed)
    chance = generator(key("visited", went.seed))
    for acted in went.ticks:
        for seat in sorted(acted.keys() & went.corrected):
            found = advice(game, seat)
            if found is not None and worth_telling(game.facts(seat), bold(found), chance):
                yield _lesson(game, card, seat, found)
        game.step({seat: Move(action) for seat, action in acted.items()})


def advice(game: Race, seat: int) -> Advice | None:
    """What the search says; None where it found nothing, or the runner cannot act."""
    if game.state(seat) != "running":
        return None
    return search.lesson(alone(game.world, seat), game.options["skip"])


def alone(world: RaceWorld, seat: int) -> World:
    """The world as it would be without the other runner."""
    out = World(world.level)
    out.runners = [world.runners[seat].copy()]
    out.foes = [foe.copy() for foe in world.foes]
    out.frame, out.spawned, out.taken, out.bump = world.frame, world.spawned, world.taken, world.bump
    return out


def _lesson(game: Race, card: GameCard, seat: int, found: Advice) -> Lesson:
    answer = card.actions[bold(found)]
    seen = f"{shown(alone(game.world, seat))} {other(game, seat)}"
    said = thought(game.facts(seat), answer)
    return Lesson(card, game.observe(seat, VIEWS), said, answer, shown=seen, decides=found.decides)


def other(game: Race, seat: int) -> str:
    """The column of the picture, of 16, in which the other runner is, or a word for where it is out of sight."""
    if game.state(1 - seat) == "away":
        return "none"
    own, rival = game.world.runners[seat], game.world.runners[1 - seat]
    column = (rival.x // UNIT + TILE // 2 - camera(own.x // UNIT, game.level)) // TILE
    return str(column) if 0 <= column < WIDE // TILE else "none"
