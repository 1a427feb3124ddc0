"""Lessons in stage 1-1, made inside its runtime: a search over saved states plays from seeded no-op starts.

Sometimes random actions push it off its way; these are not taught, and the search goes on from there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from arena.canonical import generator, key
from arena.game import Move, Views
from arena.train.lesson import Lesson, Went
from arena_games.lanes.game import LaneGame
from arena_games.lanes.moves import JUMP, LEFT, NAMES, RIGHT, RUN, RUN_JUMP, STAY, UP, check_macro
from arena_games.lanes.thoughts import FREE, ahead, thought
from arena_games.mario.lane import MarioLane
from arena_games.mario.rules import make
from arena_games.mario.search import advise

VIEWS = Views(image=(128, 128), text=True)
STAGE = "1-1"
PUSHES = (0.0, 0.03, 0.08)  # probability that a push begins at a decision
ODDS = {RUN: 4, RUN_JUMP: 4, RIGHT: 2, JUMP: 2, UP: 1, STAY: 2, LEFT: 1}  # what it is pushed to
PLAIN = 0.3  # share of the lessons kept where nothing is ahead and the player just runs
DOOMED = 12  # last decisions before a dead end, which are not taught


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """Plays one match in one lane and yields its lessons."""
    game, (lane,) = _opened(1, ("noops", 30), ("stuck", 0))
    card = game.card()
    result = game.reset(key("lesson", chance.bytes(16)))
    pushed, push = float(chance.choice(PUSHES)), 0
    plan: tuple[int, ...] = ()
    actions, odds = list(ODDS), np.array(list(ODDS.values()), dtype=np.float64)
    made: list[Lesson] = []  # of the last decisions, until it is known that they led on
    while result.ended == "none":
        if push == 0 and chance.random() < pushed:
            push, plan = int(chance.integers(1, 4)), ()
        if push:
            push -= 1
            action = int(chance.choice(actions, p=odds / odds.sum()))
        else:
            plan = advise(lane, plan)
            if not plan:
                return  # the last lessons led to a dead end
            action, plan = plan[0], plan[1:]
            facts = game.facts(0)
            if ahead(facts) != FREE or action != RUN or chance.random() < PLAIN:
                answer = NAMES[action]
                made.append(Lesson(card, game.observe(0, VIEWS), thought(facts, answer), answer))
                if len(made) > DOOMED:
                    yield made.pop(0)
        result = game.step({0: Move(action)})
    if game.facts(0)["lane"].startswith("cleared"):
        yield from made


def visited(went: Went) -> Iterator[Lesson]:
    """Plays a recorded match again; a lesson wherever a corrected seat went in its lane and a way on was found."""
    game, lanes = _opened(went.seats, *sorted(went.options.items()))
    check_macro(game.options)
    card = game.card()
    game.reset(went.seed)
    chance = generator(key("visited", went.seed))
    plans: dict[int, tuple[int, ...]] = dict.fromkeys(went.corrected, ())
    for acted in went.ticks:
        for seat in sorted(acted.keys() & plans.keys()):
            facts = game.facts(seat)
            plan = advise(lanes[seat], plans[seat], game.options["skip"])
            if plan and (plan[0] != RUN or ahead(facts) != FREE or chance.random() < PLAIN):
                answer = NAMES[plan[0]]
                yield Lesson(card, game.observe(seat, VIEWS), thought(facts, answer), answer)
            plans[seat] = plan[1:] if plan[:1] == (acted[seat],) else ()
        game.step({seat: Move(action) for seat, action in acted.items()})


@functools.cache
def _opened(seats: int, *options: tuple[str, Any]) -> tuple[LaneGame, list[MarioLane]]:
    """A game, and its lanes by seat."""
    lanes: list[MarioLane] = []

    class Taught(make(STAGE)):  # type: ignore[misc]
        def make_lane(self) -> MarioLane:
            lanes.append(MarioLane(self.stages[0]))
            return lanes[-1]

    game = Taught(seats, dict(options))
    game.reset(b"")
    return game, lanes
