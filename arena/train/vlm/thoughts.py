"""Whether thoughts stay true while a model is trained: rewards of actions alone let them collapse into templates.

Such a thought is sentences on the state, then a plan, as games' teachers write it: "Pit ahead, 2 tiles. Jump.". What is
true of a turn is told by the game's facts (Row.state), which the model is not shown in these words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arena.prompts import MARK
from arena.train.vlm.rows import Row, Tokens

Say = Callable[[Mapping[str, str], str], str]
# say(facts, answer): the true thought of a state, e.g. arena_games.lanes.thoughts.thought of sidescroller, mario, race


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Counts over the turns whose facts are known."""

    turns: int
    made: int  # statements on the state that were written
    true: int  # of them
    due: int  # statements that the true thoughts hold
    told: int  # of them those that were written
    distinct: int  # thoughts, word for word

    def metrics(self) -> dict[str, float]:
        """Shares, 0 where there is nothing to share: of statements that are true, of true ones that are told, of
        thoughts that are distinct, of turns."""
        return {
            "thought/true": self.true / self.made if self.made else 0.0,
            "thought/told": self.told / self.due if self.due else 0.0,
            "thought/distinct": self.distinct / self.turns if self.turns else 0.0,
        }


def score(rows: Sequence[Row], tokens: Tokens, say: Say) -> Truth:
    """Compares what rows say of their states with what is true of them. Rows without facts or response are left out."""
    turns = made = true = due = told = 0
    thoughts = set()
    for row in rows:
        if row.state is None or not len(row.response):
            continue
        written, _, answer = tokens.text(row.response.tolist()).rpartition(MARK)
        here, there = statements(written), statements(say(row.state, answer.strip()))
        right = sum(one in there for one in here)
        turns, made, true = turns + 1, made + len(here), true + right
        due, told = due + len(there), told + sum(one in here for one in there)
        thoughts.add(written.strip())
    return Truth(turns=turns, made=made, true=true, due=due, told=told, distinct=len(thoughts))


def statements(thought: str) -> list[str]:
    """The sentences of a thought but for the last, its plan."""
    return [one for one in re.split(r"(?<=[.!?])\s+", thought.strip()) if one][:-1]
