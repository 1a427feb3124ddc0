"""Lessons: a teacher's decisions, as training data for a model. A recipe mixes the lessons of several games."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

Corrector = Callable[[Mapping[str, Any], bytes, Sequence[int]], Iterator[Lesson]]
# corrector(options, seed, actions) plays a recorded match again, in which every seat acted in every tick (`actions` by
# tick, then by seat), and yields what the teacher would have done wherever it went. It is the function `visited` beside
# the teacher; few games have one

Truth = Callable[[Mapping[str, str], str], str]
# truth(facts of an observation, answer) -> the thought that the teacher would write before this answer: sentences on
# what is there, then the plan

Solver = Callable[[Mapping[str, str]], str | None]
# solver(facts of an observation) -> the name of an action that none is better than, as the teacher would answer; None
# where nothing leads anywhere any more: of such a moment no plan is taught
