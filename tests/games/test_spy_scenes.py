"""Scenes and their twins: what is declared is what differs, in the graphs and in the pictures."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from arena_games.spy.pictures import scene as scenes
from arena_games.spy.pictures.scene import FEWEST, MOST, Edit, Scene, Thing, applied, edited, scene


def twins(seed: int) -> tuple[Scene, Scene, tuple[Edit, ...]]:
    """A scene, its twin and the declared edits."""
    chance = np.random.default_rng(seed)
    first = scene(chance)
    return first, *edited(first, chance)


def differences(first: Scene, second: Scene) -> set[tuple[str, Thing | None, Thing | None]]:
    """What differs between two scenes by their graphs alone: things are known by their places, moved ones by what they

    look like.
    """
    there, here = ({(one.x, one.y): one for one in graph.things} for graph in (first, second))
    lost = [one for place, one in there.items() if place not in here]
    new = [one for place, one in here.items() if place not in there]
    out: set[tuple[str, Thing | None, Thing | None]] = set()
    for place in there.keys() & here.keys():
        before, after = there[place], here[place]
        out |= {(f.name, before, after) for f in fields(Thing) if getattr(before, f.name) != getattr(after, f.name)}
    if lost and new:
        assert str(lost[0]) == str(new[0])
        return out | {("moved", lost[0], new[0])}
    return out | {("removed", one, None) for one in lost} | {("added", None, one) for one in new}


def test_a_twin_differs_in_exactly_the_declared_edits() -> None:
    kinds = set()
    for seed in range(1000):
        first, second, edits = twins(seed)
        assert 1 <= len(edits) <= 3
        assert differences(first, second) == {(edit.kind, edit.before, edit.after) for edit in edits}
        assert len(differences(first, second)) == len(edits)
        kinds |= {edit.kind for edit in edits}
    assert kinds == {kind for kind, _ in scenes.KINDS}


def test_the_edits_make_the_twin() -> None:
    for seed in range(200):
        first, second, edits = twins(seed)
        assert applied(first, edits) == second


@pytest.mark.parametrize("seed", range(3))
def test_things_keep_apart_and_are_as_many_as_asked(seed: int) -> None:
    for count in range(FEWEST, MOST + 1):
        chance = np.random.default_rng([seed, count])
        first = scene(chance, (count, count))
        second, _ = edited(first, chance)
        assert len(first.things) == count
        for graph in (first, second):
            assert FEWEST <= len(graph.things) <= MOST
            for at, one in enumerate(graph.things):
                for other in graph.things[:at]:
                    assert np.hypot(*(np.subtract((one.x, one.y), (other.x, other.y)) * scenes.FLOOR)) >= (
                        one.radius + other.radius + scenes.GAP
                    )


@pytest.mark.parametrize("count", [(2, 4), (5, 4), (3, 9)])
def test_a_count_that_cannot_be_is_refused(count: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="expected two numbers from 3 to 8"):
        scene(np.random.default_rng(0), count)
