"""nano's eyes: what stands where in a picture is read off the image token that covers the place."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers")

from arena_games.jigsaw.rules import JigsawGame
from arena_games.spy.pictures import render
from arena_games.spy.pictures.scene import Scene, Thing
from scripts.nano import eyes, places
from scripts.nano.pictures import EDGE, SORTS, of_formula, of_puzzle, of_scene
from tests.scripts.test_nano_eyes import model

SCENES, PATCHES = SORTS["scenes"], SORTS["patches"]
NEAR = Thing("sphere", "red", "large", "metal", 0.5, 0.1)
FAR = Thing("cube", "cyan", "small", "rubber", 0.9, 0.9)


def words(thing):
    return [names.index(getattr(thing, kind)) for kind, names in SCENES.kinds.items()]


def pictures(*scenes):
    return places.labelled(SCENES, [of_scene(scene) for scene in scenes])


@pytest.mark.parametrize("thing", [NEAR, FAR])
def test_the_words_of_a_thing_stand_in_the_patch_where_its_colour_is_and_in_no_other(thing):
    scene = Scene((thing,))
    patches = render.draw(scene, EDGE).astype(int).reshape(4, 2, 16, 4, 2, 16, 3).mean((2, 5))
    colour = np.ptp(patches.swapaxes(1, 2).reshape(16, 4, 3), axis=-1)  # the floor is grey
    found = pictures(scene).words[0]
    (place,) = np.argwhere(found[..., 0] != places.NOWHERE)
    assert found[tuple(place)].tolist() == words(thing)
    assert colour[tuple(place)] > colour.max() / 2 > 10


def test_of_two_things_in_one_patch_the_nearer_one_is_read():
    behind = Thing("cube", "cyan", "small", "rubber", NEAR.x, NEAR.y + 0.02)
    for things in ((NEAR, behind), (behind, NEAR)):
        found = pictures(Scene(things)).words[0]
        assert found[found[..., 0] != places.NOWHERE].tolist() == [words(NEAR)]


def test_each_symbol_of_a_formula_stands_in_a_patch_of_its_own():
    cards, symbols = ["Ah", "Ts", "9c", "3d"], [*SORTS["formulas"].kinds["symbol"], "(", "("]
    before, patches = of_formula(cards, symbols[:1])[0], set()
    for size in range(2, len(symbols) + 1):
        after, things = of_formula(cards, symbols[:size])
        row, column, said = things[-1]
        assert said == (symbols[size - 1],)
        changed = np.argwhere((after != before).any(-1)) // 16
        assert {*map(tuple, changed.tolist())} == {(row // 16, column // 16)}
        patches.add((row // 16, column // 16))
        before = after
    assert len(patches) == len(symbols) - 1


@pytest.mark.parametrize("choices", [2, 4])
def test_a_hole_is_where_its_mark_is_and_patches_are_where_their_letters_are(choices):
    """What is told of the hole are the colours around it: those of the patch that was cut out."""
    game = JigsawGame(1, {"kind": "patch", "choices": choices, "wrong": "other"})
    for seed in range(5):
        game.reset(bytes([seed]) * 16)
        pixels, ((row, column, (name, *_)), *patches) = of_puzzle(game)
        assert name == "hole"
        size = 11  # half a hole
        for down, right in ((size - 4, 0), (4 - size, 0), (0, size - 4), (0, 4 - size)):
            assert pixels[round(row) + down, round(column) + right].tolist() == [0x3A, 0x3F, 0x4A]
        assert [said[0] for *_, said in patches] == [*"ABCD"][:choices]
        for row, column, _ in patches:
            corner = pixels[round(row) - 13 : round(row) - 8, round(column) - 13 : round(column) - 8]
            assert corner.min((0, 1)).max() < 8  # the ground of its letter is black
        best = int(game.puzzle(0).best())
        assert patches[best][2][1:] == of_puzzle(game)[1][0][2][1:]  # what was cut out has the colours around it


@pytest.mark.parametrize("sort", [*SORTS])
def test_pictures_are_those_of_their_numbers_and_new_in_each_chunk(monkeypatch, sort):
    first, again, other = (places.drawn(sort, 3, chunk, 2) for chunk in (2, 2, 3))
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.things, again.things)
    assert not np.array_equal(first.pixels, other.pixels)
    monkeypatch.setattr(places, "FIRST", 4)
    with places.stream(sort, 3, 8) as chunks, places.stream(sort, 3, 8) as same:
        parts = [next(chunks) for _ in range(3)]
        assert [len(part.pixels) for part in parts] == [8, 8, 8]
        assert np.array_equal(parts[1].pixels[:2], first.pixels)
        assert np.array_equal(parts[2].things[:2], other.things)
        assert all(np.array_equal(part.pixels, next(same).pixels) for part in parts)


def test_where_a_scene_is_varied_its_things_are_where_they_are_seen():
    """Their colour, which stands out against the grey floor, is around their middle, moved and mirrored or not."""
    plain = pictures(*(Scene((thing,)) for thing in (NEAR, FAR) for _ in range(40)))
    found = places.varied(plain, SCENES, np.random.default_rng(0))
    changed = (found.things[:, 0, :2] != plain.things[:, 0, :2]).any(-1)
    assert 0.5 < changed.mean() < 0.9
    for pixels, things in zip(found.pixels, found.things, strict=True):
        stands = np.ptp(pixels.astype(int), axis=-1) > 40
        rows, columns = np.nonzero(stands)
        middle = [(one.min() + one.max() + 1) / 2 for one in (rows, columns)]
        assert np.abs(middle - things[0, :2]).max() < 4
    exchanged = found.things[:, 0, 3] == places.NOWHERE
    assert 0.1 < exchanged.mean() < 0.5
    assert np.array_equal(found.things[:, 0, 2], plain.things[:, 0, 2])
    assert (found.things[:, 1:] == places.NOWHERE).all()


def test_where_a_puzzle_is_varied_its_sides_stay_its_sides():
    """It is neither mirrored nor of other colours."""
    plain = places.drawn("patches", 0, 2, 1)
    many = places.Pictures(*(np.repeat(part, 40, 0) for part in plain))
    found = places.varied(many, PATCHES, np.random.default_rng(0))
    assert np.array_equal(found.things[..., 2:], many.things[..., 2:])
    columns = found.things[:, 1:3, 1]  # patch A is left of B
    assert (columns[:, 0] < columns[:, 1]).all()


def test_what_stands_where_is_learnt_and_read_off_scenes_that_were_never_seen(monkeypatch):
    monkeypatch.setattr(places, "HELD", 64)
    monkeypatch.setattr(places, "FIRST", 256)
    first, *_, last = eyes.learn(model(), [], [], shares={"scenes": 24}, steps=90, rate=1e-2, seed=0)
    assert first["scenes/colour"] < 0.3
    assert last["scenes/colour"] > 0.5
    assert last["scenes/size"] > 0.6
