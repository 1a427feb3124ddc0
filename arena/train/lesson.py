"""Lessons: a teacher's decisions, as training data for a model. A recipe mixes the lessons of several games."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena.game import GameCard, Observation


@dataclass(frozen=True, slots=True)
class Lesson:
    """One decision of a teacher, in the form in which a model is asked."""

    card: GameCard
    observation: Observation  # image at 128x128 and text (its facts fill the card's prompt templates)
    thought: str  # short and true: what the picture shows, then the conclusion
    answer: str  # an action's name
    shown: str = ""  # what else the picture shows: learned after the end of the answer, so never written in play
    decides: bool = False  # whether no other answer would do; many moments forgive, and a student learns little there


Teacher = Callable[[np.random.Generator], Iterator[Lesson]]
# teacher(generator) plays one match (deals, stacks, seats, opponents come from the generator) and yields its lessons


@dataclass(frozen=True, slots=True)
class Went:
    """A recorded match, which a corrector plays again."""

    options: Mapping[str, Any]  # the game's
    seats: int
    seed: bytes
    ticks: Sequence[Mapping[int, int]]  # of each tick the actions of those who acted, by seat
    corrected: Collection[int]  # the seats that are


Corrector = Callable[[Went], Iterator[Lesson]]
# corrector(went) yields what the teacher would have done wherever the seats `went.corrected` acted. It is the function
# `visited` beside the teacher; few games have one

Truth = Callable[[Mapping[str, str], str], str]
# truth(facts of an observation, answer) -> the thought that the teacher would write before this answer: sentences on
# what is there, then the plan

Solver = Callable[[Mapping[str, str]], str | None]
# solver(facts of an observation) -> the name of an action that none is better than, as the teacher would answer; None
# where nothing leads anywhere any more: of such a moment no plan is taught
