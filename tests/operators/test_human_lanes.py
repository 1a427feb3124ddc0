"""Playing by held keys, in headless Chromium: which action is answered, and when."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiohttp")
playwright = pytest.importorskip("playwright.async_api")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

from arena.game import Observation, Views  # noqa: E402
from arena.operator import OpenSeat, Outcome, Request, SpectatorUpdate, WorkerContext  # noqa: E402
from arena_operators.human.web import WebHuman  # noqa: E402
from tests.games.lane_toy import ToyLanes  # noqa: E402
from tests.operators.human_kit import GUARD  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CARD = ToyLanes(2).card()
NAMES = CARD.actions
FRAME = np.zeros((240, 256, 3), np.uint8)


class Lane:
    """An arena that asks one person again and again, and their page."""

    def __init__(self, operator: WebHuman, page: Any, links: list[str], place: int = 0) -> None:
        self.operator = operator
        self.page = page
        self.links = links
        self.place = place
        self.number = 0

    def ask(self) -> asyncio.Task[Any]:
        """The next question."""
        self.number += 1
        seen = Observation(tuple(range(len(NAMES))), image=FRAME, text="a lane", facts={"x": str(self.number)})
        return asyncio.ensure_future(
            self.operator.decide(Request(self.number + 1000 * self.place, 0, self.place, self.number, seen))
        )

    async def answer(self) -> str:
        """What the next question is answered."""
        return NAMES[(await self.ask()).answer]

    async def until(self, wanted: str) -> list[str]:
        """The answers until one of them is `wanted`."""
        out = [await self.answer()]
        while out[-1] != wanted:
            out.append(await self.answer())
        return out

    async def waits(self) -> asyncio.Task[Any]:
        """A question that the page shows and does not answer by itself."""
        asked = self.ask()
        await self.page.locator("#facts").get_by_text(str(self.number), exact=True).wait_for()
        return asked

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[Lane]:
        """Another person's lane, in another tab of the same browser."""
        self.operator.open([seated(1, "human#2")])
        page = await self.page.context.new_page()
        await page.goto(self.links[-1])
        await page.wait_for_selector("#pad:not([hidden])")
        yield Lane(self.operator, page, self.links, place=1)

    async def hide(self) -> None:
        """As a browser does with a tab that is not in front; headless ones show all."""
        script = "Object.defineProperty(document, 'hidden', {value: true}); "
        await self.page.evaluate(script + "document.dispatchEvent(new Event('visibilitychange'))")


def seated(place: int = 0, name: str = "human") -> OpenSeat:
    views, names = Views(image=(240, 256), text=True), ("human", "human#2")
    return OpenSeat(match=0, seat=place, operator=name, card=CARD, views=views, seed=bytes(16), seats=names)


@asynccontextmanager
async def lane(browser: Any, **context: Any) -> AsyncIterator[Lane]:
    links: list[str] = []
    wrong: list[str] = []
    operator = WebHuman(WorkerContext("web", {}, lambda text, address=None: links.append(address)))
    await operator.start()
    operator.open([seated()])
    profile = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **context})
    profile.set_default_timeout(GUARD * 500)
    page = await profile.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        await page.goto(links[0])
        await page.wait_for_selector("#pad:not([hidden])")
        yield Lane(operator, page, links)
    finally:
        await profile.close()
        await operator.stop()
    assert wrong == []


Test = Callable[[Any], Awaitable[None]]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Test], None]]:
    """Runs a test with a browser that all tests of this module share."""
    with asyncio.Runner() as runner:
        driver = runner.run(playwright.async_playwright().start())
        browser = runner.run(driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=GUARD * 1000))

        async def bounded(test: Test) -> None:
            async with asyncio.timeout(GUARD):
                await test(browser)

        yield lambda test: runner.run(bounded(test))
        runner.run(browser.close())
        runner.run(driver.stop())


