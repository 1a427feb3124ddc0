"""Legal actions as a person selects them: by a number, an unambiguous letter, or the name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from arena.operator import Decision, OpenSeat, Request

GIVE_UP = "q"  # typed at a terminal; never the key of an action
TAKEN = "?. "  # mean something else on the page
GAVE_UP = Decision(fault="unparsable", detail="the person gave up this match")


@dataclass(frozen=True, slots=True)
class Choice:
    """One legal action and the keys that select it."""

    action: int
    name: str  # with its current amount, if the game states one: "call 10"
    number: int
    letter: str | None
    plain: str  # the action's name alone, which can be typed as well

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that select it, the number first."""
        return (str(self.number), self.letter) if self.letter else (str(self.number),)


def offered_in(seat: OpenSeat, request: Request) -> tuple[Choice, ...]:
    """The choices of a question. A fact `label.ACTION` gives an action's current amount."""
    facts = request.observation.facts or {}
    labels = {action: str(facts.get(f"label.{name}", name)) for action, name in enumerate(seat.card.actions)}
    return choices(seat.card.actions, request.observation.legal, labels)


def choices(
    actions: Sequence[str], legal: Sequence[int], labels: Mapping[int, str] | None = None
) -> tuple[Choice, ...]:
    """The choices of this turn, in the order of the actions. Numbers and letters are those of the actions' names.

    An action keeps its number for the whole game where possible, so that a person can learn it:
    the number in the names if each name has its own ("column 3" is 3), or those of names that are numbers, and then the
    others come after; else the action's place from 1. Only a game with more than nine actions, none of them a number,
    numbers the actions that are legal now. A sign that is an action's whole name ("+") is its key, as a letter is.
    """
    initials = Counter(_initial(actions[action]) for action in legal)
    numbers = _numbers(actions, legal)
    out = []
    for action in legal:
        letter = _initial(actions[action])
        sign = len(actions[action]) == 1 and not letter.isalnum() and letter not in TAKEN
        clear = (letter.isalpha() or sign) and letter != GIVE_UP and initials[letter] == 1
        name = (labels or {}).get(action, actions[action])
        out.append(Choice(action, name, numbers[action], letter if clear else None, actions[action]))
    return tuple(out)


def pick(given: str, offered: Sequence[Choice]) -> Choice | None:
    """Returns the choice that `given` selects by key, by name, or by an unambiguous beginning of a name; else None."""
    wanted = " ".join(given.lower().split())
    if not wanted:
        return None
    found = [one for one in offered if wanted in one.keys or wanted in (one.name.lower(), one.plain.lower())]
    if not found and not wanted.isdecimal():  # 1 is no beginning of 10
        found = [one for one in offered if one.name.lower().startswith(wanted) or one.plain.lower().startswith(wanted)]
    return found[0] if len(found) == 1 else None


def _initial(name: str) -> str:
    return name.strip()[:1].lower()


def _numbers(actions: Sequence[str], legal: Sequence[int]) -> dict[int, int]:
    whole = {action: int(name) for action, name in enumerate(actions) if name.isdecimal()}
    if len(whole) == len(actions) <= 9 < max(whole.values()):  # degrees, for example: no key has such a number
        return {action: action + 1 for action in legal}
    if whole:
        others = [action for action in range(len(actions)) if action not in whole]
        return whole | {action: number for number, action in enumerate(others, start=max(whole.values()) + 1)}
    found = [re.findall(r"\d+", name) for name in actions]
    if all(len(runs) == 1 for runs in found):
        named = [int(runs[0]) for runs in found]
        if len(set(named)) == len(named):
            return {action: named[action] for action in legal}
    if len(actions) <= 9:
        return {action: action + 1 for action in legal}
    return {action: place for place, action in enumerate(legal, start=1)}
