"""The result of a match in words: who won, who lost, and when it is a draw."""

from __future__ import annotations

import msgspec
import pytest

from arena.operator import Outcome
from arena_operators.human.results import result
from tests.operators.human_kit import seat

SHARE = 1 / 3


@pytest.mark.parametrize(
    ("returns", "place", "verdict", "headline"),
    [
        ((-1.0, SHARE, SHARE, SHARE), 1, "won", "You won: +0.333 chips"),  # a team: all of it have won
        ((-1.0, SHARE, SHARE, SHARE), 0, "lost", "You lost: -1 chips"),
        ((1.0, -SHARE, -SHARE, -SHARE), 0, "won", "You won: +1 chips"),
        ((1.0, -SHARE, -SHARE, -SHARE), 2, "lost", "You lost: -0.333 chips"),
        ((5.0, 5.0, -10.0), 0, "won", "You won: +5 chips"),
        ((3.0, 1.0, -4.0), 0, "won", "You won: +3 chips"),
        ((3.0, 1.0, -4.0), 1, "lost", "You came 2nd of 3: +1 chips"),
        ((3.0, 1.0, -4.0), 2, "lost", "You came 3rd of 3: -4 chips"),
        ((0.0, 0.0, 0.0), 1, "drawn", "A draw: 0 chips"),
        ((2.0, 2.0), 1, "drawn", "A draw: +2 chips"),
        ((3.0, -3.0), 1, "lost", "You lost: -3 chips"),
        ((4.0,), 0, "over", "Your result: +4 chips"),
    ],
)
def test_who_shares_the_best_return_has_won_unless_all_do(
    returns: tuple[float, ...], place: int, verdict: str, headline: str
) -> None:
    opened = msgspec.structs.replace(seat(place=place), seats=tuple(f"p{number}" for number in range(len(returns))))
    told = result(opened, Outcome(status="terminated", returns=returns))
    assert (told.verdict, told.headline) == (verdict, headline)
