"""What mirrored deals are worth, in leagues whose luck is known."""

from __future__ import annotations

import pytest

from scripts.eval.leagues import league
from scripts.eval.mirrored import factor


def test_the_luck_of_a_seat_cancels_and_noise_does_not() -> None:
    noisy, lucky = (league((0.2, 0.0), 4000, wins=False, ties=0.0, taste=0.0, luck=luck, seed=1) for luck in (0.0, 1.0))
    assert factor(noisy) == pytest.approx(1.0, abs=0.1)
    # Of a gain the noise has variance 1 and the luck, Student's t of 4 degrees of freedom, 2.
    assert factor(lucky) == pytest.approx(3.0, rel=0.15)
