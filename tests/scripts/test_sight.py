"""What a thought says of a scene, counted against what is there."""

from __future__ import annotations

from collections import Counter

from arena_games.spy.pictures.lessons import looked
from arena_games.spy.pictures.scene import Scene, Thing
from scripts.eval import sight

SCENE = Scene((Thing("cube", "red", "large", "metal", 0.1, 0.2), Thing("sphere", "blue", "small", "rubber", 0.9, 0.9)))


def test_who_says_all_that_is_there_is_right() -> None:
    counts = sight.compared(f"{looked(SCENE)} So: a red cube, red cube, yes.", SCENE)
    assert sight.shares(counts) == dict.fromkeys(("found", "true", "shape", "colour", "size", "material"), 1.0)


def test_wrong_words_and_wrong_cells_count_apart() -> None:
    cell = next(iter(sight.things(looked(SCENE))))
    _, colour, material, _ = sight.things(looked(SCENE))[cell]
    said = f"I see {cell} medium {colour} {material} cone; a1 small red metal cube. So: h8 small red metal cube, no."
    assert sight.compared(said, SCENE) == Counter(there=2, named=2, found=1, colour=1, material=1)
