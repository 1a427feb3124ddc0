"""What a person sees at the end of a hand, of a match and of the arena, in headless Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from arena.game import Observation
from arena.operator import SpectatorUpdate
from tests.operators.browser_kit import READY, Stage, Test, in_browser
from tests.operators.human_kit import outcome, picture, request, seat

pytestmark = in_browser


def update(match: int = 0, **facts: Any) -> SpectatorUpdate:
    seen = Observation((), text="Cards on the table: Qs Qd.", facts={"hand": "Kh 2c"}, image=picture(7))
    return SpectatorUpdate(match=match, tick=3, game="toy", seats=("vlm", "human"), seat=1, observation=seen, **facts)


async def standing(stage: Stage) -> Any:
    """A page whose time stands still, so that no pause ends by itself."""
    page = await stage.blank()
    await page.clock.install(time=0)
    await page.goto(stage.links[0])
    await page.wait_for_selector("#link[data-state=on]")
    await page.clock.pause_at(3_600_000)
    return page


@pytest.mark.parametrize("how", ["three seconds", "Enter", "Space", "click"])
def test_the_end_of_a_match_is_seen_before_the_next_begins(stage_runner: Callable[[Test], None], how: str) -> None:
    async def test(stage: Stage) -> None:
        page = await standing(stage)
        await stage.operator.watch(update(outcome=outcome(-3, 3)))
        stage.operator.end(0, 1, outcome(-3, 3))
        stage.operator.open([seat(1, 1)])
        asked = request(1, "the next match", match=1, budget=60)
        deciding, clock = stage.ask(asked), asyncio.ensure_future(stage.operator.seen(asked))
        await page.get_by_alt_text("Cards on the table: Qs Qd.").wait_for()
        await page.get_by_role("heading", name="You won: +3 chips").wait_for()
        await page.get_by_role("button", name="Next").wait_for()
        await page.keyboard.press("c")  # of the question that is not shown yet
        assert not deciding.done()
        assert not clock.done()
        if how == "click":
            await page.get_by_role("button", name="Next").click()
        elif how == "three seconds":
            await page.clock.run_for(3000)
        else:
            await page.keyboard.press(how)
        await page.locator("#words", has_text="the next match").wait_for()
        await clock
        await page.wait_for_selector(READY)
        await page.keyboard.press("c")
        assert (await deciding).answer == 1

    stage_runner(test)


def test_the_end_of_a_hand_is_seen_before_the_next_begins(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await standing(stage)
        first = stage.ask(request(1, "the first hand", facts={"hand_number": "1", "last_hand": "none"}))
        await page.wait_for_selector(READY)
        await page.keyboard.press("c")
        await first
        ended = "seat 0 shows Qs Qd, a pair; seat 0 takes 40 of 40"
        second = stage.ask(request(2, "the second hand", facts={"hand_number": "2", "last_hand": ended}))
        await page.get_by_role("heading", name="Hand 1 is over").wait_for()
        assert await page.inner_text("#words") == "the first hand"
        assert await page.is_visible("text=as you saw it last")
        assert await page.locator("#last li").all_text_contents() == [
            "seat 0 shows Q♠ Q♦, a pair",
            "seat 0 takes 40 of 40",
        ]
        await page.keyboard.press("Enter")
        await page.locator("#words", has_text="the second hand").wait_for()
        await page.clock.run_for(1000)
        await page.wait_for_selector(READY)
        await page.keyboard.press("c")
        await second

    stage_runner(test)


def test_a_run_that_is_stopped_is_said_to_be_stopped(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1))
        await page.wait_for_selector(READY)
        asked.cancel()
        await stage.operator.stop(False)
        await page.get_by_role("heading", name="The arena was stopped").wait_for()
        await page.get_by_text("This match was not finished").wait_for()
        assert await page.inner_text("#words") == "You hold Kh."

    stage_runner(test)


def test_an_arena_that_is_gone_is_said_to_be_gone_and_the_result_stays(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await standing(stage)
        stage.operator.end(0, 1, outcome(-3, 3))
        await page.get_by_role("heading", name="You won: +3 chips").wait_for()
        await page.route("**/*", lambda route: route.abort())
        await page.route_web_socket("**/socket", lambda ws: ws.close())
        for open_socket in tuple(stage.operator._site._sockets):
            await open_socket.close()
        await page.wait_for_selector("#link[data-state=off]")
        said = "[document.querySelector('#status').textContent, document.querySelector('#link').textContent.trim()]"
        while "connection lost, trying again" in (told := await page.evaluate(said)):
            await page.clock.run_for(5000)
        assert told == ["The arena does not answer any more", "no answer any more"]
        assert await page.is_visible("text=You won: +3 chips")

    stage_runner(test)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390)])
def test_that_the_arena_is_gone_is_read_whole_on_a_phone(
    stage_runner: Callable[[Test], None], width: int, height: int
) -> None:
    async def test(stage: Stage) -> None:
        page = await standing(stage)
        await page.set_viewport_size({"width": width, "height": height})
        asked = stage.ask(request(1, image=picture(90)))
        await page.wait_for_selector(READY)
        await page.route("**/*", lambda route: route.abort())
        await page.route_web_socket("**/socket", lambda ws: ws.close())
        for open_socket in tuple(stage.operator._site._sockets):
            await open_socket.close()
        await page.wait_for_selector("#link[data-state=off]")
        while await page.text_content("#status") != "The arena does not answer any more":
            await page.clock.run_for(5000)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        note = "(() => { const n = document.querySelector('#note'); return n.scrollWidth - n.clientWidth; })()"
        assert await page.evaluate(note) <= 0
        assert await page.locator("#buttons button").count() == 0
        assert not await page.is_visible("#give-up")
        asked.cancel()

    stage_runner(test)
