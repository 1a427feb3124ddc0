"""Names for the actions of an OpenSpiel game.

The engine words an action by the state it is taken in. A name must hold in every state, so some matches are played
(always the same ones): if no action was ever worded in two ways for one player, words become names, without what
only says whose action it is ("x(0,0)" and "o(0,0)" are both "(0,0)"). Else, as in chess, every action is called
`action 17`; the state's own words are listed in the text view, and taken as answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyspiel

from arena.canonical import generator, key
from arena_games.adapters.base import named

WORDS = 20_000  # most wordings that are looked at
MATCHES = 30  # most matches that are played for it
PLIES = 300  # most decisions of one match, so that one long match does not use up all words


def names(engine: pyspiel.Game) -> tuple[str, ...]:
    """One name for each action; names differ in more than letter case."""
    words = _look(engine)
    out: list[str | None] = [None] * engine.num_distinct_actions()
    if words is None:
        return named(out)
    heads = _heads(words)
    for player, mine in enumerate(words):
        for action, word in mine.items():
            bare = word.removeprefix(heads[player]).lstrip(" ])}:,.")
            out[action] = bare if out[action] in (None, bare) else ""
    return named(out)


def _look(engine: pyspiel.Game) -> list[dict[int, str]] | None:
    """Each player's words by action; None when an action was worded in two ways."""
    words: list[dict[int, str]] = [{} for _ in range(engine.num_players())]
    chance, left = generator(key("openspiel names")), WORDS
    for _ in range(MATCHES):
        state = engine.new_initial_state()
        for _ in range(PLIES):
            while state.is_chance_node():
                outcomes = state.chance_outcomes()
                state.apply_action(outcomes[int(chance.integers(len(outcomes)))][0])
            if state.is_terminal() or left <= 0:
                break
            actions = []
            for player in acting(state):
                legal = state.legal_actions(player)
                left -= len(legal)
                for action in legal:
                    word = state.action_to_string(player, action)
                    if words[player].setdefault(action, word) != word:
                        return None
                actions.append(_one(legal, chance))
            if state.is_simultaneous_node():
                state.apply_actions(actions)
            else:
                state.apply_action(actions[0])
    return words


def acting(state: pyspiel.State) -> Sequence[int]:
    """The players whose actions the state waits for."""
    return range(state.num_players()) if state.is_simultaneous_node() else (state.current_player(),)


def _one(legal: Sequence[int], chance: np.random.Generator) -> int:
    return legal[int(chance.integers(len(legal)))] if legal else 0


def _heads(words: Sequence[dict[int, str]]) -> list[str]:
    """The prefix of each player's words that only says who acts; "" where there is none."""
    heads: list[set[str]] = [set() for _ in words]
    for action in set.intersection(*(set(mine) for mine in words)):
        said = [mine[action] for mine in words]
        alike = [len(set(letters)) == 1 for letters in zip(*(word[::-1] for word in said), strict=False)]
        tail = alike.index(False) if False in alike else len(alike)
        for player, word in enumerate(said):
            heads[player].add(word[: len(word) - tail])
    return [next(iter(head)) if len(head) == 1 else "" for head in heads]
