"""Minari loads an export, and has what was played: nothing more, nothing less, nothing rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.lineup import build_plan
from arena.play import run_plan
from tests.exporters.kit import exported, played

HERE = Path(__file__).parent
minari = pytest.importorskip("minari")


def load(monkeypatch: pytest.MonkeyPatch, root: Path, name: str) -> Any:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    return minari.load_dataset(name)


def test_observations_actions_rewards_and_ends_are_those_of_play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    episodes = played(tmp_path / "run", max_reasks=1)
    exported(tmp_path / "run", "--to", "minari", "--out", tmp_path / "out")
    dataset = load(monkeypatch, tmp_path / "out", "arena/leduc-v1")
    stored = list(dataset)
    wanted = [(one, seat) for one in episodes for seat in (0, 1) if any(t.request.seat == seat for t in one.turns)]
    assert len(stored) == len(wanted)
    assert any(turn.asked_again for one in episodes for turn in one.turns)
    metadata = list(dataset.storage.get_episode_metadata(range(len(stored))))
    for found, told, (episode, seat) in zip(stored, metadata, wanted, strict=True):
        turns = [turn for turn in episode.turns if turn.request.seat == seat and not turn.asked_again]
        assert found.actions.tolist() == [turn.move.action for turn in turns if turn.move is not None]
        assert found.rewards.tolist() == [turn.reward for turn in turns]
        assert found.rewards.sum() + told["reward_before"] == episode.returns[seat] == told["return"]
        assert found.terminations.tolist() == [turn.ended == "terminated" for turn in turns]
        assert found.truncations.tolist() == [turn.ended == "truncated" for turn in turns]
        for at, turn in enumerate(turns):
            seen = turn.request.observation
            np.testing.assert_array_equal(found.observations["image"][at], seen.image)
            np.testing.assert_array_equal(found.observations["vector"][at], seen.vector)
            assert found.observations["text"][at] == seen.text
            np.testing.assert_array_equal(found.observations["action_mask"][at], seen.mask(3))
            assert found.infos["thought"][at + 1].decode() == turn.decision.thought
        assert len(found.observations["vector"]) == len(turns) + 1  # and what came of the last one


def test_everything_is_in_the_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played(tmp_path / "run", matches=2)
    exported(tmp_path / "run", "--to", "minari", "--out", tmp_path / "out")
    dataset = load(monkeypatch, tmp_path / "out", "arena/leduc-v1")
    for episode in dataset:
        assert all(map(dataset.action_space.contains, episode.actions))
        for at in range(len(episode.actions) + 1):
            seen = {name: values[at] for name, values in episode.observations.items()}
            assert dataset.observation_space.contains(seen)


def test_a_forfeit_is_the_action_after_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    episodes = played(tmp_path / "run", "connect_four")
    assert any(one.status == "forfeited" for one in episodes)
    exported(tmp_path / "run", "--to", "minari", "--out", tmp_path / "out", "--view", "vector")
    dataset = load(monkeypatch, tmp_path / "out", "arena/connect_four-v1")
    assert dataset.action_space.n == 8
    last = {bool(episode.actions[-1] == 7) for episode in dataset}
    assert last == {True, False}


def test_words_are_part_of_the_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game, talker = HERE.parent / "talking_game.py", HERE / "talker.py"
    run_plan(build_plan(f"{game}@runtime=none", [f"{talker}", f"{talker}"], matches=2), tmp_path / "run")
    exported(tmp_path / "run", "--to", "minari", "--out", tmp_path / "out")
    (dataset,) = minari_of(monkeypatch, tmp_path / "out")
    assert dataset.action_space["action"].n == 7  # six actions, and to say something instead of one
    clue, guess = dataset[0], dataset[1]
    assert clue.actions["action"].tolist() == [6]
    assert clue.actions["say"] == ["Wärmer als blau"]
    assert guess.actions["action"].tolist() == [4, 0]
    assert guess.actions["say"] == ["gut", ""]


def minari_of(monkeypatch: pytest.MonkeyPatch, root: Path) -> list[Any]:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    return [minari.load_dataset(name) for name in minari.list_local_datasets()]
