"""The drawn scenes: equal everywhere, true to the graph, and different only where the edits are."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.canonical import hash_array
from arena_games.spy.pictures import geometry, render
from arena_games.spy.pictures.render import draw
from arena_games.spy.pictures.scene import ATTRIBUTES, COLOURS, MATERIALS, SHAPES, SIZES, Scene, Thing, edited, scene

SMALL = 64
FIXED = Scene(
    (
        Thing("cube", "red", "large", "metal", 0.3, 0.6),
        Thing("sphere", "cyan", "small", "metal", 0.55, 0.4),
        Thing("cylinder", "yellow", "large", "rubber", 0.8, 0.7),
    )
)
HASH = "c2d02ea2619a059c12338a6e0491c3a3"


def test_a_picture_is_the_same_in_every_process_and_on_every_machine() -> None:
    code = (
        "from arena.canonical import hash_array\n"
        "from tests.games.test_spy_pictures import FIXED, draw\n"
        "print(hash_array(draw(FIXED)))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert hash_array(draw(FIXED)) == other == HASH


def touched(things: tuple[Thing, ...], size: int) -> npt.NDArray[np.bool_]:
    """Where these things and their shadows may be seen."""
    out = np.zeros((size, size), np.bool_)
    for thing in things:
        x, y, z = thing.solid.box(grow=0.4)
        thrown = (x - z * render.LAMP[0] / render.LAMP[2], y - z * render.LAMP[1] / render.LAMP[2], 0 * z)
        for points in ((x, y, z), tuple(np.concatenate(pair) for pair in zip((x, y, 0 * z), thrown, strict=True))):
            out[geometry.frame((points[0], points[1], points[2]), size, margin=2)] = True
    return out


def near(thing: Thing, edits: list[Thing]) -> bool:
    """Whether one of these may throw its shadow on the thing, or be mirrored in it."""
    return any(render.reaches(one.solid, thing.solid) for one in edits)


def twins(seed: int, size: int) -> tuple[Scene, Scene, list[Thing], npt.NDArray[np.bool_]]:
    """A scene, its twin, what the edits took away and put there, and where the two pictures may differ."""
    chance = np.random.default_rng(seed)
    first = scene(chance)
    second, edits = edited(first, chance)
    changed = [thing for edit in edits for thing in (edit.before, edit.after) if thing is not None]
    out = touched(tuple(changed), size)
    for thing in {*first.things} & {*second.things}:
        if near(thing, changed):
            out[geometry.frame(thing.solid.box(), size, margin=2)] = True
    return first, second, changed, out


BLOCK = 100  # twins of a test, so that none takes long: 5 s of a core
SHOWN = [(128, range(at, at + BLOCK)) for at in range(0, 1000, BLOCK)]  # at the size that small models see
SHOWN += [(256, range(1000, 1008)), (512, range(1008, 1014))]


@pytest.mark.parametrize(("size", "seeds"), SHOWN, ids=str)
def test_twins_look_different_in_the_edited_things_and_nowhere_else(size: int, seeds: range) -> None:
    """Over 1,000 seeds, every pixel is equal but those of an edited thing, its shadow and its mirror image."""
    for seed in seeds:
        first, second, changed, inside = twins(seed, size)
        one, other = draw(first, size), draw(second, size)
        assert np.array_equal(one[~inside], other[~inside]), seed
        clearly = np.abs(one.astype(int) - other).max(-1) > 24
        for thing in changed:
            found = clearly[geometry.frame(thing.solid.box(), size)].sum()
            assert found >= 8 * (size / SMALL) ** 2, (seed, thing)


def test_most_of_a_picture_may_not_differ_from_its_twin() -> None:
    """So the test above can fail: it would not if things and shadows covered everything."""
    assert np.mean([twins(seed, SMALL)[3].mean() for seed in range(100)]) < 0.4


@pytest.mark.parametrize("material", MATERIALS)
def test_a_thing_has_its_colour(material: str) -> None:
    """The mean colour of what is drawn is nearest to the paint's, by direction (hue) and then by lightness of gray."""
    paints = np.array([render.PAINT[name] for name in COLOURS], float)
    hues = paints - paints.mean(1, keepdims=True)
    for shape, colour, size in itertools.product(SHAPES, COLOURS, SIZES):
        picture = draw(Scene((Thing(shape, colour, size, material, 0.5, 0.5),)), SMALL)
        rows, columns = geometry.frame(Thing(shape, colour, size, material, 0.5, 0.5).solid.box(), SMALL)
        middle = picture[rows, columns].astype(float)
        high, wide = middle.shape[:2]
        mean = middle[high // 3 : -(high // 3), wide // 3 : -(wide // 3)].mean((0, 1))
        hue = mean - mean.mean()
        if np.abs(hue).max() < 12:
            assert colour == "gray"
            continue
        length = np.linalg.norm(hue) * np.linalg.norm(hues, axis=1)
        likeness = np.where(length > 1e-9, hues @ hue / np.maximum(length, 1e-9), -1)
        best = COLOURS[int(likeness.argmax())]
        assert best == colour or {best, colour} == {"brown", "yellow"}, (shape, colour, size, best)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.randoms(use_true_random=False))
def test_the_order_of_things_has_no_meaning(seed: int, order: object) -> None:
    first = scene(np.random.default_rng(seed))
    things = list(first.things)
    order.shuffle(things)  # type: ignore[attr-defined]
    assert np.array_equal(draw(first, SMALL), draw(Scene(tuple(things)), SMALL))


def test_nothing_is_cut_off_at_the_border() -> None:
    for shape, size, x, y in itertools.product(SHAPES, SIZES, (0.0, 1.0), (0.0, 1.0)):
        rows, columns = geometry.frame(Thing(shape, "red", size, "metal", x, y).solid.box(), 256)
        assert 0 < rows.start < rows.stop < 256
        assert 0 < columns.start < columns.stop < 256


def test_no_thing_is_hidden() -> None:
    for seed in range(15):
        first = scene(np.random.default_rng(seed))
        for at, thing in enumerate(first.things):
            others = Scene((*first.things[:at], *first.things[at + 1 :]))
            differs = (draw(first, SMALL) != draw(others, SMALL)).any(-1)
            assert differs[geometry.frame(thing.solid.box(), SMALL)].sum() >= 8


@pytest.mark.parametrize("size", [15, 1025])
def test_a_size_that_cannot_be_drawn_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="expected 16 to 1024 pixels"):
        draw(FIXED, size)


def test_the_words_are_clevrs() -> None:
    assert {name: len(words) for name, words in ATTRIBUTES.items()} == {
        "shape": 3,
        "colour": 8,
        "size": 2,
        "material": 2,
    }
