"""What all trainings share."""

from __future__ import annotations

import gc

import pytest

pytest.importorskip("torch")

from arena.record.disk import Disk
from arena.train.runs import cut_curve, passed_over, write_curve


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
    curve.write_bytes(b"step,loss\n1,0.5\n\xff\xfe\n12,0.4\n13,0.3\n1")
    cut_curve(curve, 12)
    assert curve.read_text() == "step,loss\n1,0.5\n12,0.4\n"


@pytest.mark.parametrize("left", ["", "step,lo"])
def test_a_curve_whose_head_met_a_full_disk_gets_it_again(tmp_path, left):
    curve = tmp_path / "curve.csv"
    curve.write_text(left)
    cut_curve(curve, 0)
    write_curve(curve, {"step": 1, "loss": 0.5}, ("step", "loss"))
    assert curve.read_text() == "step,loss\n1,0.5\n"


def test_a_cut_that_is_killed_leaves_the_curve_as_it_was(tmp_path, monkeypatch):
    curve = tmp_path / "curve.csv"
    curve.write_text("step,loss\n1,0.5\n2,0.4\n")

    def killed(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(Disk, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        cut_curve(curve, 1)
    assert curve.read_text() == "step,loss\n1,0.5\n2,0.4\n"
