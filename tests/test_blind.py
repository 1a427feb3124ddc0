"""Blind matches: players are told no names of others; spectators, the log and run.json have them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arena.lineup import build_plan, spectator
from arena.log import EndLine, MatchLine
from arena.plan import Limits
from arena.play import run_plan
from arena.protocol.trace import Trace
from arena.record.reader import Run
from arena.record.resume import plan_of
from arena.record.verify import verify
from tests.operators.browser_kit import CHROMIUM, FLAGS
from tests.operators.human_kit import GUARD

DIARISTS = '''
"""Two operators that write down what they are told; BOB's third answer is not a move."""
from pathlib import Path

from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind
from arena.options import Option


class Diarist(Operator):
    def __init__(self, context):
        self.wrong = 3 if "BOB" in context.options["page"] else 0
        self.page = Path(context.options["page"])

    def note(self, what):
        with self.page.open("a") as page:
            print(what, file=page)

    def open(self, seats):
        for seat in seats:
            self.note(f"seats of {seat.seat}: {seat.seats}")

    def act(self, requests):
        self.wrong -= len(requests)
        return [Decision(answer="?" if self.wrong == 0 else one.observation.legal[0]) for one in requests]

    def end(self, match, seat, outcome):
        self.note(outcome)


def kind(name):
    return OperatorKind(
        name=name, summary="", target=f"{__file__}:Diarist", views=lambda *given: Views(text=True),
        options={"page": Option("str", "", "where it writes")},
    )


ALICE, BOB = kind("alice"), kind("bob")
'''


@pytest.mark.parametrize("where", ["", "@runtime=here"], ids=["here", "in a host"])
def test_workers_are_told_no_names_of_others_and_the_record_has_them(tmp_path: Path, where: str) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "diarists.py").write_text(DIARISTS)
    operators = [f"{tmp_path}/diarists.py:{name}@page={tmp_path}/{name}.txt" for name in ("ALICE", "BOB")]
    plan = build_plan(f"connect_four{where}", operators, seed=1, matches=2, limits=Limits(blind=True))
    trace = Trace(tmp_path / "trace")
    run_plan(plan, tmp_path / "run", trace=trace, watch=spectator("web"))
    trace.close()

    messages = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    for own, other in (("ALICE", "BOB"), ("BOB", "ALICE")):
        told = (tmp_path / f"{own}.txt").read_text()
        assert {seat: other for seat, other in re.findall(r"seats of (\d): .*'(player \d)'", told)} == {
            "0": "player 1",
            "1": "player 0",
        }
        assert "forfeits" in told
        mine = [one for one in messages if own in one["worker"] and one["direction"] == "to worker"]
        assert {"open", "end", "act"} <= {one["header"]["type"] for one in mine}
        assert not [one for one in mine if other in json.dumps(one)]
    run = Run(tmp_path / "run")
    assert run.head.plan.limits.blind is True
    assert plan_of(run, []).limits.blind  # so --resume goes on in the same way
    names = [line.seats for line in run.lines() if isinstance(line, MatchLine)]
    assert ["ALICE" in name for name in names[0]] == ["BOB" in name for name in names[1]] == [True, False]
    assert "forfeited" in [line.status for line in run.lines() if isinstance(line, EndLine)]
    assert verify(run).passed


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium")
def test_a_persons_page_shows_no_name_and_the_spectators_page_does(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    playwright = pytest.importorskip("playwright.sync_api")
    command = ["play", "--blind", "-g", "connect_four", "-o", "human:web,scripted", "--watch=web", "--max-ticks=1"]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("arena")), *command, "--out", str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    links: dict[str, str] = {}
    while len(links) < 2:
        line = process.stderr.readline()
        assert line, links
        if found := re.search(r"http://127\.0\.0\.1:\S+", line):
            links["hall" if "to watch" in line else "room"] = found.group()
    shown: dict[str, list[str]] = {"hall": [], "room": []}
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=GUARD * 1000)
        pages: dict[str, Any] = {name: browser.new_page() for name in links}
        for name, page in pages.items():
            page.set_default_timeout(GUARD * 1000)
            page.on("websocket", lambda ws, name=name: ws.on("framereceived", lambda got: shown[name].append(str(got))))
            page.goto(links[name])
        # The match may be over before a page that is still loading is there to be shown it.
        pages["hall"].locator("#where").filter(has_text="Match").wait_for()
        room = pages["room"]
        room.get_by_role("button", name="Column 1").click()
        room.get_by_text("seat 1 (player 1)").first.wait_for()
        pages["hall"].locator("#where").filter(has_text="over").wait_for()
        text = room.inner_text("body")
        browser.close()
    process.communicate()
    assert "scripted" not in text
    assert not [frame for frame in shown["room"] if "scripted" in frame]
    assert [frame for frame in shown["hall"] if "scripted" in frame]
