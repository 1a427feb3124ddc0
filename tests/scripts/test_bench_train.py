"""The bench of training adds up times, not rates: a long update weighs more than a short one."""

from __future__ import annotations

from scripts.bench.train import shares


def test_parts_are_shares_of_the_whole_time() -> None:
    short = {"update": 1, "rollout": 1.0, "learn": 0.0, "store": 1.0, "total": 2.0, "turns": 10, "turns_per_second": 5}
    long = {"update": 2, "rollout": 4.0, "learn": 2.0, "store": 2.0, "total": 8.0, "turns": 50, "turns_per_second": 6.2}
    assert shares([short, long]) == {
        "turns": 60,
        "turns_per_second": 6.0,
        "rollout_and_learn": 0.7,
        "rollout": 0.5,
        "learn": 0.2,
        "store": 0.3,
    }
