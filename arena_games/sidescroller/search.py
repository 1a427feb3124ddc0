"""Finds a way through a level by the macro actions: depth-first search that prefers to run, with backtracking.

It proves that a level can be finished, and advises teachers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from arena_games.lanes.actions import SKIP
from arena_games.lanes.lane import Button
from arena_games.lanes.moves import BUTTONS, FALLING, JUMP, LEFT, RIGHT, RISING, RUN, RUN_JUMP, STAY, UP
from arena_games.sidescroller.level import Level
from arena_games.sidescroller.physics import World
from arena_games.sidescroller.tiles import TILE, UNIT

STANDING = (RUN, RUN_JUMP, UP, JUMP, RIGHT, STAY, LEFT)  # the order in which actions are tried
BUDGET = 4000  # most decisions tried before a level counts as unsolvable


def order(world: World) -> Sequence[int]:
    runner = world.runners[0]
    return STANDING if runner.standing else RISING if runner.vy < 0 else FALLING


def mark(world: World) -> tuple[int, ...]:
    """Equal for states so similar that only one need be tried: roughly the same place, speed and time."""
    it = world.runners[0]
    return (it.x >> 10, it.y >> 10, it.vx >> 7, it.vy >> 8, it.held & 1, world.frame >> 5)


def solve(level: Level, budget: int = BUDGET) -> tuple[int, ...] | None:
    """Macro actions from the start to the flag, or None when none were found within the budget."""
    return onward(World(level), level.edge, budget)


Order = Callable[[World], Sequence[int]]


def onward(world: World, target: int, budget: int, skip: int = SKIP, tried: Order = order) -> tuple[int, ...] | None:
    """Macro actions to the flag, or to standing at x >= `target` (in units); None if none were found.

    `world` is left unchanged.
    """
    path: list[int] = []
    stack = [(world, iter(tried(world)))]
    seen = {mark(world)}
    while stack:
        here, choices = stack[-1]
        action = next(choices, None)
        if action is None:
            stack.pop()
            if path:
                path.pop()
            continue
        if budget == 0:
            return None
        budget -= 1
        there = here.copy()
        there.hold(BUTTONS[action], skip)
        runner = there.runners[0]
        if runner.over is None:
            at = mark(there)
            if at in seen:
                continue
            seen.add(at)
        elif runner.over != "flag":
            continue
        path.append(action)
        if runner.over == "flag" or (runner.standing and runner.x >= target):
            return tuple(path)
        stack.append((there, iter(tried(there))))
    return None


AHEAD = 14 * TILE * UNIT  # how far a teacher looks ahead
THOUGHT = 4000  # most decisions that a search ahead tries
ASIDE = 800  # most decisions that a search of an alternative tries
NO_WAY = 1000


def advise(world: World, skip: int = SKIP) -> int | None:
    """The macro action that a good player takes here; None if no surviving one was found.

    On the ground it runs, as long as that is not longer and a jump one decision later would still work: a student may
    be late.
    """
    runner = world.runners[0]
    target = runner.x + AHEAD
    path = onward(world, target, THOUGHT, skip)
    if not path:
        return None
    if not runner.standing:
        return path[0]
    ahead = held(world, RUN, skip)
    run, jump = way(ahead, target, skip), way(held(world, RUN_JUMP, skip), target, skip)
    if runner.held & Button.A:
        jump = NO_WAY  # a held button does not jump
    if run <= jump and (run == 0 or way(held(ahead, RUN, skip), target, skip) < NO_WAY):
        return RUN
    return RUN_JUMP if jump < NO_WAY else path[0]


def way(world: World, target: int, skip: int, tried: Order = order) -> int:
    """The number of decisions from here to `target`; NO_WAY if there is no way."""
    runner = world.runners[0]
    if runner.over is not None:
        return 0 if runner.over == "flag" else NO_WAY
    path = onward(world, target, ASIDE, skip, tried)
    return NO_WAY if path is None else len(path)


def held(world: World, action: int, skip: int) -> World:
    """The world after an action."""
    out = world.copy()
    out.hold(BUTTONS[action], skip)
    return out


SLACK = 3  # a way is good if it is at most this many decisions longer than the shortest


def bold(world: World) -> Sequence[int]:
    """The order of actions of a player that never stops or turns."""
    runner = world.runners[0]
    return (RUN, RUN_JUMP) if runner.standing else (RUN_JUMP, RUN) if runner.vy < 0 else (RUN,)


class Advice(NamedTuple):
    """What leads on from a moment."""

    best: int
    good: tuple[int, ...]  # all actions that are as good
    decides: bool  # whether the jump button does something here, and it alone, or not to press it alone, leads on


def lesson(world: World, skip: int = SKIP) -> Advice | None:
    """What a player that never stops or turns should do here, or None if no surviving action was found.

    Often running and jumping are equally good; a student that is told all of them need not guess a preference. Where
    neither leads on it is what `advise` finds, which also rescues a runner in mid-air.
    """
    runner = world.runners[0]
    jumps = not runner.held & Button.A if runner.standing else runner.vy < 0
    # A button that is held as the runner lands does not jump, and one that is pressed in a fall does nothing.
    target = runner.x + AHEAD
    ahead = held(world, RUN, skip)
    run, jump = way(ahead, target, skip, bold), NO_WAY
    if run and runner.standing and way(held(ahead, RUN, skip), target, skip, bold) >= NO_WAY:
        run = NO_WAY  # a student that reacts late would fail
    if jumps:
        jump = way(held(world, RUN_JUMP, skip), target, skip, bold)
    if min(run, jump) >= NO_WAY:
        first = advise(world, skip)
        return None if first is None else Advice(first, (first,), decides=False)
    good = tuple(action for action, far in ((RUN, run), (RUN_JUMP, jump)) if far <= min(run, jump) + SLACK)
    return Advice(RUN if run <= jump else RUN_JUMP, good, decides=jumps and len(good) == 1)
