"""The check of what ships reads the docs' own figures, and tells agreement from disagreement."""

from __future__ import annotations

import pytest

from arena.errors import InputError
from scripts.train import shipped


def test_the_docs_have_the_figures_of_all_that_ships() -> None:
    assert set(shipped.SHIPPED) <= set(shipped.claims(shipped.DOCS.read_text()))


def test_a_missing_figure_is_named() -> None:
    with pytest.raises(InputError, match="no row of scripted, ppo"):
        shipped.claims("| sidescroller | 100 held-out levels | vlm | 1,003 [858, 1,148] | 6 of 100 |  |  |")


def test_equal_numbers_are_the_same_near_ones_agree_and_far_ones_do_not() -> None:
    claimed = (1003.0, 858.0, 1148.0)
    assert shipped.judged((1003.4, 857.6, 1148.2), claimed) == "the same"
    assert shipped.judged((1100.0, 960.0, 1240.0), claimed) == "agrees"
    assert shipped.judged((1200.0, 1010.0, 1390.0), claimed) == "DISAGREES"


def test_a_table_fails_with_one_claim_that_does_not_hold_and_passes_what_has_none() -> None:
    pixels = {"vlm@adapter=mine": [10.0, 12.0], "vlm": [8.0, 10.0]}
    lines, holds = shipped.table(pixels, {"vlm": (9.0, 8.0, 10.0)})
    assert holds
    assert "not there" in lines[1]
    assert lines[-1] == "vlm@adapter=mine less vlm, level by level: 2 [2, 2]"
    assert not shipped.table(pixels, {"vlm": (90.0, 80.0, 100.0)})[1]
