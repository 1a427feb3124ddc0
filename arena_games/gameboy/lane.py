"""GameBoyLane: one emulated Game Boy with Super Mario Land in it. Only `begin` needs PyBoy.

Positions, lives, time and world are what PyBoy's wrapper of the game reads; what is ahead is read off its `game_area`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from arena.canonical import digest
from arena.game import Image
from arena_games.lanes.lane import Button, End, Lane, Now, Obstacles

KEYS = {
    Button.A: "a",
    Button.B: "b",
    Button.UP: "up",
    Button.DOWN: "down",
    Button.LEFT: "left",
    Button.RIGHT: "right",
}
MARIO, SOLID, ENEMY = 1, 3, 4  # of the wrapper's mapping_minimal
ON_GROUND = 0xC20A
TALL, HIDDEN = 18, 2  # rows of 8 pixels of the screen, and of them above the game area


class GameBoyLane(Lane):
    """One level of one cartridge, from its start or from a saved state."""

    size: ClassVar[tuple[int, int]] = (144, 160)

    def __init__(self, rom: Path, start: tuple[int, int] | Path) -> None:
        """`start`: a world and a level of it, or the file of a saved state."""
        self.rom, self.start = rom, start
        self._boy: Any = None
        self._start = b""
        self._over: End | None = None

    def begin(self) -> None:
        if self._boy is None:
            self._boy, self._start = self._boot()
        for key in KEYS.values():
            self._boy.button_release(key)
        self._boy.load_state(io.BytesIO(self._start))
        self._boy.tick(1, True)
        self._over = None
        game = self._boy.game_wrapper
        self._lives, self._world = game.lives_left, tuple(game.world)

    def _boot(self) -> tuple[Any, bytes]:
        """(the emulator, its state where the level begins)."""
        from pyboy import PyBoy

        boy = PyBoy(str(self.rom), window="null", sound_emulated=False, log_level="ERROR")
        boy.set_emulation_speed(0)
        game = boy.game_wrapper
        if isinstance(self.start, Path):
            with self.start.open("rb") as file:
                boy.load_state(file)
        else:
            game.start_game(timer_div=0, world_level=self.start)  # without timer_div it would be drawn at random
        game.game_area_mapping(game.mapping_minimal, 0)
        out = io.BytesIO()
        boy.save_state(out)
        return boy, out.getvalue()

    def hold(self, buttons: int, frames: int) -> None:
        if self._over is not None:
            return
        for button, key in KEYS.items():
            (self._boy.button_press if buttons & button else self._boy.button_release)(key)
        for _ in range(frames):
            self._boy.tick(1, True)  # drawing is cheap, and the last frame is only known afterwards
            self._over = self._how()
            if self._over is not None:
                return

    def _how(self) -> End | None:
        game = self._boy.game_wrapper
        if game.lives_left < self._lives or game.game_over():
            return "died" if game.time_left else "time"
        return "flag" if tuple(game.world) != self._world else None

    @property
    def now(self) -> Now:
        game = self._boy.game_wrapper
        feet = row_below(np.asarray(game.game_area()))
        return Now(
            x=int(game.level_progress),
            y=(TALL - feet) * 8 if feet is not None else 0,
            world="-".join(map(str, self._world)),
            time=int(game.time_left),
            lives=int(game.lives_left),
            score=int(game.score),
            coins=int(game.coins),
            grounded=self._boy.memory[ON_GROUND] == 1,
            over=self._over,
        )

    @property
    def obstacles(self) -> Obstacles:
        return ahead(np.asarray(self._boy.game_wrapper.game_area()))

    def snapshot(self) -> Any:
        return self._boy.screen.ndarray[:, :, :3].copy()

    def draw(self, snapshot: Any) -> Image:
        return snapshot.copy()  # type: ignore[no-any-return]

    def state_hash(self) -> str:
        """Over all memory that the processor can write to, the screen's and the registers included."""
        return digest(bytes(self._boy.memory[0x8000:0x10000]))

    def close(self) -> None:
        if self._boy is not None:
            self._boy.stop(save=False)
            self._boy = None


def row_below(area: npt.NDArray[Any]) -> int | None:
    """The row of 8 pixels below the player's feet, from the top of the screen; None: there is no player."""
    rows, _ = np.nonzero(area == MARIO)
    return int(rows.max()) + 1 + HIDDEN if len(rows) else None


def ahead(area: npt.NDArray[Any]) -> Obstacles:
    """Returns the obstacles ahead in a game area.

    `area` is mapping_minimal's: rows and columns of 8 pixels; distances and heights are in tiles of 16, rounded up.
    """
    rows, columns = np.nonzero(area == MARIO)
    if not len(rows):
        return Obstacles()
    feet, front = int(rows.max()) + 1, int(columns.max())
    pit = enemy = wall = None
    height = 0
    for column in range(front + 1, area.shape[1]):
        tiles = (column - front + 1) // 2
        if enemy is None and (area[:, column] == ENEMY).any():
            enemy = tiles
        if pit is None and not (area[feet:, column] == SOLID).any():
            pit = tiles
        if wall is None and area[feet - 1, column] == SOLID:
            wall, top = tiles, feet - 1
            while top >= 0 and area[top, column] == SOLID:
                top -= 1
            height = (feet - top) // 2
    return Obstacles(pit, enemy, wall, height)
