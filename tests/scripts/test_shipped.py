"""The check of what ships has the docs' own figures, and tells agreement from disagreement."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from arena.errors import InputError
from scripts.train import shipped

DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_the_docs_say_what_was_measured_level_by_level() -> None:
    for who, far in shipped.claims(shipped.CLAIMS).items():
        row = rf"^\| sidescroller \| 100 held-out levels \| {who} \| {re.escape(shipped.shown(shipped.spread(far)))} \|"
        assert re.search(row, DOCS.read_text(), re.MULTILINE), who


def test_a_missing_figure_is_named(tmp_path: Path) -> None:
    file = tmp_path / "claims.json"
    file.write_text(f'{{"vlm:nano": {[1.0] * 100}, "ppo": [1.0], "random": {[1.0] * 100}}}')
    with pytest.raises(
        InputError, match="lacks 100 levels of vlm:nano@adapter=sidescroller, vlm:nano-sidescroller, scripted, ppo"
    ):
        shipped.claims(file)


def test_equal_levels_are_the_same_other_samples_agree_and_a_change_for_the_worse_does_not() -> None:
    claimed = [100.0, 900.0, 500.0, 300.0]
    assert shipped.judged("vlm:nano", claimed, claimed) == "the same"
    assert shipped.judged("vlm:nano", [200.0, 800.0, 510.0, 290.0], claimed) == "agrees"
    assert shipped.judged("vlm:nano", [at - 50 for at in claimed[:3]] + [255.0], claimed) == "DISAGREES"


def test_five_figures_that_hold_are_called_wrong_in_one_of_twenty_checks_together() -> None:
    chance = np.random.default_rng(1)
    claimed = chance.normal(size=100)
    drawn = chance.normal(size=(4000, 100)) + claimed
    wrong = np.mean([shipped.judged("vlm:nano", one, claimed) == "DISAGREES" for one in drawn.tolist()])
    assert 0.005 < wrong < 0.015


def test_levels_are_other_ones_where_scripted_goes_another_way() -> None:
    assert shipped.judged("scripted", [100.0, 900.0, 501.0], [100.0, 900.0, 500.0]) == "OTHER LEVELS"


def test_a_table_fails_with_one_claim_that_does_not_hold_and_passes_what_has_none() -> None:
    pixels = {"vlm@adapter=mine": [10.0, 12.0], "vlm:nano": [8.0, 10.0]}
    lines, holds = shipped.table(pixels, {"vlm:nano": [8.0, 10.0]})
    assert holds
    assert lines[1].endswith("none")
    assert lines[-1] == "vlm@adapter=mine less vlm:nano: 2 [2, 2]"
    assert not shipped.table(pixels, {"vlm:nano": [9.0, 11.0]})[1]
