"""A person plays each puzzle to its end at the page, in chromium: by its buttons, and in words where it takes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from arena import names, plugins
from arena.game import Views
from arena.operator import OpenSeat, Request
from arena.testing.playing import seed
from tests.operators.browser_kit import READY, Stage, Test, in_browser

VIEWS = Views(image=(512, 512), text=True)
SOLVED = {"numberline": 1.0, "points24@solvable=only": 10.0, "blackjack": None}  # chance decides in the last
SOLVED |= dict.fromkeys(("maze@difficulty=1", "maze@answer=way", "jigsaw", "jigsaw@kind=patch"), 1.0)


@pytest.mark.browser
@in_browser[1]
@pytest.mark.parametrize("puzzle", SOLVED)
def test_a_person_who_answers_as_scripted_does_solves_it(puzzle: str, stage_runner: Callable[[Test], None]) -> None:
    name = names.parse(puzzle)
    cls = plugins.game_class(name.base)
    game = cls(1, name.options)
    assert cls.spec.baseline is not None
    choose, card = plugins.resolve(cls.spec.baseline), game.card()

    async def test(stage: Stage) -> None:
        result, tick = game.reset(seed(0)), 0
        stage.operator.open([OpenSeat(match=1, seat=0, operator="human", card=card, views=VIEWS, seed=bytes(16))])
        page = await stage.page()
        while result.ended == "none":
            seen = game.observe(0, VIEWS)
            answer = choose(seen, card, np.random.default_rng(0))
            asked = stage.ask(Request(tick, 1, 0, tick, seen))
            await page.wait_for_selector(READY)
            await page.wait_for_function("() => document.querySelector('#picture').naturalWidth === 512")
            if isinstance(answer, str):
                await page.fill("#say", answer)
                await page.press("#say", "Enter")
            else:
                await page.click(f"#buttons button[data-action='{answer}']")
            result, tick = game.step({0: game.parse(0, (await asked).answer)}), tick + 1
        solved = result.returns if SOLVED[puzzle] is None else (SOLVED[puzzle],)
        assert (result.ended, result.returns) == ("terminated", solved)

    stage_runner(test)
