"""Facts about Gymnasium's environments that the environments themselves do not state.

Without an entry an environment still plays: its actions have numbers for names, its text is the numbers of the
observation, and it gives no picture to a seat unless the observation is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Words = Callable[[Any, Any], str]  # (environment, observation) -> what the seat may know


@dataclass(frozen=True, slots=True)
class Known:
    """One environment, whatever its version."""

    names: tuple[str, ...] = ()  # of its actions
    labels: tuple[str, ...] = ()  # of the numbers of its observation
    open: bool = False  # render() shows nothing that the observation does not contain
    words: Words | None = None


def known(name: str) -> Known:
    """Returns the entry of the environment called `name`, e.g. CartPole; an empty one if there is none."""
    return TABLE.get(name, Known())


def _lake(env: Any, observation: Any) -> str:
    lake = env.unwrapped
    rows = ["".join(tile.decode() for tile in row) for row in lake.desc]
    row, column = divmod(int(observation), lake.ncol)
    return (
        f"You stand in row {row + 1}, column {column + 1} of {lake.nrow} x {lake.ncol}. "
        "The lake (S start, F frozen, H hole, G goal):\n" + "\n".join(rows)
    )


def _cliff(env: Any, observation: Any) -> str:
    row, column = divmod(int(observation), 12)
    return f"You stand in row {row + 1} of 4, column {column + 1} of 12. The goal is row 4, column 12."


def _taxi(env: Any, observation: Any) -> str:
    row, column, passenger, goal = env.unwrapped.decode(int(observation))
    stops = ("red (row 1, column 1)", "green (row 1, column 5)", "yellow (row 5, column 1)", "blue (row 5, column 4)")
    where = "in the taxi" if passenger == 4 else f"at {stops[passenger]}"
    rows = "\n".join(line.decode() for line in (b"".join(row) for row in env.unwrapped.desc))
    return (
        f"The taxi is in row {row + 1}, column {column + 1}. The passenger is {where} and wants to {stops[goal]}. "
        f"The town (| is a wall):\n{rows}"
    )


TABLE = {
    "CartPole": Known(
        ("push left", "push right"), ("cart position", "cart velocity", "pole angle", "pole angular velocity"), True
    ),
    "MountainCar": Known(("left", "no push", "right"), ("position", "velocity"), True),
    "Acrobot": Known(
        ("torque -1", "torque 0", "torque 1"),
        ("cos angle 1", "sin angle 1", "cos angle 2", "sin angle 2", "angular velocity 1", "angular velocity 2"),
        True,
    ),
    "LunarLander": Known(
        ("nothing", "left engine", "main engine", "right engine"),
        ("x", "y", "x velocity", "y velocity", "angle", "angular velocity", "left leg touches", "right leg touches"),
        True,
    ),
    "FrozenLake": Known(("left", "down", "right", "up"), open=True, words=_lake),
    "FrozenLake8x8": Known(("left", "down", "right", "up"), open=True, words=_lake),
    "CliffWalking": Known(("up", "right", "down", "left"), open=True, words=_cliff),
    "CliffWalkingSlippery": Known(("up", "right", "down", "left"), open=True, words=_cliff),
    "Taxi": Known(("south", "north", "east", "west", "pick up", "drop off"), open=True, words=_taxi),
    "Blackjack": Known(("stick", "hit"), ("your sum", "the dealer's card", "you have a usable ace")),
}
