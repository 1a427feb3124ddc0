"""A person plays who is the spy at the page, in chromium: a statement, a clue in words, a vote."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from arena.game import Move, Views
from arena.operator import OpenSeat, Request
from arena.testing.playing import seed
from arena_games.spy.rules import Spy
from tests.operators.browser_kit import READY, Stage, Test, in_browser

VIEWS = Views(image=(512, 512), text=True)
SEAT = 1


@pytest.mark.browser
@in_browser[1]
def test_a_person_picks_a_statement_then_gives_a_clue_in_words_and_votes(
    stage_runner: Callable[[Test], None],
) -> None:
    game = Spy(4, {"spy_votes": True})
    game.reset(seed(0))

    async def test(stage: Stage) -> None:
        names = ("vlm", "human", "ppo", "scripted")
        opened = OpenSeat(
            match=1, seat=SEAT, operator="human", card=game.card(), views=VIEWS, seed=bytes(16), seats=names
        )
        stage.operator.open([opened])
        page = await stage.page()
        for number in range(3):
            while game.due != (SEAT,) and not game.voting:
                game.step({game.due[0]: Move(None, "a red <b>cube</b>")})
            seen = game.observe(SEAT, VIEWS)
            asked = stage.ask(Request(number, 1, SEAT, len(game.clues), seen))
            await page.wait_for_selector(READY)
            await page.wait_for_function("() => document.querySelector('#picture').naturalWidth === 512")
            if number == 0:
                statement = game.spec.actions.names[seen.legal[2]]
                await page.get_by_role("button", name=statement, exact=False).first.click()
                assert (await asked).answer == seen.legal[2]
                await page.locator("#heard li.you", has_text=statement).wait_for()
                game.step({SEAT: Move(seen.legal[2])})
            elif number == 1:
                assert "a red <b>cube</b>" in await page.text_content("#heard")
                await page.fill("#say", "all of them shine")
                await page.press("#say", "Enter")
                assert (await asked).answer == "all of them shine"
                game.step({SEAT: Move(None, "all of them shine")})
            else:
                assert await page.is_hidden("#talk")
                await page.get_by_role("button", name="vote for seat 3").click()
                assert game.spec.actions.names[(await asked).answer] == "seat 3"

    stage_runner(test)
