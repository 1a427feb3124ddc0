"""The macro actions by number, for searches: their buttons, and the order in which a search tries them in the air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena.errors import InputError
from arena_games.lanes.actions import MACRO

NAMES = tuple(MACRO)
BUTTONS = tuple(int(buttons) for buttons in MACRO.values())
STAY, RIGHT, RUN, JUMP, RUN_JUMP, UP, LEFT, LEFT_JUMP = range(len(NAMES))
RISING = (RUN_JUMP, RUN, JUMP, RIGHT, STAY, LEFT)
FALLING = (RUN, RIGHT, STAY, LEFT)


def check_macro(options: Mapping[str, Any]) -> None:
    """InputError for a game whose actions are others: what a search finds is none of them."""
    if options["actions"] != "macro":
        raise InputError(
            f"the match was played with @actions={options['actions']}, and what corrects it knows the actions of "
            "@actions=macro alone, which is the default: record a run with these"
        )
