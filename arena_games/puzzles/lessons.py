"""Lessons of a puzzle: what is best at every step, also after a step that was not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from arena.game import Move, Views
from arena.train.lesson import Lesson
from arena_games.puzzles.game import PuzzleGame

VIEW = Views(image=(128, 128), text=True)
Facts = Mapping[str, str]


def taught(
    game: PuzzleGame,
    chance: np.random.Generator,
    advise: Callable[[Facts], str],
    thought: Callable[[Facts, str], str],
    astray: float = 0.0,
) -> Iterator[Lesson]:
    """Plays one match of one seat and yields its lessons.

    `advise` gives the name of the best action, `thought` what to say before it. `astray`: the probability of a step by
    chance instead, so that what to do then is shown too.
    """
    result = game.reset(chance.bytes(16))
    card = game.card()
    while result.due:
        seen = game.observe(0, VIEW)
        assert seen.facts is not None
        answer = advise(seen.facts)
        yield Lesson(card, seen, thought(seen.facts, answer), answer)
        strays = chance.random() < astray
        result = game.step({0: Move(int(chance.choice(seen.legal)) if strays else card.actions.index(answer))})
