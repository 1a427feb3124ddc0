"""Run in the runtime `mario` by tests/games/test_mario_frames.py: looks at real frames and prints what it found."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import gym_super_mario_bros
import numpy as np

from arena.game import Move, StepResult, Views
from arena.plugins import game_class
from arena_games.lanes.actions import MACRO, SETS
from arena_games.lanes.lane import Button
from arena_games.lanes.moves import BUTTONS
from arena_games.mario import rules
from arena_games.mario.lane import MarioLane
from arena_games.mario.search import advise
from arena_games.mario.stages import game_of

ROOT = Path(rules.__file__).parent
SOLUTION = json.loads((ROOT / "solutions" / "1-1.json").read_text())["names"]
NAMES = list(MACRO)
SEED = bytes(16)


def made(what: str = "1-1", seats: int = 1, **options: Any) -> Any:
    return game_class(f"mario:{what}")(seats, options)


def play(game: Any, *names: str, seed: bytes = SEED) -> list[StepResult]:
    """The same actions in every lane that is due, until the match is over."""
    out = [game.reset(seed)]
    for name in names:
        if out[-1].ended != "none":
            break
        out.append(game.step({seat: Move(NAMES.index(name)) for seat in out[-1].due}))
    return out


def golden() -> Any:
    return [result.state_hash for result in play(made(), *SOLUTION[:60])]


def fresh() -> Any:
    """300 frames of a lane that is begun, of one that is begun again, and of the package's environment."""

    def frames(nes: Any) -> str:
        state = hashlib.blake2b()
        for frame in range(300):
            nes._frame_advance(0x81 if frame % 40 < 30 else 0x80)
            state.update(np.ascontiguousarray(nes.screen).tobytes() + nes.ram.tobytes())
        return state.hexdigest()

    out = {}
    for stage, name in (("1-1", "SuperMarioBros-1-1-v0"), ("smb3-1-1", "SuperMarioBros3-1-1-v0")):
        lane = MarioLane(stage)
        lane.begin()
        first = frames(lane._nes)
        lane.begin()
        second = frames(lane._nes)
        env: Any = gym_super_mario_bros.make(name).unwrapped
        env.reset()
        out[stage] = [first, second, frames(env)]
    return out


def together() -> Any:
    """Three lanes with actions of their own, side by side and each alone."""
    out = {}
    for what in ("1-1", "smb3-1-1", "smb2-1-1"):
        chosen = [[NAMES[(seat + tick * (seat + 1)) % 5] for tick in range(15)] for seat in range(3)]
        game = made(what, 3)
        game.reset(SEED)
        for tick in range(15):
            if not game.due:
                break
            game.step({seat: Move(NAMES.index(chosen[seat][tick])) for seat in game.due})
        alone = []
        for names in chosen:
            single = made(what)
            play(single, *names)
            alone.append(single._seats[0].lane.state_hash())
        out[what] = [[seat.lane.state_hash() for seat in game._seats], alone]
    return out


def copies() -> Any:
    """Observations before and after the match goes on, and after they are written to."""
    game = made()
    views = Views(image=(240, 256), vector=True, text=True)
    play(game, *SOLUTION[:10])
    seen = game.observe(0, views)
    before = seen.hashes()
    game.step({0: Move(NAMES.index("right run"))})
    kept = seen.hashes() == before
    now = game.observe(0, views)
    hashes = now.hashes()
    now.image[:] = 0
    now.vector[:] = 0
    return {"kept": kept, "moved": hashes != before, "own": game.observe(0, views).hashes() == hashes}


def waits() -> Any:
    """What seeds do with and without no-op starts."""
    out: dict[str, list[Any]] = {"without": [], "with": [], "events": []}
    for number in range(4):
        seed = bytes([number] * 16)
        out["without"].append(play(made(), seed=seed)[0].state_hash)
        start = play(made(noops=30), seed=seed)[0]
        out["with"].append(start.state_hash)
        out["events"].append(start.events)
    return out


def death() -> Any:
    """Running into the first goomba; with decisions of 8 frames, and frame by frame."""
    results = play(made(), *["right run"] * 60)
    lane, moments = MarioLane("1-1"), []
    lane.begin()
    while lane.now.over is None:
        lane.hold(int(MACRO["right run"]), 1)
        moments.append(lane.state_hash())
    by_eight = MarioLane("1-1")
    by_eight.begin()
    while by_eight.now.over is None:
        by_eight.hold(int(MACRO["right run"]), 8)
    before = by_eight.state_hash()
    by_eight.hold(int(MACRO["right run"]), 8)
    last = results[-1]
    return {
        "ended": last.ended,
        "reward": last.rewards[0],
        "returns": last.returns,
        "events": last.events,
        "same frame": by_eight.state_hash() == moments[-1],
        "stays": by_eight.state_hash() == before,
    }


def flag() -> Any:
    results = play(made(), *SOLUTION)
    return {
        "decisions": len(results) - 1,
        "ended": results[-1].ended,
        "returns": results[-1].returns,
        "reward": results[-1].rewards[0],
        "events": results[-1].events,
    }


