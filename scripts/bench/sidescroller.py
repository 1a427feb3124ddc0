"""How fast the sidescroller is on one core: its rules alone, with drawing, and through the game.

    python scripts/bench/sidescroller.py [--rounds 5]

rules: frames/s of the world alone, on ways through levels of every difficulty (searched before the clock starts).
game:  decisions/s and frames/s of one lane through reset, step and observe, by view; the ratio is to the rules alone.
draw:  native frames (240x256x3) and grey ones (84x84) drawn a second, each at a new place.
level: ms to make a level, the search for a way through it included, by difficulty.
Medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from arena.canonical import key
from arena.game import Move, Views
from arena_games.lanes.views import Frame
from arena_games.sidescroller import search
from arena_games.sidescroller.lane import SideLane
from arena_games.sidescroller.level import HARDEST, level
from arena_games.sidescroller.physics import World
from arena_games.sidescroller.rules import Sidescroller

LEVELS = [(number, 1 + number % HARDEST) for number in range(10)]
VIEWS = {
    "no view": Views(),
    "text": Views(text=True),
    "vector 84x84x4": Views(vector=True),
    "image 128x128, text": Views(image=(128, 128), text=True),
    "image 240x256": Views(image=(240, 256)),
}


def timed(count: Callable[[], int]) -> float:
    """What is counted, a second of this process, so that others on the machine do not disturb."""
    began = time.process_time()
    counted = count()
    return counted / (time.process_time() - began)


def rules() -> int:
    """Frames of the proofs of all levels, without drawing."""
    frames = 0
    for at in LEVELS:
        it = level(*at)
        world = World(it)
        for action in it.proof:
            world.hold(search.BUTTONS[action], search.SKIP)
        frames += world.frame
    return frames


def game(views: Views) -> int:
    """Decisions of the same ways, as one lane is played."""
    decisions = 0
    for number, difficulty in LEVELS:
        played = Sidescroller(1, {"level": number, "difficulty": difficulty})
        played.reset(key("bench"))
        for action in level(number, difficulty).proof:
            played.observe(0, views)
            played.step({0: Move(action)})
            decisions += 1
    return decisions


def draw(grey: bool) -> int:
    """Frames drawn."""
    drawn = 0
    for at in LEVELS:
        lane = SideLane()
        lane.level = level(*at)
        lane.begin()
        for action in lane.level.proof:
            lane.hold(search.BUTTONS[action], search.SKIP)
            frame = Frame(lane, lane.snapshot())
            _ = frame.grey if grey else frame.native
            drawn += 1
    return drawn


def make(difficulty: int) -> int:
    """Levels made anew."""
    for number in range(10):
        level.__wrapped__(5000 + number, difficulty)
    return 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = range(parser.parse_args().rounds)
    for at in LEVELS:
        level(*at)
    for views in VIEWS.values():
        game(views)  # what is drawn once is drawn
    bare = [timed(rules) for _ in rounds]
    result: dict[str, object] = {"rules": {"frames_per_s": round(statistics.median(bare))}}
    played = {}
    for name, views in VIEWS.items():
        rates = [(timed(lambda views=views: game(views)), timed(rules)) for _ in rounds]
        played[name] = {
            "decisions_per_s": round(statistics.median(rate for rate, _ in rates)),
            "frames_per_s": round(statistics.median(rate for rate, _ in rates) * search.SKIP),
            "ratio": round(statistics.median(rate * search.SKIP / one for rate, one in rates), 3),
        }
    result["game"] = played
    result["draw"] = {
        name: round(statistics.median(timed(lambda grey=grey: draw(grey)) for _ in rounds))
        for name, grey in (("native_per_s", False), ("grey_per_s", True))
    }
    result["level_ms"] = {
        difficulty: round(1000 / statistics.median(timed(lambda d=difficulty: make(d)) for _ in rounds), 1)
        for difficulty in range(1, HARDEST + 1)
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
