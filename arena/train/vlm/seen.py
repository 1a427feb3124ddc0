"""What a critic sees of turns: pictures, vector views, facts, hidden states."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import InputError
from arena.game import Image
from arena.train.nets import is_picture
from arena.train.vlm.rows import Row

INPUTS = ("picture", "vector", "facts", "hidden")
FACTS = 256  # numbers that facts are hashed into
COMMON = 16  # whole numbers up to this also count as words
ONE = 255  # of a picture's light, where a vector view is a stack of pictures


@dataclass(slots=True)
class Seen:
    """What the critic sees of some turns."""

    columns: dict[str, list[npt.NDArray[Any]]]  # for each input an array a turn; none where no turn has it
    known: npt.NDArray[np.bool_]  # (turns,); False: something is missing

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each input: (height, width, channels) or (numbers,). InputError for one that no turn has."""
        for name, column in self.columns.items():
            if not column:
                raise InputError(
                    f"the critic looks at {name!r}, but no turn has it: set critic.inputs to others of "
                    f"{', '.join(INPUTS)}"
                )
        return {name: column[0].shape for name, column in self.columns.items()}


def seen(
    rows: Sequence[Row],
    inputs: Sequence[str],
    *,
    vector_shape: tuple[int, ...] | None = None,
    images: Mapping[str, Image] | None = None,
    hidden: Sequence[npt.NDArray[np.floating[Any]] | None] | None = None,
) -> Seen:
    """What the critic sees of these turns, of `inputs`.

    `vector_shape`: of the game's vector view, which may be a stack of pictures (height, width, channels). `images`:
    uint8 (height, width, 3) by the names in `Row.images`, of which the last is the current one. `hidden`: the model's
    (width,) for each row, or None.
    """
    of: dict[str, Callable[[int, Row], npt.NDArray[Any] | None]] = {
        "picture": lambda at, row: (images or {}).get(row.images[-1]) if row.images else None,
        "vector": lambda at, row: None if row.vector is None else _vector(row.vector, vector_shape),
        "facts": lambda at, row: None if row.state is None else facts(row.state),
        "hidden": lambda at, row: None if hidden is None else hidden[at],
    }
    found = {name: [of[name](at, row) for at, row in enumerate(rows)] for name in inputs}
    columns: dict[str, list[npt.NDArray[Any]]] = {}
    for name, column in found.items():
        first = next((one for one in column if one is not None), None)
        columns[name] = [] if first is None else [np.zeros_like(first) if one is None else one for one in column]
    known = np.array([all(column[at] is not None for column in found.values()) for at in range(len(rows))], np.bool_)
    return Seen(columns, known)


def of_tokens(states: Sequence[npt.NDArray[np.floating[Any]]]) -> Seen:
    """What a critic of tokens sees: the model's (n, width) states of each turn, one after another."""
    column = [state for turn in states for state in turn]
    return Seen({"hidden": column}, np.ones(len(column), np.bool_))


def facts(state: Mapping[str, str]) -> npt.NDArray[np.float32]:
    """(FACTS,) float32 of a game's facts, by the hashing trick (Weinberger et al. 2009): no table of words is kept.

    A number adds sign(x) log(1 + |x|) to its name's place; a word, or a small whole number, adds 1 to its own.
    """
    out = np.zeros(FACTS, np.float32)
    for fact in state.items():
        for place, amount in _added(*fact):
            out[place] += amount
    return out


@lru_cache(maxsize=1 << 14)  # games say the same of many moments
def _added(name: str, value: str) -> tuple[tuple[int, float], ...]:
    """(place, amount) of what one fact adds."""
    try:
        number = float(value)
    except ValueError:
        return ((_place(f"{name}={value}"), 1.0),)
    if not math.isfinite(number):
        return ()
    amount = _place(name), math.copysign(math.log1p(abs(number)), number)
    common = number.is_integer() and abs(number) <= COMMON
    return (amount, (_place(f"{name}={value}"), 1.0)) if common else (amount,)


def _vector(vector: npt.NDArray[np.float32], shape: tuple[int, ...] | None) -> npt.NDArray[Any]:
    """The numbers, or uint8 (height, width, channels) of a stack of pictures."""
    if not is_picture(shape):
        return vector
    assert shape is not None
    return np.rint(vector.reshape(shape) * ONE).astype(np.uint8)


def _place(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "little") % FACTS