def test_nothing_is_answered_before_the_person_begins(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it:
            asked = await it.waits()
            assert not asked.done()
            assert "begin" in await it.page.text_content("#status")
            await it.page.keyboard.press("Enter")
            assert NAMES[(await asked).answer] == "stay"

    run(test)


def test_what_is_held_is_the_answer_and_nothing_held_is_one_too(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it:
            keys = it.page.keyboard
            await keys.press("Enter")
            await it.until("stay")
            await keys.down("ArrowRight")
            await keys.down("KeyX")
            await it.until("right run")
            await keys.down("Space")
            assert set(await it.until("right run jump")) <= {"right run", "right run jump"}
            await keys.up("KeyX")
            await it.until("right jump")
            await keys.up("Space")
            await keys.down("KeyA")  # of two opposite directions the later
            await it.until("left")
            for key in ("ArrowRight", "KeyA"):
                await keys.up(key)
            await it.until("stay")

    run(test)


def test_a_tap_between_two_answers_counts_once(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it:
            await it.page.keyboard.press("Enter")
            await it.until("stay")
            await it.page.keyboard.press("KeyK")  # down and up at once
            assert await it.until("jump")
            assert await it.answer() == "stay"

    run(test)


def test_a_pause_waits_and_a_full_stop_plays_one_decision_of_it(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it:
            keys = it.page.keyboard
            await keys.press("Enter")
            await it.until("stay")
            await keys.press("KeyP")
            await it.page.get_by_role("heading", name="Paused").wait_for()
            asked = await it.waits()
            await keys.down("KeyD")
            await keys.press(".")
            assert NAMES[(await asked).answer] == "right"
            asked = await it.waits()
            assert not asked.done()
            await keys.press("KeyP")
            assert NAMES[(await asked).answer] == "right"

    run(test)


def test_step_by_step_time_goes_on_only_while_something_is_held(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it:
            keys = it.page.keyboard
            await keys.press("KeyL")
            asked = await it.waits()
            assert not asked.done()
            await keys.down("ArrowRight")
            await keys.down("Space")
            assert NAMES[(await asked).answer] in ("right", "right jump")
            await it.until("right jump")
            await keys.up("ArrowRight")
            await keys.up("Space")

    run(test)


def test_keys_are_chosen_on_the_page_and_kept(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it:
            page = it.page
            asked = it.ask()
            await page.keyboard.press("?")
            await page.get_by_role("button", name="Change the key of jump").click()
            await page.keyboard.press("KeyM")
            await page.keyboard.press("Escape")
            await page.reload()
            await page.wait_for_selector("#pad:not([hidden])")
            await page.keyboard.down("KeyM")
            assert NAMES[(await asked).answer] == "jump"

    run(test)


def test_a_phone_has_buttons_for_two_thumbs(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True) as it:
            middles = []
            for finger, name in enumerate(("right", "jump")):
                box = await it.page.locator(f".key[data-button={name}]").bounding_box()
                assert box["height"] >= 44
                assert box["x"] + box["width"] <= 360
                middles.append({"id": finger, "x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2})
            device = await it.page.context.new_cdp_session(it.page)

            async def touch(kind: str, *points: dict[str, float]) -> None:
                await device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

            await touch("touchStart", *middles)
            await it.until("right jump")
            await touch("touchEnd", middles[1])  # the finger that is lifted
            await it.until("right")
            await touch("touchEnd")
            await it.until("stay")

    run(test)


def test_of_two_tabs_the_one_behind_holds_nothing_and_goes_along(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser) as it, it.beside() as other:
            await other.page.keyboard.down("KeyD")
            await other.until("right")
            await other.hide()
            behind = await other.waits()
            assert not behind.done()  # nobody plays in front of it
            await it.page.keyboard.press("Enter")
            await it.answer()
            assert NAMES[(await behind).answer] == "stay"

    run(test)


@pytest.mark.parametrize(("width", "height"), [(844, 390), (390, 844), (1280, 800)])
def test_the_controls_leave_the_lane_visible(run: Callable[[Test], None], width: int, height: int) -> None:
    async def test(browser: Any) -> None:
        touch = {"has_touch": True, "is_mobile": True} if width < 1000 else {}
        async with lane(browser, viewport={"width": width, "height": height}, **touch) as it:
            asked = await it.waits()
            await it.page.wait_for_selector("#felt[style*='--ratio']")
            picture = await it.page.locator("#picture").bounding_box()
            pad = await it.page.locator("#actions").bounding_box()
            assert picture["y"] >= 0
            assert picture["height"] >= 200
            assert picture["y"] + picture["height"] <= pad["y"]
            assert pad["y"] + pad["height"] <= height
            asked.cancel()

    run(test)


def test_a_lane_that_is_over_says_so_over_its_picture_and_no_key_scrolls(run: Callable[[Test], None]) -> None:
    async def test(browser: Any) -> None:
        async with lane(browser, viewport={"width": 844, "height": 390}) as it:
            await it.page.keyboard.down("ArrowRight")
            await it.until("right")
            await it.page.keyboard.up("ArrowRight")
            seen = Observation((), image=np.full_like(FRAME, 200), text="You died.")
            events = ("lane 0: x 204, died", "lane 1: x 90")
            out = SpectatorUpdate(
                match=0, tick=2, game="toy", seats=("human",), events=events, seat=0, observation=seen
            )
            await it.operator.watch(out)
            await it.page.wait_for_selector("#ending:not([hidden])")
            assert await it.page.inner_text("#ending") == "Your part is over\nlane 0: x 204, died"
            assert await it.page.inner_text("#status") == "Your part is over"
            assert not await it.page.is_visible("#pad")
            for key in ("Space", "ArrowDown", "ArrowRight"):
                await it.page.keyboard.press(key)
            assert await it.page.evaluate("[scrollX, scrollY]") == [0, 0]
            it.operator.end(0, 0, Outcome(status="terminated", returns=(3.0, 1.0), events=("lane 1: x 90, died",)))
            await it.page.locator("#last li").first.wait_for()
            told = await it.page.locator("#last li").all_text_contents()
            assert told == ["lane 0: x 204, died", "lane 1: x 90, died"]

    run(test)
