"""The browser that the tests of a page share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.operators.human_kit import GUARD, seat

if TYPE_CHECKING:
    from tests.operators.browser_kit import Test


@pytest.fixture(scope="module")
def stage_runner() -> Iterator[Callable[[Test], None]]:
    """Runs a test on a loop and a browser that all tests of this module share."""
    from tests.operators.browser_kit import CHROMIUM, FLAGS, Stage, playwright

    with asyncio.Runner() as runner:
        driver = runner.run(playwright.async_playwright().start())
        browser = runner.run(driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=GUARD * 1000))

        async def staged(test: Test) -> None:
            stage = Stage(browser)
            await stage.operator.start()
            stage.operator.open([seat()])
            try:
                async with asyncio.timeout(GUARD):
                    await test(stage)
            finally:
                for context in stage.contexts:
                    await context.close()
                await stage.operator.stop()
            assert stage.complaints == []

        yield lambda test: runner.run(staged(test))
        runner.run(browser.close())
        runner.run(driver.stop())
