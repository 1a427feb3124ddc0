"""The check of what games return: the results of resets and steps, and observations.

A local session checks its game, and a hosted one the host's messages. Raises GameError for anything invalid.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from arena.errors import GameError
from arena.game import GameSpec, Image, Move, Observation, Said, StepResult, Views
from arena.text import clean

MOST_EVENTS = 1000  # a tick
LONGEST_EVENT = 10_000  # characters
MOST_SAID = 100_000  # characters that an observation may allow
LONGEST_HASH = 128  # characters
BYTES, FLOATS = np.dtype(np.uint8), np.dtype(np.float32)
SHOWN = 10  # most values in a message


def check_result(result: object, seats: int) -> StepResult:
    """Returns `result` with plain numbers and tuples, ready to be logged and sent."""
    if not isinstance(result, StepResult):
        raise GameError(f"a game gives a StepResult, not a {type(result).__name__}")
    rewards = _scores("rewards", result.rewards, seats)
    returns = None if result.returns is None else _scores("returns", result.returns, seats)
    due = _wholes("due", result.due)
    if not _ascending(due, seats):
        raise GameError(f"due are seats {_some(due)}: expected some of 0 to {seats - 1}, each once, ascending")
    if result.ended not in ("none", "terminated", "truncated"):
        raise GameError(f"ended is {result.ended!r}: expected none, terminated or truncated")
    over = result.ended != "none"
    if over and (due or returns is None):
        raise GameError(f"the match is {result.ended}, but seats {_some(due)} are due and the returns are {returns}")
    if not over and not due:
        raise GameError("the match goes on, but nobody is due")
    return StepResult(due, rewards, _hash(result.state_hash), _events(result.events), result.ended, returns)


def check_out(out: object, due: Sequence[int], seats: int) -> tuple[int, ...]:
    """Returns the seats that are out as plain numbers, if they are seats and none of them is due."""
    numbers = _wholes("seats_out", out)
    if not _ascending(numbers, seats) or set(numbers) & set(due):
        raise GameError(
            f"seats_out are {_some(numbers)}, while {_some(due)} are due: "
            f"expected others of 0 to {seats - 1}, each once, ascending"
        )
    return numbers


def check_observation(seen: object, spec: GameSpec, views: Views, *, due: bool) -> Observation:
    """Returns `seen` if it has exactly the agreed views, and at least one legal action if the seat is due."""
    if not isinstance(seen, Observation):
        raise GameError(f"observe gives an Observation, not a {type(seen).__name__}")
    legal = _wholes("legal", seen.legal)
    n = spec.actions.n
    if (due and not legal) or not _ascending(legal, n):
        raise GameError(f"legal actions are {_some(legal)}: expected 1 to {n} of 0..{n - 1}, ascending")
    image = None if seen.image is None else _array("image", seen.image, BYTES)
    kind = FLOATS if spec.vector_scale is None else BYTES
    vector = None if seen.vector is None else _array("vector", seen.vector, kind)
    wanted = (None if views.image is None else (*views.image, 3), spec.vector_shape if views.vector else None)
    told = seen.text is not None
    if (image, vector) != wanted or told != views.text or (seen.facts is not None and not told):
        raise GameError(
            f"a picture {image}, a vector {vector} and {'a' if told else 'no'} text are shown; "
            f"agreed were {wanted} and {'a' if views.text else 'no'} text"
        )
    for name, most in (("free_text", seen.free_text), ("table_talk", seen.table_talk)):
        if type(most) is not int or not 0 <= most <= MOST_SAID:
            raise GameError(f"{name} is {most!r}; expected a number of characters from 0 to {MOST_SAID}")
    if (seen.free_text or seen.table_talk or seen.heard) and not spec.talk:
        raise GameError("somebody may say something, or hears it: that needs talk=True in the GameSpec")
    if seen.heard:
        _heard(seen.heard, told)
    if told:
        for text in (seen.text, *(seen.facts or {}), *(seen.facts or {}).values()):
            if type(text) is not str or not text.isascii():
                _text("a text view or a fact", text)
    return seen if legal is seen.legal else msgspec.structs.replace(seen, legal=legal)


def _heard(heard: object, told: bool) -> None:
    if not told:
        raise GameError("words of others are shown (heard), but no text view was agreed: they come with it")
    for said in _listed("heard", heard):
        if not isinstance(said, Said) or type(said.seat) is not int or said.seat < 0:
            raise GameError(f"heard holds {str(said)[:80]!r}; expected Said(seat, text)")
        _text("what was heard", said.text)


def check_picture(image: object, height: int, width: int) -> Image:
    """Returns `image` if it is uint8 (height, width, 3)."""
    shape = _array("draw", image, BYTES)
    if shape != (height, width, 3):
        raise GameError(f"draw gave a picture {shape}; asked was {(height, width, 3)}")
    return image  # type: ignore[return-value]


def check_action(what: str, action: object, legal: Sequence[int]) -> int:
    """Returns `action` as a plain number if it is one of `legal`."""
    number = _whole(what, action)
    if number not in legal:
        raise GameError(f"{what} is {number}, which is not legal now; legal: {_some(legal)}")
    return number


def check_move(what: str, move: object, legal: Sequence[int], free_text: int) -> Move:
    """`move` with a plain number, if it is one of `legal`; or a clean text of at most `free_text` characters alone."""
    if not isinstance(move, Move):
        raise GameError(f"{what} is a {type(move).__name__}; expected a Move")
    if move.say is None:
        return Move(check_action(what, move.action, legal))
    _text(what, move.say)
    if move.action is not None or not 0 < len(move.say) <= free_text or move.say != clean(move.say):
        raise GameError(
            f"{what} is {str(move)[:200]}; expected an action, or a clean text of 1 to {free_text} characters"
        )
    return move


def check_scores(what: str, given: object, seats: int) -> tuple[float, ...]:
    """Returns one finite number for each seat."""
    return _scores(what, given, seats)


def _scores(what: str, given: object, seats: int) -> tuple[float, ...]:
    if type(given) is tuple and len(given) == seats and all(type(one) is float and math.isfinite(one) for one in given):
        return given
    out = []
    for value in _listed(what, given):
        if type(value) is not float and not isinstance(value, numbers.Real):
            raise GameError(f"{what} hold {str(value)[:80]!r} of type {type(value).__name__}; expected a number a seat")
        number = float(value)
        if not math.isfinite(number):
            raise GameError(f"{what} hold {number}; expected a finite number a seat")
        out.append(number)
    if len(out) != seats:
        raise GameError(f"{len(out)} {what} for {seats} seats")
    return tuple(out)


def _listed(what: str, given: object) -> Iterable[Any]:
    if not isinstance(given, (tuple, list, np.ndarray)):
        raise GameError(f"{what}: a {type(given).__name__} where a tuple is expected")
    return given


def _wholes(what: str, given: object) -> tuple[int, ...]:
    if type(given) is tuple and all(type(one) is int for one in given):
        return given
    return tuple(_whole(f"one of {what}", one) for one in _listed(what, given))


def _ascending(values: Sequence[int], end: int) -> bool:
    """Each of 0 to end - 1 at most once, in order."""
    last = -1
    for value in values:
        if value <= last:
            return False
        last = value
    return last < end


def _whole(what: str, given: object) -> int:
    if type(given) is int:
        return given
    try:
        return operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        raise GameError(f"{what} is {str(given)[:80]!r} of type {type(given).__name__}; expected a number") from None


def _hash(given: object) -> str:
    _text("state_hash", given, LONGEST_HASH)
    return given  # type: ignore[return-value]


def _events(given: object) -> tuple[str, ...]:
    events = tuple(_listed("events", given))
    if len(events) > MOST_EVENTS:
        raise GameError(f"{len(events)} events in one tick; at most {MOST_EVENTS} are taken")
    for event in events:
        _text("an event", event, LONGEST_EVENT)
    return events


def _text(what: str, given: object, most: int | None = None) -> None:
    if not isinstance(given, str):
        raise GameError(f"{what} is a {type(given).__name__}; expected a text")
    if most is not None and len(given) > most:
        raise GameError(f"{what} of {len(given)} characters; at most {most} are taken")
    if not given.isascii():
        try:
            given.encode()
        except UnicodeEncodeError:
            raise GameError(f"{what} holds a character that is none (a lone surrogate): {given[:80]!a}") from None


def _array(what: str, given: Any, dtype: np.dtype[Any]) -> tuple[int, ...]:
    if not isinstance(given, np.ndarray) or (given.dtype is not dtype and given.dtype != dtype):
        kind = given.dtype if isinstance(given, np.ndarray) else type(given).__name__
        raise GameError(f"{what} is of {kind}; expected an array of {dtype}")
    shape: tuple[int, ...] = given.shape
    return shape


def _some(values: Sequence[int]) -> str:
    more = ", ..." if len(values) > SHOWN else ""
    return f"[{', '.join(map(str, values[:SHOWN]))}{more}]"
