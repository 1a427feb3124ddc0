"""Pictures in which it is known what stands where: scenes of spy, jigsaws of patches, formulas over cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arena.game import Image, Views
from arena_games.jigsaw import draw as jigsaws
from arena_games.jigsaw.colours import GRAY, HUES
from arena_games.jigsaw.puzzles import SIDES, PatchPuzzle
from arena_games.jigsaw.rules import JigsawGame
from arena_games.points24 import draw as formulas
from arena_games.points24.rules import GAP, Formula, Points24, card
from arena_games.spy.pictures import geometry, render, scene

EDGE = 128  # pixels of a side
EASIEST = 3  # difficulties of a jigsaw: those that lessons have, too
Things = list[tuple[float, float, tuple[str, ...]]]  # row and column of the middle, in pixels, and a word of each kind


@dataclass(frozen=True, slots=True)
class Sort:
    """Pictures of one sort."""

    kinds: Mapping[str, tuple[str, ...]]  # what is said of a thing, and the words for it
    weights: Mapping[str, float]  # how much a kind counts: more where it is hard to see
    most: int  # things in a picture
    make: Callable[[np.random.Generator], tuple[Image, Things]]  # of two things at one place the later one is seen
    mirrored: bool  # whether it may be mirrored, and its colours exchanged: then "colour" is another one


def of_scene(graph: scene.Scene) -> tuple[Image, Things]:
    """A drawn scene; its things from far to near."""
    things, solids = Things(), [thing.solid for thing in graph.things]
    for at in geometry.from_far(solids):
        row, column = ((one.start + one.stop) / 2 for one in geometry.frame(solids[at].box(), EDGE))
        things.append((row, column, tuple(getattr(graph.things[at], kind) for kind in scene.ATTRIBUTES)))
    return render.draw(graph, EDGE), things


def of_puzzle(game: JigsawGame) -> tuple[Image, Things]:
    """A jigsaw of patches: what the sides around its hole and those of its patches are like."""
    puzzle = game.puzzle(0)
    assert isinstance(puzzle, PatchPuzzle)
    shown = game.observe(0, Views(image=(EDGE, EDGE), text=True))
    assert shown.image is not None
    where = jigsaws.layout(puzzle, EDGE, EDGE)
    left, top, right, bottom = where.hole
    middles = [((top + bottom) / 2, (left + right) / 2)]
    middles += [(y + side / 2, x + side / 2) for x, y, side in where.patches]
    said = [line.partition(": ") for line in puzzle.facts()["colours"].split("\n")]
    return shown.image, [
        (row, column, (name, *colours.split(" ")))
        for (row, column), (name, _, colours) in zip(middles, said, strict=True)
    ]


def _puzzle(chance: np.random.Generator) -> tuple[Image, Things]:
    game = JigsawGame(1, {"kind": "patch", "difficulty": int(chance.integers(1, EASIEST + 1))})
    game.reset(chance.bytes(16))
    return of_puzzle(game)


def of_formula(cards: Sequence[str], symbols: Sequence[str]) -> tuple[Image, Things]:
    """Cards, as "Kh", and the symbols under them."""
    puzzle = Formula(cards, Points24.target, Points24.spec.actions.names, Points24.spec.horizon)
    puzzle.tokens = [*symbols]
    places = (formulas.place(at, EDGE, EDGE) for at in range(len(symbols)))
    said = zip(places, symbols, strict=True)
    return formulas.picture(puzzle, EDGE, EDGE), [(y, x, (symbol,)) for (x, y), symbol in said]


def _formula(chance: np.random.Generator) -> tuple[Image, Things]:
    """Any symbols: what is to be learnt is to read, not which follow which."""
    cards = [card(chance) for _ in range(Points24.hand)]
    return of_formula(cards, [str(one) for one in chance.choice(SYMBOLS, int(chance.integers(1, LONGEST + 1)))])


SYMBOLS = (*Points24.spec.actions.names[:-1], GAP)  # an `=` ends the deal
LONGEST = 14  # symbols of a formula: few that are played are longer
COLOURS = (GRAY, *(name for name, _ in HUES))
SORTS = {
    "scenes": Sort(
        scene.ATTRIBUTES,
        {"shape": 3.0, "colour": 1.0, "size": 1.0, "material": 1.5},
        scene.MOST,
        lambda chance: of_scene(scene.scene(chance)),
        mirrored=True,
    ),
    "patches": Sort(
        {"part": ("hole", "A", "B", "C", "D"), **dict.fromkeys(SIDES, COLOURS)},
        {"part": 0.5, **dict.fromkeys(SIDES, 1.0)},
        5,
        _puzzle,
        mirrored=False,
    ),
    "formulas": Sort({"symbol": SYMBOLS}, {"symbol": 1.0}, LONGEST, _formula, mirrored=False),
}
