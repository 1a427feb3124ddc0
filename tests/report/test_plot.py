"""Scales of the plots of a page."""

from __future__ import annotations

import re

import pytest

from arena.report.plot import Line, Mark, intervals, lines, ticks


@pytest.mark.parametrize("ends", [(0.0, 4e-14), (-2e-14, 2e-14), (5.0, 5.0), (1e9, 1e9 + 1e-3), (-3.0, 7.5)])
def test_a_scale_has_two_ends_apart_whatever_is_on_it(ends: tuple[float, float]) -> None:
    found = ticks(*ends)
    assert found[0] < found[-1]
    assert found[0] <= ends[0] + 1e-6 * max(1.0, abs(ends[0]))
    assert found[-1] >= ends[1] - 1e-6 * max(1.0, abs(ends[1]))


def test_lines_of_the_scale_do_not_cross_the_words_of_a_row() -> None:
    drawn = intervals([Mark("a", 0.0, -1.0, 1.0, "+0.000"), Mark("b", 1.0, None, None, "+1.000")], "Score", "points")
    words = [int(y) for y in re.findall(r'<text x="2.0%" y="(\d+)"', drawn)]
    rules = [(int(top), int(end)) for top, end in re.findall(r'class="rule" y1="(\d+)" y2="(\d+)"', drawn)]
    assert len(words) == 2
    assert rules
    assert not [1 for y in words for top, end in rules if top < y + 3 and end > y - 10]  # of letters of 13 pixels


def test_a_line_begins_at_the_start_so_that_one_value_is_seen() -> None:
    assert '"0.00,100.00 100.00,0.00"' in lines([Line("a", [5.0], 1)], "Reward", "tick")
