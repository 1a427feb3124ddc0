"""Draws docs/images/sidescroller.png and race.png: moments of matches, as seats and spectators see them.

python scripts/draw_sidescroller.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from arena.canonical import generator, key
from arena.game import Move, Views, moves_of
from arena_games.lanes.baseline import choose
from arena_games.race.rules import Race
from arena_games.sidescroller import search
from arena_games.sidescroller.rules import Sidescroller

OUT = Path(__file__).parent.parent / "docs" / "images"
NATIVE = Views(image=(240, 256))
MOMENTS = ((11, 34), (18, 64), (22, 61), (14, 120), (20, 52), (11, 186))  # level of the set, decision


def animation() -> np.ndarray:
    """Six moments of the teacher's play, on levels of different difficulties, in two rows."""
    frames = []
    for number, decision in MOMENTS:
        game = Sidescroller(1, {"level": number})
        game.reset(key("picture"))
        for action in game.level.proof[:decision]:
            if game.due:
                game.step({0: Move(action)})
        frames.append(game.observe(0, NATIVE).image)
    half = len(frames) // 2
    return np.concatenate([np.concatenate(frames[at : at + half], axis=1) for at in (0, half)])


def race() -> np.ndarray:
    """Both views of a race in which one has just stomped the other, or at least is near."""
    for number in range(1000):
        game = Race(2)
        chance = generator(key("race picture", number))
        result, card = game.reset(key("race", number)), game.card()
        while result.ended == "none":
            actions = {seat: choose(game.observe(seat, Views(text=True)), card, chance) for seat in (0, 1)}
            if chance.random() < 0.4:
                actions[int(chance.integers(2))] = search.RUN_JUMP
            result = game.step(moves_of(actions))
            if game.state(1) == "stunned" and game.state(0) == "running" and game.world.runners[0].vy < 0:
                return game.draw(264, 516)
    raise RuntimeError("nobody is ever stomped")


def main() -> None:
    """Write the pictures."""
    for name, picture in (("sidescroller", animation()), ("race", race())):
        file = OUT / f"{name}.png"
        Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE).save(file, optimize=True)
        print(file)


if __name__ == "__main__":
    main()
