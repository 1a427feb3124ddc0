"""nano's eyes: what stands where in a scene is read off the image token that covers the place."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers")

from arena_games.spy.pictures.scene import Scene, Thing
from scripts.nano import eyes, places
from tests.scripts.test_nano_eyes import model

NEAR = Thing("sphere", "red", "large", "metal", 0.5, 0.1)
FAR = Thing("cube", "cyan", "small", "rubber", 0.9, 0.9)


def words(thing):
    return [names.index(getattr(thing, kind)) for kind, names in places.KINDS.items()]


@pytest.mark.parametrize("thing", [NEAR, FAR])
def test_the_words_of_a_thing_stand_in_the_patch_where_its_colour_is_and_in_no_other(thing):
    scene = Scene((thing,))
    patches = places.render.draw(scene, places.EDGE).astype(int).reshape(4, 2, 16, 4, 2, 16, 3).mean((2, 5))
    colour = np.ptp(patches.swapaxes(1, 2).reshape(16, 4, 3), axis=-1)  # the floor is grey
    found = places.places(scene)
    (place,) = np.argwhere(found[..., 0] != places.NOWHERE)
    assert found[tuple(place)].tolist() == words(thing)
    assert colour[tuple(place)] > colour.max() / 2 > 10


def test_of_two_things_in_one_patch_the_nearer_one_is_read():
    behind = Thing("cube", "cyan", "small", "rubber", NEAR.x, NEAR.y + 0.02)
    for things in ((NEAR, behind), (behind, NEAR)):
        found = places.places(Scene(things))
        assert found[found[..., 0] != places.NOWHERE].tolist() == [words(NEAR)]


def test_scenes_are_those_of_their_numbers_and_new_in_each_chunk():
    first, again, other = places.drawn(3, 1, 2), places.drawn(3, 1, 2), places.drawn(3, 2, 2)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.words, again.words)
    assert not np.array_equal(first.pixels, other.pixels)
    with places.stream(3, 2) as chunks:
        assert np.array_equal(next(chunks).pixels, first.pixels)
        assert np.array_equal(next(chunks).words, other.words)


def test_what_stands_where_is_learnt_and_read_off_scenes_that_were_never_seen(monkeypatch):
    monkeypatch.setattr(places, "HELD", 64)
    first, *_, last = eyes.learn(model(), [], [], shares={eyes.SCENES: 24}, steps=60, rate=1e-2, seed=0)
    assert first["colour"] < 0.3
    assert last["colour"] > 0.5
    assert last["size"] > 0.6
