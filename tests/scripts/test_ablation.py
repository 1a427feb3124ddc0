"""The ablation: equal turns whoever stops it, intervals that hold, and a report of what is there."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arena_operators.vlm.checkpoint import SHIPPED
from scripts.train import ablation, ablation_report

pytest.importorskip("torch")
pytest.importorskip("pyarrow")


def test_a_training_ends_with_the_update_that_fills_its_turns(tmp_path: Path) -> None:
    how = ablation.config("reinforce++", 0, SHIPPED)
    how = replace(how, rollout=replace(how.rollout, matches=1, max_ticks=3))
    how = replace(how, model=replace(how.model, dtype="float32", tokens=256))  # what has no bfloat16 is slow at it
    for anew in (True, False):  # the second time there is nothing left to do
        assert ablation.learn(tmp_path / "run", how, 4) is anew
        assert [line["update"] for line in ablation.lines(tmp_path / "run")] == [1, 2]
    assert 4 <= ablation.told(tmp_path / "run") <= 6
    assert ablation.learn(tmp_path / "run", how, 10)  # a longer one goes on from the shorter one
    assert [line["update"] for line in ablation.lines(tmp_path / "run")] == [1, 2, 3, 4]


@pytest.mark.parametrize("method", sorted(ablation.METHODS))
def test_the_trainer_takes_every_method(method: str) -> None:
    assert ablation.config(method, 0, Path("start")).learn.algorithm
    assert "|" not in ablation.METHODS[method].title  # it stands in a table


def test_intervals_hold_the_mean_where_seeds_and_levels_are_random() -> None:
    chance, right = np.random.default_rng(5), 0
    for _ in range(600):
        seeds, levels = chance.normal(0, 60, (3, 1)), chance.normal(0, 500, (1, 64))
        found = ablation_report.crossed(700 + seeds + levels + chance.normal(0, 300, (3, 64)))
        right += found.low < 700 < found.high
    assert right / 600 > 0.93


def test_a_threshold_is_reached_where_the_mean_of_five_updates_is_over_it() -> None:
    lines = [{"rollout/turns": 100.0, "reward/mean": at} for at in (9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 11.0)]
    assert ablation_report.reached(lines, 2.0) == 500
    assert ablation_report.reached(lines[1:], 2.0) == 600
    assert math.isinf(ablation_report.reached(lines, 4.0))


def finished(out: Path, method: str, seed: int, far: int, updates: int = 2) -> None:
    """A training of 60 turns an update, which ends so far on the first of two levels."""
    folder = out / f"{method}-{seed}"
    folder.mkdir(parents=True)
    line = {"rollout/turns": 60.0, "reward/mean": 5.0, "advantage/positive": 0.5}
    lines = [json.dumps(line | {"update": n + 1, "thought/true": (0.7, 0.9)[n]}) for n in range(updates)]
    (folder / "metrics.jsonl").write_text("".join(f"{one}\n" for one in lines))
    folder.with_name(f"{folder.name}.levels.json").write_text(json.dumps([[far, False], [far + 100, True]]))
    (out / "start.levels.json").write_text(json.dumps([[100, False], [200, False]]))


def test_a_report_adds_to_what_was_reported_before(tmp_path: Path) -> None:
    """So that a seed more needs none of the trainings before, and a report of parts is that of the whole."""
    pytest.importorskip("matplotlib")
    for out in ("parts/one", "whole"):
        finished(tmp_path / out, "ppo", 0, 300)
        finished(tmp_path / out, "grpo", 1, 220)
    for out in ("parts/two", "whole"):
        finished(tmp_path / out, "ppo", 2, 310)
    ablation_report.report(tmp_path / "parts/one", tmp_path / "docs", 100)
    ablation_report.report(tmp_path / "parts/two", tmp_path / "docs", 100)
    ablation_report.report(tmp_path / "whole", tmp_path / "expected", 100)
    assert (tmp_path / "docs/ablation.md").read_text() == (tmp_path / "expected/ablation.md").read_text()


def test_trainings_of_another_start_are_not_mixed(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    finished(tmp_path / "one", "ppo", 0, 300)
    ablation_report.report(tmp_path / "one", tmp_path / "docs", 100)
    finished(tmp_path / "two", "ppo", 1, 300)
    (tmp_path / "two" / "start.levels.json").write_text(json.dumps([[100, False], [201, False]]))
    with pytest.raises(SystemExit, match=r"150\.0 pixels, that of .*two 150\.5\. Name another folder as --docs"):
        ablation_report.report(tmp_path / "two", tmp_path / "docs", 100)


def test_a_report_tells_what_is_measured_and_what_is_not(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    pytest.importorskip("matplotlib")
    for method, seed, far in (("ppo", 0, 300), ("ppo", 1, 320), ("grpo", 1, 220)):
        finished(tmp_path, method, seed, far)
    finished(tmp_path, "rloo", 0, 999, updates=1)
    docs = tmp_path / "docs"
    ablation_report.report(tmp_path, docs, 100)
    text = (docs / "ablation.md").read_text()
    assert "| turn-level PPO | 0, 1 | 120 to 120 | 360 [" in text
    assert "| GRPO, outcome | 1 | 120 to 120 | 270 [" in text
    assert "-100 [-100, -100]" in text  # less PPO, of the seed that both have
    assert "bi-level" not in text  # it has no training
    assert "RLOO" not in text  # it has 60 of 100 turns
    assert "| the start |  | 0.700 |" in text  # before the first update: what a method brings about is not yet there
    assert "| turn-level PPO | 0.500 | 0.800 |" in text
    assert pq.read_table(docs / "results" / "ablation-curves.parquet").num_rows == 6
    assert pq.read_table(docs / "results" / "ablation-levels.parquet").num_rows == 2 + 3 * 2
    assert (docs / "curves" / "ablation.png").stat().st_size
    ablation_report.report(tmp_path, docs, 100)
    assert (docs / "ablation.md").read_text() == text
