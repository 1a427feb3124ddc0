"""MarioLane: one emulated NES. Only its `begin` needs the packages of the runtime `mario`."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from PIL import Image as Pillow

from arena.canonical import digest
from arena.game import Image
from arena_games.lanes.lane import End, Lane, Now, Obstacles
from arena_games.mario import stages
from arena_games.mario.ram import READERS, Reader, Smb3

LONGEST = 1_200  # most frames for which a lane waits while the game moves the player by itself


class Start(NamedTuple):
    """The first moment of a stage at which the player can move."""

    rom: str  # the cartridge's file
    sha1: str
    state: Any  # the emulator's snapshot; it is never written to
    nes: Any  # the emulator of the snapshot, which points into it, so it must live as long


@functools.cache
def start_of(stage: str) -> Start:
    """Plays from power-on to the start of a stage, once a process. Raises ImportError outside the runtime."""
    import gym_super_mario_bros

    env: Any = gym_super_mario_bros.make(stages.registered()[stage]).unwrapped
    rom = Path(env._rom_path)
    sha1 = hashlib.sha1(rom.read_bytes(), usedforsecurity=False).hexdigest()
    return Start(str(rom), sha1, env.dump_state(), env)


class MarioLane(Lane):
    """One stage of one of the four games; `stage` may be changed before `begin`."""

    size: ClassVar[tuple[int, int]] = (240, 256)
    threads: ClassVar[bool] = True  # the emulator releases the interpreter lock while it makes a frame

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._rom = ""
        self._nes: Any = None
        self._ram = memoryview(b"")
        self._pixels = np.zeros((*self.size, 4), np.uint8)
        self._luma = np.zeros(self.size, np.uint8)
        self._over: End | None = None
        self._reader: Reader

    def begin(self) -> None:
        start = start_of(self.stage)
        if start.rom != self._rom:
            from nes_py import NESEnv

            self.close()
            self._nes, self._rom = NESEnv(start.rom), start.rom
            self._ram = memoryview(self._nes.ram)
            # `screen` reverses the first three bytes of each pixel: here are all four in the order of memory.
            self._pixels = np.lib.stride_tricks.as_strided(self._nes.screen[..., ::-1], (*self.size, 4), (1024, 4, 1))
        self._nes.load_state(start.state)
        self._reader = READERS[stages.game_of(self.stage)](self._ram)
        if isinstance(self._reader, Smb3):
            self._reader.stage = self.stage.removeprefix("smb3-")
        self._over = None

    def hold(self, buttons: int, frames: int) -> None:
        advance, reader = self._nes._frame_advance, self._reader
        for _ in range(frames):
            if self._over is not None:
                return
            advance(buttons)
            self._over = reader.over()
            if self._over is None and reader.busy():
                self._wait()

    def _wait(self) -> None:
        """Advance while the game moves the player by itself and ignores the buttons."""
        reader = self._reader
        for _ in range(LONGEST):
            reader.hasten()
            self._nes._frame_advance(0)
            self._over = reader.over()
            if self._over is not None or not reader.busy():
                return

    @property
    def now(self) -> Now:
        return self._reader.now(self._over)

    @property
    def obstacles(self) -> Obstacles:
        return self._reader.obstacles()

    def snapshot(self) -> None:
        """Always None: the emulator itself holds the current moment."""

    def keep(self, snapshot: Any) -> Any:
        return self._nes.observation("grayscale")

    def draw(self, snapshot: Any) -> Image:
        height, width = self.size
        return np.array(Pillow.frombuffer("RGB", (width, height), self._pixels, "raw", "BGRX", 0, 1))

    def luma(self, snapshot: Any) -> Image:
        luma: Image = self._nes.observation("grayscale", self._luma) if snapshot is None else snapshot
        return luma

    def state_hash(self) -> str:
        """Over the 2 KiB of the console's memory."""
        return digest(self._ram.tobytes())

    def save(self) -> Any:
        """Saves the current moment for `load`, for searches. It is valid as long as this lane exists."""
        return self._nes.dump_state(), self._reader, self._over

    def load(self, saved: Any) -> None:
        """Go back to a saved moment of this level."""
        state, self._reader, self._over = saved
        self._nes.load_state(state)

    def close(self) -> None:
        self._ram = memoryview(b"")
        if self._nes is not None:
            self._nes.close()
        self._nes, self._rom = None, ""
