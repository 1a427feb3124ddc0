"""Scales of the plots of a page."""

from __future__ import annotations

import pytest

from arena.report.plot import Line, lines, ticks


@pytest.mark.parametrize("ends", [(0.0, 4e-14), (-2e-14, 2e-14), (5.0, 5.0), (1e9, 1e9 + 1e-3), (-3.0, 7.5)])
def test_a_scale_has_two_ends_apart_whatever_is_on_it(ends: tuple[float, float]) -> None:
    found = ticks(*ends)
    assert found[0] < found[-1]
    assert found[0] <= ends[0] + 1e-6 * max(1.0, abs(ends[0]))
    assert found[-1] >= ends[1] - 1e-6 * max(1.0, abs(ends[1]))


def test_a_line_begins_at_the_start_so_that_one_value_is_seen() -> None:
    assert '"0.00,100.00 100.00,0.00"' in lines([Line("a", [5.0], 1)], "Reward", "tick")
