"""What all trainings share."""

from __future__ import annotations

import gc

import pytest

pytest.importorskip("torch")

from arena.train.runs import passed_over


def test_what_is_loaded_is_passed_over_until_the_training_ends() -> None:
    before = gc.get_freeze_count()
    with passed_over() as loaded:
        assert gc.get_freeze_count() == before
        loaded()
        assert gc.get_freeze_count() > before + 1_000
        assert sum(1 for _ in gc.get_objects()) < gc.get_freeze_count()
    assert gc.get_freeze_count() == 0
