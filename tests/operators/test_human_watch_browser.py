"""The page of who only watches: the replay viewer, over moments that come in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from arena.operator import Outcome, SpectatorUpdate, WorkerContext
from arena_operators.human.web import WebHuman
from tests.operators.browser_kit import Stage, Test, in_browser

pytestmark = in_browser


def update(tick: int, match: int = 0, **facts: Any) -> SpectatorUpdate:
    picture = np.full((60, 96, 3), 20 * tick, np.uint8)
    seats = ("<b>vlm</b>", "human")
    return SpectatorUpdate(
        match=match, tick=tick, game="toy", seats=seats, picture=picture, events=(f"card {tick}",), **facts
    )


async def watching(stage: Stage, width: int = 1280) -> Any:
    """The spectators' page, at the first moment of a match."""
    await stage.operator.stop()
    stage.links.clear()
    stage.operator = WebHuman(
        WorkerContext("watch", {}, lambda text, address=None: stage.links.append(address))  # type: ignore[arg-type]
    )
    await stage.operator.start()
    page = await stage.page(width=width)
    await stage.operator.watch(update(1))
    await at(page, "tick 0")
    return page


async def at(page: Any, place: str) -> None:
    await page.wait_for_function(
        "place => document.querySelector('#watching .where')?.textContent.endsWith(place)", arg=place
    )


def test_it_goes_on_with_the_match_and_back_in_it(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await watching(stage)
        for tick in (2, 3):
            await stage.operator.watch(update(tick))
            await at(page, f"tick {tick - 1}")
        await page.locator("#watching").press("ArrowLeft")
        await at(page, "tick 1")
        await stage.operator.watch(update(4))
        await page.get_by_role("option", name="tick 3 · card 4").wait_for()
        await at(page, "tick 1")  # who looks back is left alone
        await page.locator("#watching").press("End")
        await at(page, "tick 3")
        await stage.operator.watch(update(5, outcome=Outcome(status="terminated", returns=(3.0, -3.0))))
        await page.get_by_text("seat 1 · human: −3").wait_for()
        await stage.operator.watch(update(1, match=1))
        await at(page, "match 1 · tick 0")
        assert await page.locator("#replay-matches .row").all_inner_texts() == [
            "0 · toy · <b>vlm</b> +3, human −3", "1 · toy · <b>vlm</b>, human"
        ]  # fmt: skip
        await page.wait_for_function("() => document.querySelector('#watching .picture').naturalWidth === 96")
        await stage.operator.stop()

    stage_runner(test)


def test_it_fits_a_phone(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await watching(stage, width=360)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        await stage.operator.stop()

    stage_runner(test)


def test_a_page_that_comes_later_sees_the_newest_moment(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await watching(stage)
        await stage.operator.watch(update(7))
        await at(page, "tick 6")
        await page.reload()
        await at(page, "tick 6")
        await asyncio.gather(stage.operator.stop(True), page.get_by_text("The arena has finished").wait_for())

    stage_runner(test)
