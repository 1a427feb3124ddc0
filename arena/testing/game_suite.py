"""The conformance suite of games. A game is tested by overriding one method:

    class TestMine(GameSuite):
        def game(self, seats, options):
            return Mine(seats, options)

Every test plays random matches from fixed seeds. Class attributes say how much.
For full messages call `pytest.register_assert_rewrite("arena.testing")` in your conftest.py.

Hidden information. A game in which seats know different things should have the method

    reshuffle_hidden(seat: int, chance: numpy.random.Generator) -> Game

It returns an independent copy of the game in which everything that `seat` may not know (cards in other hands, the
order of the cards still to come, in finished hands too) is dealt anew from `chance`, while what the seat knows and
every action taken are as they are. The suite then checks that the seat observes exactly the same in the copy, in
every view, and that at least one such copy really is another state. `games.spiel.SpielGame` has it for every
game that says which cards a seat knows. A game without the method is not tested for leaks, and the report says so.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from arena import plugins
from arena.canonical import generator, key
from arena.testing.playing import every_view, filled, seed
from arena.testing.rules import Rules
from arena.testing.shown import Shown


class GameSuite(Rules, Shown):
    """Tests that every game passes. Override `game`; `arena.testing.hooks.Hooks` says what else can be set."""

    def test_the_card_says_what_the_spec_says(self) -> None:
        for game in self.games():
            card, spec = game.card(), game.spec
            assert (card.game, card.version, card.seats) == (spec.id, spec.version, game.seats)
            assert (card.actions, card.unit, card.vector_shape) == (spec.actions.names, spec.unit, spec.vector_shape)
            assert card.rules.strip()
            assert card.answer_format.strip()
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(card), type=type(card)) == card
            game.reset(seed(1))
            assert game.card() == card

    def test_wrong_seats_and_options_are_refused(self) -> None:
        low, high = self.spec().seats
        for seats in (low - 1, high + 1):
            with pytest.raises(ValueError):  # noqa: PT011 - any message
                self.game(seats, {})
        with pytest.raises(ValueError, match="no option"):
            self.game(low, {"no such option": 1})

    def test_the_baseline_gives_legal_actions(self) -> None:
        for moment in self.moments():
            game = moment.game
            if game.spec.baseline is None:
                pytest.skip(f"{game.spec.id} has no baseline")
            choose = plugins.resolve(game.spec.baseline)
            for seat in moment.result.due:
                observation = game.observe(seat, every_view(game.spec, image=False))
                action = choose(observation, game.card(), generator(key("testing baseline")))
                assert action in observation.legal

    def test_the_teacher_gives_lessons_that_can_be_used(self) -> None:
        target = self.game(self.spec().seats[0], {}).teacher
        if target is None:
            pytest.skip("the game has no teacher")
        lessons = plugins.resolve(target)
        chance = generator(key("testing lessons"))
        seen: list[Any] = []
        while len(seen) < self.lessons:
            seen += lessons(chance)
        for lesson in seen:
            answer = lesson.card.actions.index(lesson.answer)
            assert answer in lesson.observation.legal
            assert lesson.observation.image.shape == (128, 128, 3)
            assert lesson.thought.strip()
            assert filled(lesson.card.prompts["short"], lesson.observation, lesson.card.actions)
