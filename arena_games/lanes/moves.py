"""The macro actions by number, for searches: their buttons, and the order in which a search tries them in the air."""

from __future__ import annotations

from arena_games.lanes.actions import MACRO

NAMES = tuple(MACRO)
BUTTONS = tuple(int(buttons) for buttons in MACRO.values())
STAY, RIGHT, RUN, JUMP, RUN_JUMP, UP, LEFT, LEFT_JUMP = range(len(NAMES))
RISING = (RUN_JUMP, RUN, JUMP, RIGHT, STAY, LEFT)
FALLING = (RUN, RIGHT, STAY, LEFT)
