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
    found = places.of_graphs([scene]).words[0]
    (place,) = np.argwhere(found[..., 0] != places.NOWHERE)
    assert found[tuple(place)].tolist() == words(thing)
    assert colour[tuple(place)] > colour.max() / 2 > 10


def test_of_two_things_in_one_patch_the_nearer_one_is_read():
    behind = Thing("cube", "cyan", "small", "rubber", NEAR.x, NEAR.y + 0.02)
    for things in ((NEAR, behind), (behind, NEAR)):
        found = places.of_graphs([Scene(things)]).words[0]
        assert found[found[..., 0] != places.NOWHERE].tolist() == [words(NEAR)]


def test_scenes_are_those_of_their_numbers_and_new_in_each_chunk(monkeypatch):
    first, again, other = places.drawn(3, 2, 2), places.drawn(3, 2, 2), places.drawn(3, 3, 2)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.things, again.things)
    assert not np.array_equal(first.pixels, other.pixels)
    monkeypatch.setattr(places, "FIRST", 4)
    with places.stream(3, 8) as chunks, places.stream(3, 8) as same:
        parts = [next(chunks) for _ in range(3)]
        assert [len(part.pixels) for part in parts] == [8, 8, 8]
        assert np.array_equal(parts[1].pixels[:2], first.pixels)
        assert np.array_equal(parts[2].things[:2], other.things)
        assert all(np.array_equal(part.pixels, next(same).pixels) for part in parts)


def test_where_a_scene_is_varied_its_things_are_where_they_are_seen():
    """Their colour, which stands out against the grey floor, is around their middle, moved and mirrored or not."""
    graphs = [Scene((thing,)) for thing in (NEAR, FAR) for _ in range(40)]
    plain = places.of_graphs(graphs)
    found = places.varied(plain, np.random.default_rng(0))
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


def test_what_stands_where_is_learnt_and_read_off_scenes_that_were_never_seen(monkeypatch):
    monkeypatch.setattr(places, "HELD", 64)
    monkeypatch.setattr(places, "FIRST", 256)
    first, *_, last = eyes.learn(model(), [], [], shares={eyes.SCENES: 24}, steps=90, rate=1e-2, seed=0)
    assert first["colour"] < 0.3
    assert last["colour"] > 0.5
    assert last["size"] > 0.6
