"""A page of the human operator in headless Chromium, for the tests that look at it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("aiohttp")
playwright = pytest.importorskip("playwright.async_api")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

from arena.operator import Decision, Request, WorkerContext  # noqa: E402
from arena_operators.human.web import WebHuman  # noqa: E402
from tests.operators.human_kit import GUARD  # noqa: E402

in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
READY = "#actions[data-ready=true]"


class Stage:
    """An operator, its links, and pages that fail the test when a script fails or anything foreign is fetched."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self.links: list[str] = []
        self.operator = WebHuman(WorkerContext("web", {}, lambda text, address=None: self.links.append(address)))
        self.complaints: list[str] = []
        self.contexts: list[Any] = []

    async def page(self, link: str | None = None, width: int = 1280) -> Any:
        """A page in a browser profile of its own, inside the room."""
        page = await self.blank(width)
        await page.goto(link or self.links[0])
        await page.wait_for_selector("#link[data-state=on]")
        return page

    async def blank(self, width: int = 1280) -> Any:
        """An empty page in a browser profile of its own."""
        context = await self._browser.new_context(viewport={"width": width, "height": 800})
        context.set_default_timeout(GUARD * 500)
        self.contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self._own(asked.url))
        page.on("console", lambda line: "Security Policy" in line.text and self.complaints.append(line.text))
        return page

    def _own(self, url: str) -> None:
        if not url.startswith((f"http://127.0.0.1:{self.operator.port}/", "blob:", "data:")):
            self.complaints.append(f"fetched {url}")

    def ask(self, question: Request) -> asyncio.Task[Decision]:
        return asyncio.ensure_future(self.operator.decide(question))


Test = Callable[[Stage], Awaitable[None]]
