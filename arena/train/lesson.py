"""Lessons: what a teacher shows a model at one decision. A recipe mixes the lessons of several games."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from arena.game import GameCard, Observation


@dataclass(frozen=True, slots=True)
class Lesson:
    """One decision of a teacher, as a model would have met it."""

    card: GameCard
    observation: Observation  # image at 128x128 and text (its facts fill the card's prompt templates)
    thought: str  # short and true: what is seen in the picture, then what follows from it
    answer: str  # an action's name


Teacher = Callable[[np.random.Generator], Iterator[Lesson]]
# teacher(generator) plays one match (deals, stacks, seats, opponents come from the generator) and yields its lessons
