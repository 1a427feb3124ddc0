"""The action sets: eight named combinations (`macro`), or up to two of six buttons (`buttons`)."""

from __future__ import annotations

import itertools

from arena.game import Discrete
from arena_games.lanes.lane import Button

MACRO = {
    "stay": Button(0),
    "right": Button.RIGHT,
    "right run": Button.RIGHT | Button.B,
    "right jump": Button.RIGHT | Button.A,
    "right run jump": Button.RIGHT | Button.A | Button.B,
    "jump": Button.A,
    "left": Button.LEFT,
    "left jump": Button.LEFT | Button.A,
}
KEYS = {
    "up": Button.UP,
    "down": Button.DOWN,
    "left": Button.LEFT,
    "right": Button.RIGHT,
    "jump": Button.A,
    "run": Button.B,
}
FRAMES_A_SECOND = 60
SKIP = 8  # frames for which a decision of the set `macro` is held, by default
JUMP_FRAMES, OTHER_FRAMES = 15, 5  # frames for which a decision of the set `buttons` is held
NO_SKIP = f"actions=buttons are held for {JUMP_FRAMES} frames if they include jump, else for {OTHER_FRAMES}"


def _pairs() -> dict[str, Button]:
    out = {"none": Button(0), **KEYS}
    for one, two in itertools.combinations(KEYS, 2):
        if {one, two} not in ({"up", "down"}, {"left", "right"}):
            out[f"{one} {two}"] = KEYS[one] | KEYS[two]
    return out


SETS: dict[str, dict[str, Button]] = {"macro": MACRO, "buttons": _pairs()}
SPACES = {name: Discrete(tuple(actions)) for name, actions in SETS.items()}


def held(buttons: Button) -> tuple[str, ...]:
    """The names of the buttons, as KEYS has them."""
    return tuple(name for name, button in KEYS.items() if buttons & button)


def frames_of(kind: str, buttons: Button, skip: int) -> int:
    """Frames for which a decision is held: `skip`, or in the set `buttons` longer for a jump."""
    if kind == "macro":
        return skip
    return JUMP_FRAMES if buttons & Button.A else OTHER_FRAMES


def in_any_order(answer: str) -> str:
    """The name of a pair of buttons, given in any order and with any separator."""
    words = answer.lower().replace("+", " ").replace(",", " ").split()
    return " ".join(sorted(words, key=list(KEYS).index)) if words and set(words) <= set(KEYS) else answer
