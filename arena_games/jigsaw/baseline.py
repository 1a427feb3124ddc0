"""The baseline `scripted`: puts together what fits best at the edges."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from arena.game import GameCard, Observation
from arena_games.jigsaw.cutting import Table
from arena_games.jigsaw.levels import TURNS

WIDTH = 100  # beginnings that are kept from place to place
Cost = Callable[[list[int], int], int]  # of an answer for the next place, after those before it


def choose(observation: Observation, card: GameCard, chance: np.random.Generator) -> int | str:
    """The next piece, or turn, or the patch, of what fits best; all of them where that is asked for."""
    if observation.facts is None:
        raise ValueError("jigsaw's baseline reads the facts of the text view, but none came")
    if observation.free_text:
        return whole(observation.facts)
    return advised(observation.facts)


def advised(facts: Mapping[str, str]) -> int:
    """The action of what fits best."""
    if "fits" in facts:
        totals = [
            sum(int(word.split(" ")[1]) for word in row.split(": ")[1].split(", ")) for row in facts["fits"].split("\n")
        ]
        return totals.index(min(totals))
    place = int(facts["next"]) - 1
    return _order(facts, place)[place] if "right" in facts else _turns(facts, place)[place]


def whole(facts: Mapping[str, str]) -> str:
    """For each piece as it lies, where it belongs or by how much to turn it, as `@answer=whole` asks for it."""
    if "right" not in facts:
        return " ".join(TURNS[turn] for turn in _turns(facts, 0))
    order = _order(facts, 0)
    return " ".join(str(order.index(piece) + 1) for piece in range(len(order)))


def _order(facts: Mapping[str, str], done: int) -> list[int]:
    """For each place the piece, by where it lies now, of the best order in which the first `done` stay."""
    columns = int(facts["columns"])
    right, below = table(facts["right"]).tolist(), table(facts["below"]).tolist()
    number = len(right)

    def cost(before: list[int], piece: int) -> int:
        place = len(before)
        left = right[before[-1]][piece] if place % columns else 0
        return left + (below[before[-columns]][piece] if place >= columns else 0)

    return _beam(number, range(number), list(range(done)), cost, once=True)


def _turns(facts: Mapping[str, str], done: int) -> list[int]:
    """For each place the quarter turns that fit best, the first `done` as they are."""
    number = int(facts["rows"]) * int(facts["columns"])
    if number == 1:
        # Scenes are dark at the top, where the floor is far away, and light at the bottom.
        lights = [int(word.split(" ")[1]) for word in facts["sides"].split(", ")]
        rise = [lights[(top + 2) % 4] - lights[top] for top in range(4)]
        return [-rise.index(max(rise)) % 4]
    joins: dict[int, list[tuple[int, list[list[int]]]]] = {}
    for line in facts["joins"].split("\n"):
        head, values = line.split(": ")
        one, _, other = head.split(" ")
        numbers = np.array(values.split(" "), np.int64).reshape(4, 4).tolist()
        joins.setdefault(int(other) - 1, []).append((int(one) - 1, numbers))

    def cost(before: list[int], turn: int) -> int:
        return sum(numbers[before[one]][turn] for one, numbers in joins.get(len(before), []))

    return _beam(number, range(len(TURNS)), [0] * done, cost, once=False)


def _beam(number: int, answers: Sequence[int], begun: list[int], cost: Cost, *, once: bool) -> list[int]:
    """The answers for all places of the least cost, by a beam search. `once`: an answer is used once."""
    beam: list[tuple[int, list[int]]] = [(0, begun)]
    for _ in range(number - len(begun)):
        longer = [
            (total + cost(before, one), [*before, one])
            for (total, before), one in itertools.product(beam, answers)
            if not once or one not in before
        ]
        beam = sorted(longer)[:WIDTH]
    return beam[0][1]


def table(words: str) -> Table:
    """int64 (n, n) of a fact; 0 where none stands."""
    rows = [row.split(": ")[1].split(" ") for row in words.split("\n")]
    return np.array([[0 if word == "-" else int(word) for word in row] for row in rows])
