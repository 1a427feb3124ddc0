"""Lane: one copy of a one-player platform game, run by its emulator or its rules; game.py gives it to a seat."""

from __future__ import annotations

import abc
import enum
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from arena.game import Image

End = Literal["flag", "died", "time", "stuck"]
TILE = 16  # pixels


class Button(enum.IntFlag):
    """The buttons of a controller; the values are the NES's."""

    A = 0x01  # jump
    B = 0x02  # run
    SELECT = 0x04
    START = 0x08
    UP = 0x10
    DOWN = 0x20
    LEFT = 0x40
    RIGHT = 0x80


@dataclass(frozen=True, slots=True)
class Now:
    """The facts of a lane that its rewards and its end follow from."""

    x: int  # pixels from the start of the level; may go back
    y: int  # pixels above the bottom of the screen
    world: str  # "1-1"
    time: int  # on the game's own clock
    lives: int
    score: int = 0
    coins: int = 0
    grounded: bool = True  # the player stands on something, so it can jump
    over: End | None = None  # "flag": the level is cleared


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What the text view tells beyond that: what is ahead, as whole tiles of 16 pixels to the right of the player.

    None: not within sight, or not known.
    """

    pit: int | None = None
    enemy: int | None = None
    wall: int | None = None
    wall_height: int = 0  # tiles to climb
    more: dict[str, str] = field(default_factory=dict)  # further facts, of this game only


class Lane(abc.ABC):
    """One copy. It can begin any number of times; the same buttons always lead to the same states."""

    size: ClassVar[tuple[int, int]] = (240, 256)  # (height, width) of its frames
    threads: ClassVar[bool] = False  # `hold` releases the interpreter lock: lanes may run in parallel

    @abc.abstractmethod
    def begin(self) -> None:
        """Start the level again, at the first moment at which the player can move."""

    @abc.abstractmethod
    def hold(self, buttons: int, frames: int) -> None:
        """Hold these buttons for `frames` frames; stops early when the lane is over."""

    @property
    @abc.abstractmethod
    def now(self) -> Now:
        """The current facts."""

    @property
    @abc.abstractmethod
    def obstacles(self) -> Obstacles:
        """What is to be seen at this moment. Asked only where somebody reads it."""

    @abc.abstractmethod
    def snapshot(self) -> Any:
        """What `draw` and `luma` need for this moment, valid until the lane advances. Cheap: most are never drawn."""

    def keep(self, snapshot: Any) -> Any:
        """Makes the current snapshot outlast the next step, for `luma` (for `draw` where `luma` gives None).

        Called just before the lane advances. Default: the snapshot itself, which must then never change.
        """
        return snapshot

    @abc.abstractmethod
    def draw(self, snapshot: Any) -> Image:
        """The frame of a snapshot: uint8 (*size, 3), a new array."""

    def small(self, snapshot: Any, height: int, width: int) -> Image | None:
        """The frame of a snapshot made smaller, if that is cheaper than by `draw`; else None.

        uint8 (height, width, 3), a new array, equal to what `Frame.fitted` makes of `draw`.
        """
        return None

    def luma(self, snapshot: Any) -> npt.NDArray[np.uint8] | None:
        """The grey frame of a snapshot, uint8 `size`, if that is cheaper than by `draw`; else None.

        It is used at once, and the next call may overwrite it.
        """
        return None

    @abc.abstractmethod
    def state_hash(self) -> str:
        """32 hex digits over the whole state of the game (memory, not pixels)."""

    def close(self) -> None:  # noqa: B027 - rules in Python hold nothing
        """Release the emulator."""
