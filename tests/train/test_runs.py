"""What all trainings share."""

from __future__ import annotations

import gc

import pytest

pytest.importorskip("torch")

from arena.train.runs import cut_curve, passed_over


def test_what_is_loaded_is_passed_over_until_the_training_ends() -> None:
    before = gc.get_freeze_count()
    with passed_over() as loaded:
        assert gc.get_freeze_count() == before
        loaded()
        assert gc.get_freeze_count() > before + 1_000
        assert sum(1 for _ in gc.get_objects()) < gc.get_freeze_count()
    assert gc.get_freeze_count() == 0


def test_a_curve_is_cut_to_its_whole_rows(tmp_path):
    """A row that a kill cut may begin with a part of its number."""
    curve = tmp_path / "curve.csv"
    curve.write_text("step,loss\n1,0.5\n12,0.4\n13,0.3\n1")
    cut_curve(curve, 12)
    assert curve.read_text() == "step,loss\n1,0.5\n12,0.4\n"
