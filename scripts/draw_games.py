"""Draws the pictures of docs pages in docs/images: spy, jigsaw, maze, numberline, ezpoints, points24 and blackjack.

python scripts/draw_games.py          all of them
python scripts/draw_games.py maze spy  only these
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from arena.canonical import generator, key
from arena.game import Game, Image, Move, Views
from arena.plugins import game_class, resolve
from arena_games.spy.pictures.scene import Scene
from arena_games.spy.rules import Spy

OUT = Path(__file__).parent.parent / "docs" / "images"
GAP = 8  # pixels between pictures
THINGS = 6  # at least, in a scene that is shown
LEVELS = range(1, 6)  # of difficulty


def side_by_side(pictures: Sequence[Image], axis: int = 1) -> Image:
    """Pictures of one size in a row, or below each other, with white between them."""
    pads = [((0, 0), (0, 0), (0, 0)) if not at else _before(axis) for at in range(len(pictures))]
    padded = [np.pad(one, pad, constant_values=255) for one, pad in zip(pictures, pads, strict=True)]
    return np.concatenate(padded, axis=axis)


def _before(axis: int) -> tuple[tuple[int, int], ...]:
    return tuple((GAP if at == axis else 0, 0) for at in range(3))


def seen(game: Game, side: int) -> Image:
    """What the first seat sees."""
    image = game.observe(0, Views(image=(side, side))).image
    assert image is not None
    return image


def begun(name: str, seed: str, **options: object) -> Game:
    game = game_class(name)(1, options)
    game.reset(key("picture", seed))
    return game


def spy() -> Image:
    """A match of the baseline for four in which the spy is found."""
    choose = resolve(str(Spy.spec.baseline))
    for number in range(1000):
        game, chance = Spy(4, {"rounds": 1}), generator(key("picture", number))
        due = game.reset(key("picture", number)).due
        while due:
            shown = {seat: game.observe(seat, Views(vector=True, text=True)) for seat in due}
            answers = {seat: choose(one, game.card(), chance) for seat, one in shown.items()}
            due = game.step({seat: Move(action) for seat, action in answers.items()}).due
        full = all(isinstance(graph, Scene) and len(graph.things) >= THINGS for graph in game.pair.graphs)
        if game.ballots[-1].out == game.spy and full:
            return game.draw(480, 800)
    raise RuntimeError("no such match of 1,000")


def jigsaw() -> Image:
    """Permutation, rotation and patch, each of difficulty 1 to 5."""
    rows = [
        side_by_side([seen(begun("jigsaw", f"jigsaw {level}", kind=kind, difficulty=level), 256) for level in LEVELS])
        for kind in ("permutation", "rotation", "patch")
    ]
    whole = Pillow.fromarray(side_by_side(rows, axis=0))
    return np.asarray(whole.resize((whole.width * 3 // 4, whole.height * 3 // 4), Pillow.Resampling.LANCZOS))


def maze() -> Image:
    """One of each difficulty."""
    return side_by_side([seen(begun("maze", f"maze {level}", difficulty=level), 256) for level in LEVELS])


def moments(name: str, seed: str, steps: int) -> Image:
    """What a seat sees at the start of a match, and after so many steps of the baseline."""
    game, chance = begun(name, seed), generator(key("picture", seed))
    choose, first = resolve(str(game.spec.baseline)), seen(game, 256)
    for _ in range(steps):
        game.step({0: Move(choose(game.observe(0, Views(text=True)), game.card(), chance))})
    return side_by_side([first, seen(game, 256)])


def numberline() -> Image:
    """A match at its start, and a step later."""
    return moments("numberline", "numberline", 1)


def ezpoints() -> Image:
    """A deal, and the first symbols of its solution."""
    return moments("ezpoints", "ezpoints", 2)


def points24() -> Image:
    """The same."""
    return moments("points24", "points24", 4)


def blackjack() -> Image:
    """A deal, and a card more."""
    return moments("blackjack", "blackjack 0", 1)


PAGES = (spy, jigsaw, maze, numberline, ezpoints, points24, blackjack)


def main() -> None:
    """Write the pictures. 256 colours are enough, and a third of the bytes; for mazes, which have no shades, 128."""
    for draw in PAGES:
        name = draw.__name__
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        picture = Pillow.fromarray(draw()).quantize(128 if draw is maze else 256, dither=Pillow.Dither.NONE)
        picture.save(OUT / f"{name}.png", optimize=True)
        print(OUT / f"{name}.png", (OUT / f"{name}.png").stat().st_size)


if __name__ == "__main__":
    main()
