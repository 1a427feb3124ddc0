"""The LeRobot export has the layout of LeRobot 3.0, and LeRobot itself loads it where it is installed.

lerobot wants a torch of its own, so it is loaded by another interpreter, which ARENA_LEROBOT_PYTHON names
(scripts/export/lerobot_env makes one).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.errors import InputError
from arena.exporters import lerobot
from tests.exporters.kit import exported, played
from tests.toys import GOOD

av = pytest.importorskip("av")
pq = pytest.importorskip("pyarrow.parquet")

LOAD = """
import json, sys
import torch
torch.library.define("torchvision::nms", "(Tensor a, Tensor b, float c) -> Tensor")  # of a torchvision without its ops
from lerobot.datasets.lerobot_dataset import LeRobotDataset
found = LeRobotDataset("arena/test", root=sys.argv[1], video_backend="pyav")
rows = [found[at] for at in range(len(found))]
print(json.dumps({
    "episodes": found.num_episodes,
    "actions": [int(row["action"]) for row in rows],
    "rewards": [float(row["next.reward"]) for row in rows],
    "state": [float(row["observation.state"].sum()) for row in rows],
    "image": [float(row["observation.image"].mean()) for row in rows],
    "task": rows[0]["task"],
}))
"""


def turns(episodes: list[Any]) -> list[Any]:
    return [
        turn
        for one in episodes
        for seat in (0, 1)
        for turn in one.turns
        if turn.request.seat == seat and not turn.asked_again
    ]


def rows(out: Path, pattern: str) -> list[dict[str, Any]]:
    return pq.read_table(out / pattern.format(chunk_index=0, file_index=0)).to_pylist()  # type: ignore[no-any-return]


def test_frames_are_the_turns_and_point_to_their_pictures(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", max_reasks=1)
    exported(tmp_path / "run", "--to", "lerobot", "--out", tmp_path / "out")
    out, wanted = tmp_path / "out", turns(episodes)
    info = json.loads((out / "meta/info.json").read_text())
    frames, told = rows(out, lerobot.DATA), rows(out, lerobot.EPISODES)
    assert info["codebase_version"] == "v3.0"
    assert info["total_frames"] == len(frames) == len(wanted)
    assert info["total_episodes"] == len(told)
    assert [row["action"] for row in frames] == [turn.move.action for turn in wanted]
    assert [row["next.reward"] for row in frames] == [turn.reward for turn in wanted]
    assert [row["index"] for row in frames] == list(range(len(frames)))
    with av.open(str(out / lerobot.VIDEO.format(video_key=lerobot.PICTURE, chunk_index=0, file_index=0))) as film:
        pictures = {round(frame.time, 6): frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)}
    for episode in told:
        first, end = episode["dataset_from_index"], episode["dataset_to_index"]
        assert end - first == episode["length"]
        for row, turn in zip(frames[first:end], wanted[first:end], strict=True):
            seen = turn.request.observation
            np.testing.assert_array_equal(np.array(row["observation.state"], np.float32), seen.vector)
            at = episode[f"videos/{lerobot.PICTURE}/from_timestamp"] + row["timestamp"]
            assert np.abs(pictures[round(at, 6)].astype(int) - seen.image).mean() < 4  # compressed


def test_statistics_are_those_of_all_frames(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", kinds=[GOOD, GOOD])
    exported(tmp_path / "run", "--to", "lerobot", "--out", tmp_path / "out")
    stats = json.loads((tmp_path / "out/meta/stats.json").read_text())
    wanted = turns(episodes)
    vectors = np.stack([turn.request.observation.vector for turn in wanted]).astype(float)
    pixels = np.stack([turn.request.observation.image for turn in wanted]) / 255
    np.testing.assert_allclose(stats["observation.state"]["mean"], vectors.mean(0), atol=1e-12)
    np.testing.assert_allclose(stats["observation.state"]["std"], vectors.std(0), atol=1e-7)
    np.testing.assert_allclose(np.ravel(stats["observation.image"]["mean"]), pixels.mean((0, 1, 2)))
    np.testing.assert_allclose(np.ravel(stats["observation.image"]["std"]), pixels.std((0, 1, 2)))
    assert stats["observation.image"]["count"] == [len(wanted)]


def test_what_is_large_goes_on_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lerobot, "DATA_MB", 0)
    monkeypatch.setattr(lerobot, "VIDEO_MB", 0)
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=1)
    exported(tmp_path / "run", "--to", "lerobot", "--out", tmp_path / "out")
    first, second = rows(tmp_path / "out", lerobot.EPISODES)
    for what in ("data", f"videos/{lerobot.PICTURE}"):
        assert (first[f"{what}/file_index"], second[f"{what}/file_index"]) == (0, 1)
    assert second[f"videos/{lerobot.PICTURE}/from_timestamp"] == 0


def test_a_game_without_pictures_and_vectors_asked_for_is_said(tmp_path: Path) -> None:
    played(tmp_path / "run", matches=1)
    with pytest.raises(InputError, match="there is neither a picture nor a vector of leduc: ask for one with --view"):
        exported(tmp_path / "run", "--to", "lerobot", "--out", tmp_path / "out", "--view", "text")


@pytest.mark.skipif(
    "ARENA_LEROBOT_PYTHON" not in os.environ, reason="ARENA_LEROBOT_PYTHON names no Python with lerobot"
)
def test_lerobot_loads_it(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", max_reasks=1)
    exported(tmp_path / "run", "--to", "lerobot", "--out", tmp_path / "out")
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    command = [os.environ["ARENA_LEROBOT_PYTHON"], "-c", LOAD, str(tmp_path / "out")]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, wanted = json.loads(done.stdout.splitlines()[-1]), turns(episodes)
    assert found["actions"] == [turn.move.action for turn in wanted]
    assert found["rewards"] == [turn.reward for turn in wanted]
    assert found["task"].startswith("Leduc poker")
    seen = [turn.request.observation for turn in wanted]
    np.testing.assert_allclose(found["state"], [one.vector.sum() for one in seen], rtol=1e-5)
    np.testing.assert_allclose(found["image"], [one.image.mean() / 255 for one in seen], atol=0.01)
