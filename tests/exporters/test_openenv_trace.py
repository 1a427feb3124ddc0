"""The OpenEnv trace has every token of a text game as it was generated; OpenEnv's own classes read it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from arena.errors import InputError
from arena.game import Views
from tests.exporters.kit import exported, played
from tests.toys import GOOD

TEXT = Views(text=True)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_turn_has_its_tokens_and_trains_what_was_generated(tmp_path: Path) -> None:
    episodes = played(tmp_path / "run", views=TEXT, matches=2, turns=True, max_reasks=1)
    exported(tmp_path / "run", "--to", "openenv", "--out", tmp_path / "out")
    told, traces = lines(tmp_path / "out/results.jsonl"), lines(tmp_path / "out/traces.jsonl")
    found = {turn["node_id"]: turn for trace in traces for turn in trace["turns"]}
    wanted = [turn for one in episodes for turn in one.turns]
    assert len(found) == len(wanted)
    for turn in wanted:
        r = turn.request
        made = found[f"match-{r.match}-seat-{r.seat}-tick-{r.tick}-attempt-{r.attempt}"]
        assert turn.decision.prompt_tokens is not None
        assert made["prompt_token_ids"] == turn.decision.prompt_tokens.tolist()
        assert made["per_token_logps"] == [-0.25, -0.5]
        assert made["loss_mask"] == [0] * 4 + [1] * 2
        assert made["metadata"]["reward"] == turn.reward
    returns = [one.returns[seat] for one in episodes for seat in (0, 1)]
    assert [one["reward"] for one in told if one] == returns[: len(told)]


@pytest.mark.skipif(
    importlib.util.find_spec("openenv") is None, reason="the extra openenv has an environment of its own"
)
def test_openenv_reads_it(tmp_path: Path) -> None:
    training = pytest.importorskip("openenv.core.harness.training")
    collect = pytest.importorskip("openenv.core.harness.collect")
    played(tmp_path / "run", views=TEXT, matches=2, turns=True)
    exported(tmp_path / "run", "--to", "openenv", "--out", tmp_path / "out")
    for trace in lines(tmp_path / "out/traces.jsonl"):
        training.TrainingTrace.model_validate(trace)
    records = [collect.EpisodeRecord(**one) for one in lines(tmp_path / "out/results.jsonl")]
    ids = collect.RolloutSerializer(tmp_path / "out").collected_episode_ids()
    assert ids == {one.episode_id for one in records}


def test_a_run_without_tokens_is_named(tmp_path: Path) -> None:
    played(tmp_path / "run", views=TEXT, matches=1)
    with pytest.raises(InputError, match="has no tokens beside its log: they are kept by `arena play --turns`"):
        exported(tmp_path / "run", "--to", "openenv", "--out", tmp_path / "out")


def test_operators_that_write_nothing_have_no_trace(tmp_path: Path) -> None:
    played(tmp_path / "run", kinds=[GOOD, GOOD], views=TEXT, matches=1, turns=True)
    with pytest.raises(InputError, match="no turn has tokens"):
        exported(tmp_path / "run", "--to", "openenv", "--out", tmp_path / "out")


def test_pictures_are_refused(tmp_path: Path) -> None:
    played(tmp_path / "run", matches=1, turns=True)
    with pytest.raises(InputError, match="errs0 was given pictures in leduc"):
        exported(tmp_path / "run", "--to", "openenv", "--out", tmp_path / "out")
