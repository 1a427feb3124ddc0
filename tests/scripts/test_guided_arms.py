"""What scripts/train/guided.py says of the evaluations that trainings end with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from arena.errors import InputError
from arena.lineup import resolve
from arena.plan import PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from arena.train.vlm.scored import folder_of
from scripts.train.guided import Found, alone, found, summary


def trained(out: Path, updates: int = 2) -> Path:
    """A training of so many updates, whose model now plays as `scripted` and began as `random`."""
    out.mkdir()
    (out / "metrics.jsonl").write_text("{}\n" * updates)
    spec = PlanSpec(games=("maze@seats=1",), operators=("scripted", "random"), seed=3, matches=40)
    run_plan(resolve(spec), folder_of(out, updates), concurrency=8)
    return out


def test_what_is_gained_is_of_the_same_mazes(tmp_path: Path) -> None:
    one = found(trained(tmp_path / "guided-0"))
    assert one.after.keys() == one.before.keys()
    assert len(one.after) == 20
    assert set(one.after.values()) == {1.0}  # exactly
    said = summary([one])
    assert said["less the start"]["score"] == pytest.approx(1 - np.mean([*one.before.values()]))
    assert said["less the start"]["low"] > 0
    assert said["less the start"]["levels"] == 20


def test_who_played_is_told_by_its_place_in_the_pool(tmp_path: Path) -> None:
    run = Run(folder_of(trained(tmp_path / "guided-0"), 2))
    [table] = run.tables()
    assert [float(np.mean([*alone(run, place).values()])) for place in (0, 1)] == pytest.approx(
        [row.score for row in table.rows]
    )


def test_the_share_of_returns_over_a_bound_is_told_in_place_of_their_mean(tmp_path: Path) -> None:
    folder = trained(tmp_path / "guided-0")
    means, shares = found(folder).before, found(folder, 0.5).before
    assert shares == {block: float(value > 0.5) for block, value in means.items()}  # random plays each maze once
    assert 0 < np.mean([*shares.values()]) < 1


def test_what_is_lost_of_truth_is_told_by_seed_and_the_mean_is_over_seeds() -> None:
    one, two = Found({0: 1.0}, {0: 0.0}, 0.5, 0.75), Found({0: 0.5}, {0: 0.0}, 0.75, 0.75)
    said = summary([one, two])
    assert said["true, lost by seed"] == [0.25, 0.0]
    assert (said["true"], said["true at the start"]) == (0.625, 0.75)
    assert said["less the start"]["score"] == 0.75


def test_a_training_that_is_not_at_its_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not trained to its end"):
        found(tmp_path / "nothing")
