"""A level of flat ground with one pit, in ten lines of rules: what LaneGame is tested with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from arena.canonical import digest
from arena.game import Image
from arena_games.lanes.game import LaneGame, lane_spec
from arena_games.lanes.lane import TILE, Button, Lane, Now, Obstacles

PIT, FLAG = (160, 192), 480  # pixels


class ToyLane(Lane):
    def begin(self) -> None:
        self.now_ = Now(x=0, y=32, world="toy", time=400, lives=1)
        self.air = 0
        self.held = False
        self.frames = 0

    def hold(self, buttons: int, frames: int) -> None:
        for _ in range(frames):
            if self.now_.over:
                return
            self.frames += 1
            pressed = bool(buttons & Button.A)
            if pressed and not self.held and self.air == 0:
                self.air = 30
            self.held = pressed
            step = (2 if buttons & Button.B else 1) * (bool(buttons & Button.RIGHT) - bool(buttons & Button.LEFT))
            x = max(0, self.now_.x + step)
            self.air = max(0, self.air - 1)
            over = "died" if self.air == 0 and PIT[0] <= x < PIT[1] else "flag" if x >= FLAG else None
            self.now_ = replace(self.now_, x=x, grounded=self.air == 0, over=over, time=400 - self.frames // 2)

    @property
    def now(self) -> Now:
        return self.now_

    @property
    def obstacles(self) -> Obstacles:
        ahead = (PIT[0] - self.now_.x) // TILE
        return Obstacles(pit=ahead if 0 <= ahead < 8 else None)

    def snapshot(self) -> Any:
        return self.now_.x, self.air

    def draw(self, snapshot: Any) -> Image:
        x, air = snapshot
        out = np.full((240, 256, 3), 90, np.uint8)
        out[200 - air : 216 - air, 100:116] = (200, x % 256, 40)
        return out

    def state_hash(self) -> str:
        return digest(self.now_.x, self.air, self.held, self.frames)


class ToyLanes(LaneGame):
    spec = lane_spec(id="toy_lanes", version=1, summary="one pit", seeded=False)

    def make_lane(self) -> Lane:
        return ToyLane()
