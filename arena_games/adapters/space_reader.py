"""Reads observations of Gymnasium spaces: as a vector or a picture, in words, and the mask of legal actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from arena.errors import GameError
from arena.game import Vector
from arena_games.adapters.numbers import in_words

MASK = "action_mask"
LARGEST = float(np.finfo(np.float32).max)
PLAIN = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


@dataclass(frozen=True, slots=True)
class SpaceReader:
    """Reads the observations of one seat."""

    space: spaces.Space[Any]  # of the observation, without its mask
    inside: bool  # the observation is the entry "observation" of a dictionary, beside its mask
    pixels: bool  # it is a picture
    size: int  # numbers in the vector; 0 for a picture and for a space that contains a text

    def unmasked(self, given: Any) -> Any:
        """Returns the observation without its mask. Raises GameError if it is not in its space."""
        if self.inside:
            given = given["observation"] if isinstance(given, Mapping) else given
        elif isinstance(given, Mapping) and MASK in given:
            given = {name: value for name, value in given.items() if name != MASK}
        _fits(self.space, given, "an observation")
        return given

    def vector(self, given: Any, width: int) -> Vector:
        """float32 (width,), a new array: the flattened observation, padded with zeros.

        Numbers outside the bounds of a Box are kept; those too large for float32 become its largest number.
        """
        out = np.zeros(width, np.float32)
        with np.errstate(over="ignore"):
            flat = np.asarray(spaces.flatten(self.space, self.unmasked(given)), np.float32)
        out[: flat.size] = np.nan_to_num(flat, posinf=LARGEST, neginf=-LARGEST)
        return out

    def words(self, given: Any, labels: Sequence[str] = ()) -> str:
        """The observation in words."""
        bare = self.unmasked(given)
        if self.pixels:
            return "A picture."
        if isinstance(self.space, spaces.Text):
            return str(bare)
        if isinstance(self.space, spaces.Discrete):
            label = labels[0] if labels else "observation"
            return f"{label} = {int(bare)} (of {int(self.space.start)} to {int(self.space.start + self.space.n - 1)})"
        if isinstance(self.space, spaces.Tuple) and all(isinstance(part, spaces.Discrete) for part in self.space):
            return in_words(np.array([float(part) for part in bare], np.float32), labels)
        if isinstance(self.space, (spaces.MultiDiscrete, spaces.MultiBinary, spaces.Box)):
            return in_words(_floats(bare), labels)
        return _named(self.space, bare)


def _named(space: spaces.Space[Any], given: Any) -> str:
    """The parts of an observation with their names; texts are quoted."""
    if isinstance(space, spaces.Dict):
        return "; ".join(f"{name} = {_named(part, given[name])}" for name, part in space.spaces.items())
    if isinstance(space, spaces.Tuple):
        return "(" + "; ".join(_named(part, value) for part, value in zip(space, given, strict=True)) + ")"
    if isinstance(space, spaces.Text):
        return repr(str(given))
    return str(int(given)) if isinstance(space, spaces.Discrete) else in_words(_floats(given))


def _floats(given: Any) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.nan_to_num(np.asarray(given, np.float32), posinf=LARGEST, neginf=-LARGEST)


def _fits(space: spaces.Space[Any], given: Any, what: str) -> None:
    """Raises GameError unless `given` is in `space`. The bounds of a Box are not checked: many are guesses."""
    if isinstance(space, spaces.Dict):
        if not isinstance(given, Mapping) or not set(space.spaces) <= set(given):
            there = sorted(map(str, given)) if isinstance(given, Mapping) else type(given).__name__
            raise GameError(f"{what} has {there}; its space has {sorted(space.spaces)}")
        for name, part in space.spaces.items():
            _fits(part, given[name], f"{what}, {name!r}")
    elif isinstance(space, spaces.Tuple):
        if not isinstance(given, (tuple, list)) or len(given) != len(space):
            raise GameError(f"{what} is {_short(given)}; its space is a tuple of {len(space)}")
        for number, (part, value) in enumerate(zip(space, given, strict=True)):
            _fits(part, value, f"{what}, part {number}")
    elif isinstance(space, spaces.Text):
        if not isinstance(given, str):
            raise GameError(f"{what} is {_short(given)}; its space is {space}")
    elif isinstance(space, spaces.Box):
        array = np.asarray(given)
        if array.shape != space.shape or array.dtype.kind not in "fiub":
            raise GameError(f"{what} has the shape {array.shape}, {array.dtype}; its space is {space}")
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise GameError(f"{what} holds NaN: {_short(given)}")
    elif not space.contains(given) and not (np.ndim(given) == 1 and space.contains(np.asarray(given))):
        raise GameError(f"{what} is {_short(given)}; its space is {space}")


def _short(given: Any) -> str:
    text = " ".join(repr(given).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def of(space: spaces.Space[Any], who: str) -> SpaceReader:
    """Returns a reader of `space`. Raises ValueError for a space without a fixed width."""
    inside = False
    bare: spaces.Space[Any] = space
    if isinstance(space, spaces.Dict) and MASK in space.spaces:
        inside = "observation" in space.spaces
        rest = {name: part for name, part in space.spaces.items() if name != MASK}
        bare = space["observation"] if inside else spaces.Dict(rest)
    pixels = (
        isinstance(bare, spaces.Box)
        and bare.dtype == np.uint8
        and len(bare.shape) in (2, 3)
        and min(bare.shape[:2]) >= 16
        and (len(bare.shape) == 2 or bare.shape[2] in (1, 3))
    )
    if pixels:
        return SpaceReader(bare, inside, True, 0)
    if _worded(bare):
        return SpaceReader(bare, inside, False, 0)
    try:
        size = spaces.flatdim(bare)
    except (NotImplementedError, ValueError) as error:
        raise ValueError(f"the observations of {who} are {bare}, which has no fixed number of numbers") from error
    return SpaceReader(bare, inside, False, int(size))


def _worded(space: spaces.Space[Any]) -> bool:
    """Whether a part of the space is a text: then there is a text view and no vector. Raises ValueError for a space
    without fixed parts."""
    if isinstance(space, spaces.Dict):
        return any([_worded(part) for part in space.spaces.values()])
    if isinstance(space, spaces.Tuple):
        return any([_worded(part) for part in space])
    if not isinstance(space, (spaces.Text, *PLAIN)):
        raise ValueError(f"an observation holds a {type(space).__name__}, which has no fixed number of numbers")
    return isinstance(space, spaces.Text)


def number(given: Any, what: str) -> float:
    """Returns a reward as a float; an array of one number counts. Raises GameError for anything else."""
    array = np.asarray(given)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise GameError(f"{what} is {_short(given)}; expected one number")
    return float(array.reshape(()))


def discrete(space: spaces.Space[Any], who: str) -> spaces.Discrete:
    """Returns `space` if it is Discrete. Raises ValueError for anything else."""
    if not isinstance(space, spaces.Discrete):
        raise ValueError(f"the actions of {who} are {space}; an action must be one of a list (Discrete)")
    return space


def legal(given: Any, info: Mapping[str, Any], n: int, who: str) -> tuple[int, ...]:
    """The actions that the mask of `who` allows, in the observation or in `info`; all if there is no mask.

    Raises GameError for a mask of another length, or one that allows no action.
    """
    mask = given.get(MASK) if isinstance(given, Mapping) else None
    mask = info.get(MASK) if mask is None else mask
    if mask is None:
        return tuple(range(n))
    flags = np.asarray(mask)
    if flags.shape != (n,) or flags.dtype.kind not in "fiub":
        raise GameError(f"the mask of {who} is {_short(mask)}; expected {n} numbers, one an action")
    out = tuple(np.flatnonzero(flags).tolist())
    if not out:
        raise GameError(f"the mask of {who} allows no action although it must act")
    return out
