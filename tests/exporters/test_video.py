"""Films are read by the libraries that play them, and show the match."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from arena.errors import InputError
from arena.exporters.video import CAPTION, GAP
from arena.lineup import build_plan
from arena.plan import Limits
from arena.play import run_plan
from tests.exporters.kit import exported, played
from tests.toys import GOOD

av = pytest.importorskip("av")


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def test_an_mp4_has_a_picture_a_tick_and_holds_the_end(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", kinds=[GOOD, GOOD], matches=2)
    exported(tmp_path / "run", "--to", "video", "--out", tmp_path / "a.mp4", "--fps", 4, "--size", "120x200")
    found = frames(tmp_path / "a.mp4")
    assert len(found) == sum(one.ticks + 1 + 6 for one in episodes)
    assert found[0].shape == (120 + CAPTION, 200, 3)


def test_a_gif_is_the_same_film(tmp_path: Path) -> None:
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=1)
    for name in ("a.gif", "a.mp4"):
        exported(tmp_path / "run", "--to", "video", "--out", tmp_path / name, "--size", "120x200")
    film = frames(tmp_path / "a.mp4")
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == len(film)
        assert gif.info["duration"] == 500
        for at, wanted in enumerate(film):
            gif.seek(at)
            shown = np.asarray(gif.convert("RGB"))
            assert np.abs(shown.astype(int) - wanted).mean() < 8


def test_lanes_stand_side_by_side(tmp_path: Path) -> None:
    plan = build_plan("sidescroller", ["scripted", "random"], seed=1, limits=Limits(max_ticks=16))
    run_plan(plan, tmp_path / "run")
    exported(tmp_path / "run", "--to", "video", "--out", tmp_path / "lanes.mp4", "--seats", "--size", "128x128")
    found = frames(tmp_path / "lanes.mp4")
    assert found[0].shape == (256 + CAPTION, 256 * 2 + GAP, 3)
    left, right = found[0][CAPTION:, :256].astype(int), found[0][CAPTION:, 256 + GAP :]
    assert np.abs(left - right).mean() < 2  # the same start
    left, right = found[16][CAPTION:, :256].astype(int), found[16][CAPTION:, 256 + GAP :]
    assert np.abs(left - right).mean() > 2


def test_another_name_is_no_film(tmp_path: Path) -> None:
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=1)
    with pytest.raises(InputError, match=r"the name of a film ends in .mp4 or .gif"):
        exported(tmp_path / "run", "--to", "video", "--out", tmp_path / "film.webm")
