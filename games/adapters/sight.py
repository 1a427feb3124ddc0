"""What an observation of a Gymnasium space becomes: a vector or a picture, words, and a mask of legal actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from arena.game import Vector
from games.adapters.numbers import in_words

MASK = "action_mask"


@dataclass(frozen=True, slots=True)
class Sight:
    """How the observations of one seat are read."""

    space: spaces.Space[Any]  # of the observation, without its mask
    inside: bool  # the observation stands in a dictionary, as "observation", beside its mask
    pixels: bool  # it is a picture
    size: int  # numbers in the vector, 0 for a picture

    def bare(self, given: Any) -> Any:
        """The observation without its mask."""
        if self.inside:
            return given["observation"]
        if isinstance(given, Mapping) and MASK in given:
            return {name: value for name, value in given.items() if name != MASK}
        return given

    def vector(self, given: Any, width: int) -> Vector:
        """float32 (width,), a new array: the observation made flat, zeros behind it, no infinities."""
        out = np.zeros(width, np.float32)
        flat = np.asarray(spaces.flatten(self.space, self.bare(given)), np.float32)
        out[: flat.size] = np.nan_to_num(flat, posinf=np.finfo(np.float32).max, neginf=np.finfo(np.float32).min)
        return out

    def words(self, given: Any, labels: Sequence[str] = ()) -> str:
        """The observation for a reader."""
        bare = self.bare(given)
        if self.pixels:
            return "A picture."
        if isinstance(self.space, spaces.Discrete):
            label = labels[0] if labels else "observation"
            return f"{label} = {int(bare)} (of {int(self.space.start)} to {int(self.space.start + self.space.n - 1)})"
        if isinstance(self.space, (spaces.Tuple, spaces.MultiDiscrete, spaces.MultiBinary)):
            values = np.array([float(np.asarray(part).sum()) for part in bare], np.float32)
            return in_words(values, labels)
        if isinstance(self.space, spaces.Box):
            return in_words(np.asarray(bare, np.float32), labels)
        return in_words(self.vector(given, self.size))


def of(space: spaces.Space[Any], who: str) -> Sight:
    """How observations of `space` are read. ValueError for a space that has no fixed width."""
    inside = isinstance(space, spaces.Dict) and "observation" in space.spaces and MASK in space.spaces
    bare: spaces.Space[Any] = space
    if inside:
        bare = space["observation"]  # type: ignore[index]
    elif isinstance(space, spaces.Dict) and MASK in space.spaces:
        bare = spaces.Dict({name: part for name, part in space.spaces.items() if name != MASK})
    pixels = (
        isinstance(bare, spaces.Box)
        and bare.dtype == np.uint8
        and len(bare.shape) in (2, 3)
        and min(bare.shape[:2]) >= 16
        and (len(bare.shape) == 2 or bare.shape[2] in (1, 3))
    )
    if pixels:
        return Sight(bare, inside, True, 0)
    try:
        size = spaces.flatdim(bare)
    except (NotImplementedError, ValueError) as error:
        raise ValueError(f"the observations of {who} are {bare}, which has no fixed number of numbers") from error
    return Sight(bare, inside, False, int(size))


def discrete(space: spaces.Space[Any], who: str) -> spaces.Discrete:
    """`space`, if an action is one of a list. ValueError for anything else."""
    if not isinstance(space, spaces.Discrete):
        raise ValueError(f"the actions of {who} are {space}; an action must be one of a list (Discrete)")
    return space


def legal(given: Any, info: Mapping[str, Any], n: int) -> tuple[int, ...]:
    """The actions that the mask allows, in the observation or in `info`; all where there is no mask."""
    mask = given.get(MASK) if isinstance(given, Mapping) else None
    mask = info.get(MASK) if mask is None else mask
    if mask is None:
        return tuple(range(n))
    return tuple(np.flatnonzero(np.asarray(mask)).tolist())
