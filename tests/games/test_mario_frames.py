"""Real frames: every finding comes from tests/games/mario_inside.py, run once in the runtime `mario`.

It is skipped where the runtime cannot be created.
"""

from __future__ import annotations

import json
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from arena_games.lanes.game import DEATH, FLAG
from tests.games.mario_kit import INSIDE, LONGEST, findings, needed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # the first one makes the environment
ROM = "rom sha1 ab30029efec6ccfc5d65dfda7fbc6e6489a80805"
ALONE = ("_pytest", "pytest", "py.py", "pluggy", "iniconfig", "pygments", "packaging")  # what the suite needs there


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return findings(needed("mario"), INSIDE, "all", str(tmp_path_factory.mktemp("prefix")))


def test_the_first_decisions_are_as_they_were(found: dict[str, Any]) -> None:
    golden = json.loads(resources.files("arena_games.mario").joinpath("golden/1-1.json").read_bytes())
    assert len(golden) == 61
    assert found["golden"] == golden


@pytest.mark.parametrize("stage", ["1-1", "smb3-1-1"])
def test_a_lane_begins_exactly_where_the_package_does(found: dict[str, Any], stage: str) -> None:
    """Over memory and pixels of 300 frames, the first time and again."""
    first, again, package = found["fresh"][stage]
    assert first == again == package


@pytest.mark.parametrize("stage", ["1-1", "smb3-1-1", "smb2-1-1"])
def test_lanes_side_by_side_do_not_touch_each_other(found: dict[str, Any], stage: str) -> None:
    together, alone = found["together"][stage]
    assert together == alone
    assert len(set(together)) == 3


def test_observations_are_copies(found: dict[str, Any]) -> None:
    assert found["copies"] == {"kept": True, "moved": True, "own": True}


def test_seeds_act_through_no_op_starts_alone(found: dict[str, Any]) -> None:
    waits = found["waits"]
    assert len(set(waits["without"])) == 1
    assert len(set(waits["with"])) == 4
    assert all(events[:2] == ["stage 1-1", ROM] for events in waits["events"])
    assert all(events[2].startswith("waited ") for events in waits["events"])


def test_a_death_ends_a_lane_at_its_very_frame(found: dict[str, Any]) -> None:
    death = found["death"]
    assert death["same frame"]
    assert death["stays"]
    assert death["ended"] == "terminated"
    assert DEATH <= death["reward"] < 0
    assert "died" in death["events"][0]


def test_the_recorded_solution_reaches_the_flag(found: dict[str, Any]) -> None:
    flag = found["flag"]
    assert flag["ended"] == "terminated"
    assert flag["reward"] > FLAG
    assert flag["returns"][0] == 3161 - 40 + FLAG
    assert "cleared the level" in flag["events"][0]


def test_a_prefix_is_a_later_start_of_the_same_level(found: dict[str, Any]) -> None:
    later = found["later"]
    assert later["same"]
    assert "cleared the level" in later["events"][0]
    assert later["returns"][0] < found["flag"]["returns"][0]


# Where things stand in 1-1, in tiles from its left end, and heights: known to everybody who played it.
PIPES = {28: 2, 38: 3, 46: 4, 57: 4}
PITS = {69: 2, 86: 3, 153: 2}  # and widths


def test_the_text_view_names_the_pits_of_the_level(found: dict[str, Any]) -> None:
    named = {_column(facts, "pit") for facts in found["ahead"].values() if facts["pit"] != "none"}
    assert set(PITS) <= named
    assert named <= {start + inside for start, width in PITS.items() for inside in range(width)}


def test_the_text_view_names_pipes_and_their_height(found: dict[str, Any]) -> None:
    """On the ground; in the air a wall is what stands in the way there."""
    grounded = [facts for facts in found["ahead"].values() if facts["ground"] == "yes" and facts["wall"] != "none"]
    low = {_column(facts, "wall"): int(facts["wall_height"]) for facts in grounded}
    seen = {column: height for column, height in low.items() if column in PIPES}
    assert seen
    assert all(height <= PIPES[column] for column, height in seen.items())
    assert PIPES[38] == low[38]


def test_the_text_view_names_the_enemy_that_kills(found: dict[str, Any]) -> None:
    """The first goomba stands at 22 tiles when it is first seen, and walks towards the player."""
    near = [facts for facts in found["ahead"].values() if facts["enemy"] != "none"]
    assert near[0]["x"] == "213"
    assert [int(facts["enemy"]) for facts in near[:4]] == [7, 6, 4, 2]


def _column(facts: dict[str, str], what: str) -> int:
    return (int(facts["x"]) + 8) // 16 + int(facts[what])


@pytest.mark.parametrize(
    ("stage", "game", "world"),
    [
        ("1-2", "smb1", "1-2"),
        ("8-4", "smb1", "8-4"),
        ("lost-D-4", "lost", "D-4"),
        ("smb2-7-2", "smb2", "7-2"),
        ("smb3-1-6", "smb3", "1-6"),
    ],
)
def test_every_game_begins_at_its_stage_and_moves(found: dict[str, Any], stage: str, game: str, world: str) -> None:
    kind, label, lives, time, start, there, _ = found["games"][stage]
    assert (kind, label) == (game, world)
    assert lives in (2, 4)
    assert (time > 290) == (game != "smb2")
    assert there > start + 64


def test_a_death_in_super_mario_bros_3_is_seen_when_it_happens(found: dict[str, Any]) -> None:
    ended, events = found["smb3_death"]
    assert ended == "terminated"
    assert "died" in events[0]


def test_the_lane_goes_on_until_the_player_is_through_a_pipe(found: dict[str, Any]) -> None:
    before, inside, moved, time = found["pipe"]
    assert (before, inside) == (919, 24)
    assert moved > inside
    assert time > 350


def test_the_frame_and_its_grey_are_the_emulators(found: dict[str, Any]) -> None:
    assert found["colours"] == [True] * 4


def test_a_set_draws_its_stages_by_the_seed(found: dict[str, Any]) -> None:
    assert found["sets"] == ["stage 1-1", "stage 1-3"]


def test_pairs_of_buttons_are_held_as_published(found: dict[str, Any]) -> None:
    assert found["pairs"]


SUITE = """
import msgspec
from arena.plugins import game_class
from arena.testing import GameSuite

mario = game_class("mario:1-1")

class Two(mario):  # sixteen emulators would take minutes, and test no more
    spec = msgspec.structs.replace(mario.spec, seats=(1, 2))

class TestMario(GameSuite):
    cls = Two
    options = ({"horizon": 8, "skip": 4}, {"horizon": 8, "noops": 5, "actions": "buttons"})
    matches = 1
    ticks = 8
"""


def test_it_conforms(tmp_path: Path) -> None:
    """The conformance suite, in the runtime: pytest is lent to it."""
    interpreter = needed("mario")
    lent = tmp_path / "lent"
    lent.mkdir()
    site = Path(pytest.__file__).parent.parent
    for name in ALONE:
        (lent / name).symlink_to(site / name)
    test = tmp_path / "test_it.py"
    test.write_text(SUITE)
    code = (
        f"import sys; sys.path.append({str(lent)!r}); import pytest; "
        f"sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '--rootdir', {str(tmp_path)!r}, {str(test)!r}]))"
    )
    done = subprocess.run(
        [str(interpreter), "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
