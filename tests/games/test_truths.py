"""What games say is true of a moment, in their teacher's words, and what they know to be the best answer to it."""

from __future__ import annotations

import itertools
from functools import cache

import pytest

from arena import plugins
from arena.canonical import generator, key
from arena.game import Game
from arena.testing.playing import every_view, played
from arena.train.vlm.thoughts import kind_of, statements

LESSONS = 24
KINDS = 8  # most of them that a game has: each is a metric of a training


@cache
def classes(what: str) -> tuple[type[Game], ...]:
    """The games that run here and have a `truth` or a `solver`."""
    found = (plugins.game_plugin(name) for name in plugins.names("game"))
    there = [one for one in found if isinstance(one, type) and issubclass(one, Game)]
    return tuple(one for one in there if getattr(one, what) is not None and one.runtime is None)


def named(game: type[Game]) -> str:
    return game.spec.id


def moments(game: type[Game], matches: int = 3):
    """The facts of seats that are due, in matches by chance."""
    for number in range(matches):
        for moment in played(game(game.spec.seats[0], {}), number, 30):
            for seat in moment.result.due:
                seen = moment.game.observe(seat, every_view(game.spec, image=False))
                yield moment.game, seen


def test_these_know_what_is_true_and_what_is_best():
    solved = {"blackjack", "ezpoints", "maze", "numberline", "points24"}
    assert {named(game) for game in classes("solver")} == solved
    assert {named(game) for game in classes("truth")} == solved | {"jigsaw", "race", "sidescroller"}


@pytest.mark.parametrize("game", classes("truth"), ids=named)
def test_what_is_true_is_what_the_teacher_says_word_for_word(game):
    say, chance = plugins.resolve(game.truth), generator(key("truths", game.spec.id))
    teach = plugins.resolve(game.teacher)
    lessons = itertools.islice(itertools.chain.from_iterable(teach(chance) for _ in itertools.count()), LESSONS)
    for lesson in lessons:
        assert say(lesson.observation.facts, lesson.answer) == lesson.thought


@pytest.mark.parametrize("game", classes("truth"), ids=named)
def test_statements_are_true_whatever_is_answered_and_are_of_few_kinds(game):
    say, kinds = plugins.resolve(game.truth), set()
    for _, seen in moments(game):
        told = [statements(say(seen.facts, answer)) for answer in ("", "no answer", *game.spec.actions.names[:2])]
        assert told[0], f"nothing is stated of {seen.facts}"
        assert all(one == told[0] for one in told)
        kinds |= {*map(kind_of, told[0])}
    assert "" not in kinds
    assert len(kinds) <= KINDS, kinds


@pytest.mark.parametrize("game", classes("solver"), ids=named)
def test_the_solver_answers_as_the_baseline_does(game):
    solve, choose = plugins.resolve(game.solver), plugins.resolve(game.spec.baseline)
    names = game.spec.actions.names
    for now, seen in moments(game):
        best = solve(seen.facts)
        # Where nothing leads on, it knows none: that is a formula that nothing makes right, which the baseline ends.
        action = names.index("=" if best is None else best)
        assert action in seen.legal
        assert choose(seen, now.card(), generator(key("solver"))) == action
