"""The sidescroller with another teacher: it runs until it must jump, where the one that ships jumps wherever it may.

scripts/nano/teachers.py compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from arena.train.lesson import Lesson
from arena_games.sidescroller import teacher
from arena_games.sidescroller.rules import Sidescroller


class Cautious(Sidescroller):
    """The same game."""

    teacher = f"{__file__}:lessons"


def lessons(chance: np.random.Generator) -> Iterator[Lesson]:
    """As those of the teacher that ships, but for what it does where running and jumping are equally good."""
    return teacher.lessons(chance, lambda advice: advice.best)
