"""Small pictures of the sidescroller are those that Pillow makes of the large ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from arena.game import Game, Move, Views
from arena.testing.playing import seed
from arena_games.race.rules import Race
from arena_games.sidescroller.reduced import reduced, unpacked
from arena_games.sidescroller.rules import Sidescroller


def _by_pillow(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BOX))


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_means_are_rounded_as_by_pillow(high: int, wide: int, data: st.DataObject) -> None:
    height = data.draw(st.integers(-(-high // 2), high))
    width = data.draw(st.integers(-(-wide // 2), wide))
    seed = data.draw(st.integers(0, 2**32 - 1))
    packed = np.random.default_rng(seed).integers(0, 2**32, (high, wide), np.uint32)
    small = reduced(packed, height, width)
    if (height, width) == (high, wide):
        assert small is None
        return
    assert small is not None
    columns_first = _by_pillow(_by_pillow(unpacked(packed), high, width), height, width)  # of both, it chooses by size
    assert np.array_equal(small, columns_first)


@pytest.mark.parametrize(("height", "width"), [(1, 4), (4, 1), (5, 4), (4, 9)])
def test_other_sizes_are_left_to_pillow(height: int, width: int) -> None:
    assert reduced(np.zeros((4, 4), np.uint32), height, width) is None


@pytest.mark.parametrize("game", [Sidescroller(1, {"level": 4}), Race(2, {"level": 4})], ids=["sidescroller", "race"])
def test_a_seat_sees_its_frame_made_smaller_by_pillow(game: Game) -> None:
    game.reset(seed(3))
    for _ in range(4):
        game.step({at: Move(2) for at in range(game.seats)})
    for at in range(game.seats):
        small = game.observe(at, Views(image=(128, 128))).image
        assert small is not None
        whole = game.observe(at, Views(image=(240, 256))).image
        assert whole is not None
        assert np.array_equal(small, _by_pillow(whole, 128, 128))
