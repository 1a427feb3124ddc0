"""A way ahead in an emulated level by the macro actions: depth first over saved states, running, and back to where it
went wrong. The same idea as arena_games/sidescroller/search.py; it is what demonstrates, and what teaches nano.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from arena_games.lanes.actions import SKIP
from arena_games.lanes.lane import TILE, Now
from arena_games.lanes.moves import BUTTONS, FALLING, JUMP, LEFT, RIGHT, RISING, RUN, RUN_JUMP, STAY, UP
from arena_games.mario.lane import MarioLane

STANDING = (RUN, RUN_JUMP, JUMP, RIGHT, UP, STAY, LEFT)  # the order in which actions are tried
AHEAD = 14 * TILE  # pixels that a search looks ahead
BUDGET = 600  # most decisions that a search tries
ASIDE = 40  # most decisions at an alternative


def onward(lane: MarioLane, budget: int = BUDGET, ahead: int = AHEAD, skip: int = SKIP) -> tuple[int, ...]:
    """Macro actions that lead to the flag, or to stand `ahead` pixels to the right of here; (): none within the budget.

    `lane` is restored to its state before the call. `skip`: frames that a decision is held for.
    """
    here = lane.save()
    target = lane.now.x + ahead
    path: list[int] = []
    seen: set[tuple[int, ...]] = set()
    stack: list[tuple[Any, Iterator[int]]] = [(here, iter(_order(lane.now, lane.now.y)))]
    found: tuple[int, ...] = ()
    while stack and budget:
        saved, choices = stack[-1]
        action = next(choices, None)
        if action is None:
            stack.pop()
            if path:
                path.pop()
            continue
        budget -= 1
        lane.load(saved)
        before = lane.now
        lane.hold(BUTTONS[action], skip)
        now = lane.now
        mark = (now.x // 4, now.y // 4, (now.x - before.x) // 4, int(now.grounded))
        if now.over not in (None, "flag") or mark in seen:
            continue
        seen.add(mark)
        path.append(action)
        if now.over == "flag" or (now.grounded and now.x >= target):
            found = tuple(path)
            break
        stack.append((lane.save(), iter(_order(now, before.y))))
    lane.load(here)
    return found


def advise(lane: MarioLane, plan: Sequence[int], skip: int = SKIP) -> tuple[int, ...]:
    """The next actions of a good player: `plan` as long as it holds (it came from `onward`), or a new one; (): no way.

    If the plan runs to the last moment before it jumps, this jumps now if that works too: a student may be late.
    """
    plan = tuple(plan) or onward(lane, skip=skip)
    if lane.now.grounded and len(plan) > 1 and plan[0] in (RUN, RIGHT) and plan[1] in (RUN_JUMP, JUMP):
        here = lane.save()
        lane.hold(BUTTONS[plan[1]], skip)
        jumped = not lane.now.grounded  # a button that is still held does not jump
        rest = onward(lane, ASIDE, skip=skip) if jumped and lane.now.over is None else ()
        lane.load(here)
        if rest:
            return (plan[1], *rest)
    return plan


def _order(now: Now, was: int) -> Sequence[int]:
    """The actions in the order in which they are tried. `was`: the height one decision ago."""
    if now.grounded:
        return STANDING
    return RISING if now.y > was else FALLING
