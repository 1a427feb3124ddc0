"""Run in the runtime `gameboy` by tests/games/test_gameboy.py, with a cartridge of our own: prints what it found."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from arena.game import Move
from arena.plugins import game_class
from arena_games.gameboy.lane import GameBoyLane
from arena_games.lanes.actions import MACRO, SETS

ROM = Path(sys.argv[1])
SEED = bytes(16)


def lane(state: Path | None = None) -> Any:
    made = GameBoyLane(ROM, state or (1, 1))
    made.begin()
    return made


def walked(one: Any) -> list[str]:
    """State hashes of a walk."""
    out = [one.state_hash()]
    for buttons, frames in ((0x80, 8), (0x40, 3), (0, 5), (0x80, 20)):
        one.hold(buttons, frames)
        out.append(one.state_hash())
    return out


def main() -> None:
    first = lane()
    now, walk = first.now, walked(first)
    first.begin()
    again = walked(first)
    moved = first.now.x - now.x
    died, cleared = lane(), lane()
    died.hold(0x81, 8)
    cleared.hold(0x82, 8)
    frame = first.snapshot()
    kept = frame.copy()
    first.hold(0x80, 4)
    state = ROM.with_suffix(".state")
    saved = io.BytesIO()
    first._boy.save_state(saved)
    state.write_bytes(saved.getvalue())
    game = game_class(f"gameboy:{ROM}")(2, {"horizon": 5})
    begun = game.reset(SEED)
    steps = [game.step({0: Move(list(MACRO).index("right")), 1: Move(0)}) for _ in range(5)]
    other = game_class(f"gameboy:{ROM}")(1, {"state": str(state), "actions": "buttons"})
    events = other.reset(SEED).events
    step = other.step({0: Move(list(SETS["buttons"]).index("jump"))})
    found = {
        "start": [now.x, now.world, now.time, now.lives],
        "walk": [walk, again, walked(lane())],
        "moved": moved,
        "died": [died.now.over, died.now.x - now.x],
        "cleared": [cleared.now.over, cleared.now.x - now.x],
        "frame": [list(frame.shape), str(frame.dtype), bool(np.array_equal(frame, kept))],
        "events": begun.events,
        "rewards": [result.rewards for result in steps],
        "ended": steps[-1].ended,
        "state": [events, step.events, step.ended],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
