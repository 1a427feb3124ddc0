"""Conformance of a game's views: shapes, copies, redraws, facts, prompts, and no hidden information."""

from __future__ import annotations

from itertools import islice

import msgspec
import numpy as np
import pytest

from arena.canonical import generator, hash_array, key
from arena.game import Views
from arena.prompts import EARLIER, fill
from arena.testing.hooks import Hooks
from arena.testing.playing import NOTHING, every_view, hashes, parted, played, seed


class Shown(Hooks):
    """Tests of what seats and spectators see."""

    def test_views_are_as_declared(self) -> None:
        """Every view matches the GameSpec.

        Repair: give uint8 (height, width, 3) for image_sizes, finite float32 of vector_shape (uint8 where there is
        a vector_scale), or leave the view out of the GameSpec.
        """
        for game in self.games():
            for moment in islice(played(game, 0, self.ticks), 4):
                for seat in range(game.seats):
                    for size in game.spec.image_sizes:
                        image = moment.game.observe(seat, Views(image=size)).image
                        assert image is not None, f"seat {seat} is given no image of {size}, which is declared"
                        assert (str(image.dtype), image.shape) == ("uint8", (*size, 3))
                    if game.spec.vector_shape is not None:
                        vector = moment.game.observe(seat, Views(vector=True)).vector
                        assert vector is not None, f"seat {seat} is given no vector, which is declared"
                        kind = "float32" if game.spec.vector_scale is None else "uint8"
                        assert (str(vector.dtype), vector.shape) == (kind, game.spec.vector_shape)
                        assert np.isfinite(vector).all()
                frame = moment.game.draw(120, 200)
                assert (str(frame.dtype), frame.shape) == ("uint8", (120, 200, 3))

    def test_the_vector_has_one_width_whatever_the_seats(self) -> None:
        """The vector has one width whatever the number of seats.

        Repair: make it wide enough for the most seats and leave the rest zero.
        """
        shapes = {game.seats: game.spec.vector_shape for game in self.games()}
        if not any(shapes.values()):
            pytest.skip("it has no vector view: trained policies such as ppo cannot play it")
        assert len(set(shapes.values())) == 1, f"vector_shape by the number of seats: {shapes}"

    def test_only_the_agreed_views_are_given(self) -> None:
        """Only the views that were agreed are given.

        Repair: let observe fill image, vector, text and facts only if views.image, views.vector, views.text
        ask for them.
        """
        for game in self.games():
            game.reset(seed(0))
            nothing = game.observe(0, NOTHING)
            given = [name for name in ("image", "vector", "text", "facts") if getattr(nothing, name) is not None]
            assert not given, f"nobody asked for {', '.join(given)}"

    def test_facts_are_text_and_fill_every_prompt(self) -> None:
        """Facts are text and fill every prompt.

        Repair: make every fact a str; a prompt's {name} must be a fact, {text}, {legal}, {heard}, {rules},
        {answer_format} or {layout}; write {{ and }} for braces.
        """
        for moment in self.moments():
            game = moment.game
            if not game.spec.text:
                pytest.skip("it has no text view: people at a terminal and language models cannot play it")
            card = game.card()
            for seat in range(game.seats):
                observation = game.observe(seat, Views(text=True))
                assert isinstance(observation.text, str), f"the text view is {observation.text!r}"
                for name, fact in (observation.facts or {}).items():
                    assert isinstance(fact, str), f"fact {name} is {fact!r}, not a string"
                for name in card.prompts:
                    assert fill(card, observation, name).strip(), f"prompt {name} is empty"

    def test_short_prompts_are_short(self) -> None:
        """The short prompt is short.

        Players' words (`heard`, and the fact `earlier`) do not count.

        Repair: shorten prompts["short"] to 60 words: small models see the picture.
        """
        for moment in self.moments():
            if "short" not in moment.game.card().prompts:
                pytest.skip("it has no short prompt: only small models that see the picture need one")
            for seat in moment.result.due:
                observation = moment.game.observe(seat, Views(text=True))
                facts = {**(observation.facts or {}), EARLIER: ""}
                alone = msgspec.structs.replace(observation, heard=(), facts=facts, free_text=0, table_talk=0)
                prompt = fill(moment.game.card(), alone, "short")
                assert len(prompt.split()) <= 60, (
                    f"{len(prompt.split())} words are too many for a small model: {prompt}"
                )

    def test_drawing_again_gives_the_same(self) -> None:
        """Looking or drawing again gives the same.

        Repair: let observe and draw depend on the state only: no counters, no chance, no time.
        """
        for moment in self.moments():
            views = every_view(moment.game.spec)
            assert hashes(moment.game, views) == hashes(moment.game, views), "a second look shows something else"
            if not moment.moves:
                first, second = (hash_array(moment.game.draw(96, 128)) for _ in range(2))
                assert first == second, "draw gives another picture the second time"

    def test_views_are_copies(self) -> None:
        """Views are copies.

        Scribbling over what was given changes nothing, and what was given does not change as the match goes
        on.

        Repair: return a new array from observe each time (np.array(...) or .copy()), never one that the
        game keeps.
        """
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
                    assert again.hashes() == before, "writing into what observe gave changes what it gives next"
                    kept.append((again, before))
            unchanged = all(observation.hashes() == before for observation, before in kept)
            assert unchanged, "what observe gave earlier changes as the match goes on"

    def test_looking_changes_nothing(self) -> None:
        """Looking changes nothing.

        Repair: let observe and draw change no attribute and draw nothing from the game's generator.
        """
        for watched, unwatched in zip(self.games(), self.games(), strict=True):
            plain = [moment.result for moment in played(unwatched, 0, self.ticks)]
            seen = []
            for moment in played(watched, 0, self.ticks):
                hashes(watched, every_view(watched.spec))
                watched.draw(96, 128)
                seen.append(moment.result)
            assert not parted(plain, seen), f"unwatched and watched: {parted(plain, seen)}"

    def test_a_seat_sees_nothing_of_what_it_may_not_know(self) -> None:
        """A seat sees nothing of what it may not know.

        Repair: leave out of each view, and of legal, whatever that seat may not know.
        """
        for game in self.games():
            reshuffle = getattr(game, "reshuffle_hidden", None)
            if game.spec.perfect_information:
                pytest.skip("it hides nothing (perfect_information=True)")
            if reshuffle is None:
                pytest.skip(
                    "nobody looked for leaks: it has no reshuffle_hidden(seat, chance). Write it "
                    "(docs/writing-a-game.md shows one), or declare perfect_information=True if nothing is hidden"
                )
            views, others = every_view(game.spec), False
            chance = generator(key("testing hidden"))
            for number in range(self.matches):
                for _ in played(game, number, self.ticks):
                    for seat in range(game.seats):
                        copy = reshuffle(seat, chance)
                        mine, theirs = game.observe(seat, views), copy.observe(seat, views)
                        assert mine.legal == theirs.legal, f"what seat {seat} may do tells what it may not know"
                        assert mine.hashes() == theirs.hashes(), f"seat {seat} sees what it may not know"
                        others = others or hashes(copy, views) != hashes(game, views)
            assert others, "reshuffle_hidden never changed what anybody sees: it tests nothing"