def later() -> Any:
    """A start by a prefix is the state that the same decisions lead to, and the rest of them clears the level."""
    prefix = Path(sys.argv[2]) / "prefix.json"
    prefix.write_text(json.dumps({"actions": "macro", "skip": 8, "names": SOLUTION[:100]}))
    game = made(**{"from": str(prefix)})
    results = play(game, *SOLUTION[100:])
    walked = made()
    play(walked, *SOLUTION[:100])
    again = made(**{"from": str(prefix)})
    again.reset(SEED)
    return {
        "same": again._seats[0].lane.state_hash() == walked._seats[0].lane.state_hash(),
        "events": results[-1].events,
        "returns": results[-1].returns,
    }


def ahead() -> Any:
    """What the text view says at moments of the solution of 1-1, by decision."""
    game = made()
    game.reset(SEED)
    out = {}
    for number, name in enumerate(SOLUTION):
        facts = game.facts(0)
        out[number] = {key: facts[key] for key in ("x", "pit", "enemy", "wall", "wall_height", "ground", "last")}
        game.step({0: Move(NAMES.index(name))})
    return out


def games() -> Any:
    """One stage of each game: its first moment, and how far running right leads at most."""
    out = {}
    for stage in ("1-2", "8-4", "lost-D-4", "smb2-7-2", "smb3-1-6"):
        lane = MarioLane(stage)
        lane.begin()
        first = lane.now
        for number in range(12):
            lane.hold(int(MACRO["right run" if number % 4 < 2 else "right run jump"]), 8)
        out[stage] = [game_of(stage), first.world, first.lives, first.time, first.x, lane.now.x, str(first.over)]
    return out


def smb3_death() -> Any:
    """Walking into the first enemy of Super Mario Bros 3."""
    result = play(made("smb3-1-1"), *["right"] * 60)[-1]
    return [result.ended, result.events]


def sets() -> Any:
    """The stages that seeds draw from a set."""
    game = made("1-1+1-3")
    return sorted({game.reset(bytes([number] * 16)).events[0] for number in range(12)})


def pairs() -> Any:
    """A jump of the `buttons` set lasts 15 frames, another answer 5: the same as holding the buttons so long."""
    game = made(actions="buttons")
    game.reset(SEED)
    names = list(SETS["buttons"])
    game.step({0: game.parse(0, "run, right")})
    game.step({0: Move(names.index("right jump"))})
    lane = MarioLane("1-1")
    lane.begin()
    lane.hold(int(SETS["buttons"]["right run"]), 5)
    lane.hold(int(SETS["buttons"]["right jump"]), 15)
    return game._seats[0].lane.state_hash() == lane.state_hash()


def pipe() -> Any:
    """Down the fourth pipe of 1-1: where the player is before and after one decision, and whether buttons act then."""
    lane = MarioLane("1-1")
    lane.begin()
    for name in SOLUTION[:36]:
        lane.hold(int(MACRO[name]), 8)
    for buttons, frames in ((0, 60), (Button.A, 20), (Button.RIGHT | Button.A, 16), (0, 50)):
        lane.hold(int(buttons), frames)
    before = lane.now.x
    lane.hold(int(Button.DOWN), 20)
    inside = lane.now.x
    lane.hold(int(Button.RIGHT), 20)
    return [before, inside, lane.now.x, lane.now.time]


def colours() -> Any:
    """The frame is what the package shows, and its luma is the frame's, now and when it was kept."""
    lane = MarioLane("1-1")
    lane.begin()
    lane.hold(int(MACRO["right run"]), 30)
    taken = lane.snapshot()
    frame = lane.draw(taken)
    grey = frame.astype(int) @ (77, 150, 29) >> 8
    shown = [np.array_equal(frame, lane._nes.screen), np.array_equal(lane.luma(taken), grey)]
    kept = lane.keep(taken)
    lane.hold(int(MACRO["right run"]), 30)
    moved = not np.array_equal(lane.luma(lane.snapshot()), grey)
    return [*shown, np.array_equal(lane.luma(kept), grey), moved]


def advised() -> Any:
    """What the search does at decisions of 4 frames, by name."""
    lane, plan, out = MarioLane("1-1"), (), []
    lane.begin()
    for _ in range(40):
        plan = advise(lane, plan, 4)
        lane.hold(BUTTONS[plan[0]], 4)
        out.append(NAMES[plan[0]])
        plan = plan[1:]
    return out


if __name__ == "__main__":
    probes = (
        pipe,
        colours,
        golden,
        fresh,
        together,
        copies,
        waits,
        death,
        flag,
        later,
        ahead,
        games,
        smb3_death,
        sets,
        pairs,
        advised,
    )
    if sys.argv[1] == "all":
        print(json.dumps({probe.__name__: probe() for probe in probes}))
    elif sys.argv[1] == "golden":  # python -P tests/games/mario_inside.py golden: writes the golden file anew
        (ROOT / "golden" / "1-1.json").write_text(json.dumps(golden(), indent=0) + "\n")
    else:
        print(json.dumps({probe.__name__: probe() for probe in probes if probe.__name__ == sys.argv[1]}, indent=1))
