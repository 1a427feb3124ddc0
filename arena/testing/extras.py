"""Conformance of a game's optional parts besides its rules. A missing part is reported as not tested."""

from __future__ import annotations

from typing import Any

import pytest

from arena import commands, plain, plugins
from arena.canonical import generator, key
from arena.errors import RecordError
from arena.game import Game
from arena.prompts import fill
from arena.testing import golden
from arena.testing.hooks import Hooks
from arena.testing.playing import every_view


class Extras(Hooks):
    """Tests of baseline, prompts, drawing, golden playthroughs and teacher."""

    def test_the_baseline_gives_legal_actions(self) -> None:
        """The baseline, which `scripted` plays, gives legal actions.

        Repair: return one of observation.legal from the function that GameSpec.baseline names, or, where words are
        accepted, 1 to observation.free_text characters.
        """
        for moment in self.moments():
            game = moment.game
            if game.spec.baseline is None:
                pytest.skip(
                    "it has no baseline, so `scripted` cannot play it. To have one: write "
                    'choose(observation, card, chance) and set baseline=f"{__file__}:choose" in the GameSpec'
                )
            choose = plugins.resolve(game.spec.baseline)
            for seat in moment.result.due:
                observation = game.observe(seat, every_view(game.spec, image=False))
                answer = choose(observation, game.card(), generator(key("testing baseline")))
                words = isinstance(answer, str) and 0 < len(answer) <= observation.free_text
                legal = f"legal are {observation.legal}, and {observation.free_text} characters"
                assert words or answer in observation.legal, f"the baseline gives {answer!r}; {legal}"

    def test_it_has_prompts_of_its_own(self) -> None:
        """Models are asked in the game's own prompts.

        Repair: give make_card a "full" prompt (for any model) and a "short" one (for small ones that see a picture).
        """
        for game in self.games():
            card = game.card()
            if not card.prompts:
                pytest.skip("it has no prompts, so language models cannot play it: give make_card a 'full' prompt")
            if card.prompts.get("full") == plain.PROMPT:
                pytest.skip(
                    "it has no prompts of its own: models are asked in a generic one, made of the rules, the text view "
                    "and the legal actions. To have some: make_card(rules, answer_format, {'full': ..., 'short': ...})"
                )
            for name, prompt in card.prompts.items():
                assert prompt.strip(), f"the prompt {name!r} is empty"

    def test_it_has_a_drawing_of_its_own(self) -> None:
        """Spectators are shown the game's own drawing.

        Repair: let draw(height, width) give a uint8 array (height, width, 3) at any size.
        """
        for game in self.games():
            if type(game).draw is Game.draw:
                pytest.skip(
                    "it has no drawing of its own: spectators and `arena replay --frames` are shown every seat's text "
                    "view on a plain sheet. To have one: write draw(height, width)"
                )
            game.reset(bytes(16))
            for size in ((96, 128), (240, 320)):
                assert game.draw(*size).shape == (*size, 3)

    def test_golden_playthroughs_are_as_they_were(self) -> None:
        """Golden playthroughs are as they were.

        Repair: undo the change, or raise the version in the GameSpec and write them anew with
        python -m arena.testing.golden NAME. If only pictures differ, another drawing library may be installed.
        """
        game = self.game(self.spec().seats[0], {})
        try:
            there = golden.path(type(game)).is_file()
        except RecordError:
            there = False
        if not there:
            pytest.skip(
                "it has no golden playthroughs, so nobody notices when its rules change. Worth having once others "
                f"rely on it: {commands.python('-m', 'arena.testing.golden', self.name or game.spec.id)}"
            )
        found = [str(mismatch) for mismatch in golden.check(type(game))]
        assert not found, found[0]

    def test_the_teacher_gives_lessons_that_can_be_used(self) -> None:
        """The teacher gives lessons that a model can be trained on.

        Repair: see arena/train/lesson.py: a 128x128 picture, a thought, a legal action's name, facts that fill the
        short prompt.
        """
        target = self.game(self.spec().seats[0], {}).teacher
        if target is None:
            pytest.skip("it has no teacher: only needed to train a model on it (arena/train/lesson.py)")
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
            assert fill(lesson.card, lesson.observation, "short")
