"""A person by held keys, a rule and a spectator at a game of lanes, through the whole arena, and played again."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arena.log import TurnLine
from arena.record.reader import Run
from arena.record.verify import verify
from tests.operators.browser_kit import CHROMIUM, FLAGS
from tests.operators.human_kit import GUARD

pytest.importorskip("aiohttp")
playwright = pytest.importorskip("playwright.sync_api")

TICKS = 12
# Whoever only runs right is still on the way after TICKS here. In one of a hundred drawn levels they are not.
GAME = "sidescroller@level=0"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=GUARD * 1000)
        yield browser
        browser.close()


@pytest.mark.parametrize("where", ["", "@runtime=here"], ids=["here", "in a host"])
@pytest.mark.parametrize("pace", ["lockstep", "realtime"])
def test_they_play_and_look_on(tmp_path: Path, browser: Any, pace: str, where: str) -> None:
    command = ["play", "-g", f"{GAME}{where}", "-o", "human:web,scripted", "--watch", "web", "--pace", pace]
    process = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("arena")),
            *command,
            "--max-ticks",
            str(TICKS),
            "--out",
            str(tmp_path / "run"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None

    links: dict[str, str] = {}  # all of them at the start, whoever is ready first
    while len(links) < 2:
        line = process.stderr.readline()
        assert line, links
        if found := re.search(r"http://127\.0\.0\.1:\S+", line):
            links["hall" if "to watch" in line else "room"] = found.group()
    hall, room = browser.new_page(), browser.new_page()
    for page, link in ((hall, links["hall"]), (room, links["room"])):
        page.set_default_timeout(GUARD * 1000)
        page.goto(link)
    room.wait_for_selector("#pad:not([hidden])")
    room.keyboard.down("ArrowRight")
    room.wait_for_selector("#whole[data-number]")
    hall.wait_for_function("() => document.querySelector('#watching .picture')?.naturalWidth > 0")
    room.get_by_text("Your result").or_(room.get_by_text("You ")).first.wait_for()
    hall.locator("#where").filter(has_text="over").wait_for()  # a spectator is told when whoever played has been
    for page in (hall, room):
        page.close()
    _, rest = process.communicate()
    assert process.returncode == 0, rest
    run = Run(tmp_path / "run")
    assert run.head.plan.limits.pace == pace
    turns = [line for line in run.lines() if isinstance(line, TurnLine) and line.seat == 0]
    assert {turn.action for turn in turns} == {1}  # right
    assert not [turn.fault for turn in turns if turn.fault]
    assert pace == "realtime" or [turn.tick for turn in turns] == list(range(TICKS))
    assert verify(run).passed
