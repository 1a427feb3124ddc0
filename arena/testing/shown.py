"""Conformance of what a game shows: shapes, copies, redraws, facts, prompts, and nothing that is hidden."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from arena.canonical import generator, hash_array, key
from arena.game import Views
from arena.testing.hooks import Hooks
from arena.testing.playing import NOTHING, every_view, filled, hashes, played, seed


class Shown(Hooks):
    """What seats and spectators see."""

    def test_views_are_as_declared(self) -> None:
        for game in self.games():
            for moment in islice(played(game, 0, self.ticks), 4):
                for seat in range(game.seats):
                    for size in game.spec.image_sizes:
                        image = moment.game.observe(seat, Views(image=size)).image
                        assert image is not None
                        assert (str(image.dtype), image.shape) == ("uint8", (*size, 3))
                    if game.spec.vector_shape is not None:
                        vector = moment.game.observe(seat, Views(vector=True)).vector
                        assert vector is not None
                        assert (str(vector.dtype), vector.shape) == ("float32", game.spec.vector_shape)
                        assert np.isfinite(vector).all()
                frame = moment.game.draw(120, 200)
                assert (str(frame.dtype), frame.shape) == ("uint8", (120, 200, 3))

    def test_the_vector_has_one_width_whatever_the_seats(self) -> None:
        assert len({game.spec.vector_shape for game in self.games()}) == 1

    def test_only_the_agreed_views_are_given(self) -> None:
        for game in self.games():
            game.reset(seed(0))
            nothing = game.observe(0, NOTHING)
            assert (nothing.image, nothing.vector, nothing.text, nothing.facts) == (None, None, None, None)

    def test_facts_are_text_and_fill_every_prompt(self) -> None:
        for moment in self.moments():
            game = moment.game
            if not game.spec.text:
                pytest.skip(f"{game.spec.id} has no text view")
            card = game.card()
            for seat in range(game.seats):
                observation = game.observe(seat, Views(text=True))
                assert isinstance(observation.text, str)
                for name, fact in (observation.facts or {}).items():
                    assert isinstance(fact, str), f"fact {name} is {fact!r}, not a string"
                for name, template in card.prompts.items():
                    assert filled(template, observation, card.actions).strip(), f"prompt {name} is empty"

    def test_short_prompts_are_short(self) -> None:
        for moment in self.moments():
            template = moment.game.card().prompts.get("short")
            if template is None:
                pytest.skip("the game has no short prompt")
            for seat in moment.result.due:
                observation = moment.game.observe(seat, Views(text=True))
                prompt = filled(template, observation, moment.game.card().actions)
                assert len(prompt.split()) <= 60, (
                    f"{len(prompt.split())} words are too many for a small model: {prompt}"
                )

    def test_drawing_again_gives_the_same(self) -> None:
        for moment in self.moments():
            views = every_view(moment.game.spec)
            assert hashes(moment.game, views) == hashes(moment.game, views)
            if not moment.actions:
                assert hash_array(moment.game.draw(96, 128)) == hash_array(moment.game.draw(96, 128))

    def test_views_are_copies(self) -> None:
        """Scribbling over what was given changes nothing, and what was given does not change as the match goes on."""
        for game in self.games():
            views = every_view(game.spec)
            kept = []
            for moment in islice(played(game, 0, self.ticks), 6):
                for seat in range(game.seats):
                    given = moment.game.observe(seat, views)
                    before = given.hashes()
                    for array in (given.image, given.vector):
                        if array is not None and array.flags.writeable:
                            array += 1
                    again = moment.game.observe(seat, views)
                    assert again.hashes() == before
                    kept.append((again, before))
            assert all(observation.hashes() == before for observation, before in kept)

    def test_looking_changes_nothing(self) -> None:
        for watched, unwatched in zip(self.games(), self.games(), strict=True):
            plain = [moment.result for moment in played(unwatched, 0, self.ticks)]
            seen = []
            for moment in played(watched, 0, self.ticks):
                hashes(watched, every_view(watched.spec))
                watched.draw(96, 128)
                seen.append(moment.result)
            assert seen == plain

    def test_a_seat_sees_nothing_of_what_it_may_not_know(self) -> None:
        for game in self.games():
            reshuffle = getattr(game, "reshuffle_hidden", None)
            if game.spec.perfect_information:
                pytest.skip(f"{game.spec.id} hides nothing")
            if reshuffle is None:
                pytest.skip(f"{game.spec.id} has no reshuffle_hidden: nobody looked for leaks")
            views, others = every_view(game.spec), False
            chance = generator(key("testing hidden"))
            for number in range(self.matches):
                for _ in played(game, number, self.ticks):
                    for seat in range(game.seats):
                        copy = reshuffle(seat, chance)
                        mine, theirs = game.observe(seat, views), copy.observe(seat, views)
                        assert mine.legal == theirs.legal
                        assert mine.hashes() == theirs.hashes(), f"seat {seat} sees what it may not know"
                        others = others or hashes(copy, views) != hashes(game, views)
            assert others, "reshuffle_hidden never changed what anybody sees: it tests nothing"
