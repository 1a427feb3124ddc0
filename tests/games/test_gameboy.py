"""Super Mario Land by PyBoy: names and errors here, and in its runtime boot, stepping and hashing on our own cartridge.

There is no cartridge of the game in the tests: tests/games/gameboy_rom.py is one of ours that PyBoy's wrapper takes
for it. What the wrapper reads of the real game is PyBoy's business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena import plugins
from arena.errors import InputError
from arena.lineup import build_plan
from arena_games.gameboy.lane import ahead, row_below
from arena_games.lanes.game import DEATH
from arena_games.lanes.lane import Obstacles
from tests.games.gameboy_rom import write
from tests.games.mario_kit import findings, needed

INSIDE = Path(__file__).with_name("gameboy_inside.py")


def test_without_a_cartridge_it_says_that_the_user_brings_one() -> None:
    with pytest.raises(InputError, match=r"there is no file 'no\.gb'.*your own Super Mario Land.*/no\.gb"):
        plugins.game_class("gameboy:no.gb")
    with pytest.raises(InputError, match=r"needs a name after a colon \(PATH"):
        plugins.game_class("gameboy")


def test_another_cartridge_is_refused_by_its_title(tmp_path: Path) -> None:
    rom = write(tmp_path / "other.gb", b"TETRIS")
    with pytest.raises(InputError, match="its header calls it 'TETRIS'"):
        plugins.game_class(f"gameboy:{rom}")
    (tmp_path / "text.gb").write_text("hello")
    with pytest.raises(InputError, match="it is not a Game Boy cartridge"):
        plugins.game_class(f"gameboy:{tmp_path / 'text.gb'}")


def test_its_options_are_checked(tmp_path: Path) -> None:
    rom = write(tmp_path / "our.gb")
    assert build_plan(f"gameboy:{rom}@level=4-3", ["random"]).runtimes == ["gameboy"]
    with pytest.raises(InputError, match="expected one of 1-1, 1-2"):
        build_plan(f"gameboy:{rom}@level=5-1", ["random"])
    with pytest.raises(InputError, match="there is no such file"):
        build_plan(f"gameboy:{rom}@state=none", ["random"])
    state = tmp_path / "saved.state"
    state.touch()
    assert build_plan(f"gameboy:{rom}@state={state}", ["random"]).games[0].facts.options["level"] is None
    with pytest.raises(InputError, match="level='1-1' has no effect: every lane begins where state was saved"):
        build_plan(f"gameboy:{rom}@state={state}@level=1-1", ["random"])


def test_what_is_ahead_is_read_off_the_area() -> None:
    """An area as the wrapper's documentation shows it: the player on the ground; then a pit, a pipe and an enemy."""
    area = np.zeros((16, 20), int)
    area[12:14, 4:6] = 1
    area[14:] = 3
    assert ahead(area) == Obstacles()
    assert row_below(area) == 16
    area[14:, 10:14] = 0
    area[10:14, 16:18] = 3
    area[13, 8] = 4
    assert ahead(area) == Obstacles(pit=3, enemy=2, wall=6, wall_height=2)


def test_without_the_player_nothing_is_ahead() -> None:
    area = np.full((16, 20), 3)
    assert ahead(area) == Obstacles()
    assert row_below(area) is None


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rom = write(tmp_path_factory.mktemp("rom") / "our.gb")
    return findings(needed("gameboy"), INSIDE, str(rom))


def test_it_boots_to_the_start_of_the_level(found: dict[str, Any]) -> None:
    assert found["start"] == [51 + 9, "1-1", 400, 2]


def test_the_same_buttons_lead_to_the_same_states(found: dict[str, Any]) -> None:
    first, again, new = found["walk"]
    assert first == again == new
    assert len(set(first)) == 5


def test_buttons_are_held_for_just_so_many_frames(found: dict[str, Any]) -> None:
    assert found["moved"] == 8 - 3 + 20


def test_a_lane_is_over_at_the_frame_in_which_it_ends(found: dict[str, Any]) -> None:
    assert found["died"] == ["died", 1]
    assert found["cleared"] == ["flag", 1]


def test_frames_are_copies(found: dict[str, Any]) -> None:
    assert found["frame"] == [[144, 160, 3], "uint8", True]


def test_lanes_are_rewarded_like_those_of_mario(found: dict[str, Any]) -> None:
    assert found["rewards"] == [[8.0, 0.0]] * 5
    assert found["ended"] == "truncated"
    assert found["events"][0] == "level 1-1"
    assert found["events"][1].startswith("rom sha1 ")


def test_a_saved_state_is_a_start(found: dict[str, Any]) -> None:
    events, said, ended = found["state"]
    assert events[0].startswith("state sha1 ")
    assert "died" in said[0]
    assert f"death {DEATH:+g}" in said[0]
    assert ended == "terminated"
