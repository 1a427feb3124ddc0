"""A person who answers plays whole matches of who is the spy: at the real page's socket, by the real command."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp")
from PIL import Image as Picture  # noqa: E402

from arena.log import EndLine, TickLine, TurnLine  # noqa: E402
from arena.operator import Request  # noqa: E402
from arena.record.reader import Run  # noqa: E402
from arena.record.replay import Replay, questions  # noqa: E402
from arena.session import LocalSession  # noqa: E402
from arena_games.spy.rules import Spy  # noqa: E402
from tests.operators.human_kit import GUARD  # noqa: E402

ARENA = str(Path(sys.executable).with_name("arena"))
LINK = re.compile(rb"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}")
OWN = "I see <b>nothing</b> strange"  # the clue in the person's own words


@dataclass(eq=False)
class Asked:
    """What the page shows when its person is asked something."""

    table: dict[str, Any]
    picture: np.ndarray[Any, Any]


class Page:
    """Plays as somebody at the page does, and keeps what it shows."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._pictures: dict[str, tuple[int, bytes]] = {}
        self.asked: dict[int, list[Asked]] = {}  # by match
        self.shown: dict[int, list[dict[str, Any]]] = {}  # by match: the table, as often as it changed
        self.ended: dict[int, dict[str, Any]] = {}  # by match: the result

    async def play(self) -> None:
        """Answers everything, until the arena has finished."""
        state: dict[str, Any] = {"tables": [], "stopped": ""}
        answered: set[int] = set()
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                head, _, data = message.data.partition(b"\n")
                named = json.loads(head)
                self._pictures[named["key"]] = named["picture"], data
                await self._socket.send_json({"type": "drawn", **named})
            else:
                state = json.loads(message.data)
                self._note(state)
            for table in state["tables"]:
                if table["request"] not in (None, *answered) and self._drawn(table):
                    answered.add(table["request"])
                    await self._answer(table)
            if state["stopped"]:
                return

    def _note(self, state: dict[str, Any]) -> None:
        assert state["type"] == "state", state
        for table in state["tables"]:
            self.shown.setdefault(table["match"], []).append(table)
        if state["last"] is not None:
            self.ended[state["last"]["match"]] = state["last"]

    def _drawn(self, table: dict[str, Any]) -> bool:
        """Whether the picture of this question has come."""
        return bool(table["fresh"]) and self._pictures.get(table["key"], (0,))[0] == table["picture"]

    async def _answer(self, table: dict[str, Any]) -> None:
        seen = self.asked.setdefault(table["match"], [])
        seen.append(Asked(table, np.asarray(Picture.open(io.BytesIO(self._pictures[table["key"]][1])))))
        request, choices = table["request"], table["choices"]
        await self._socket.send_json({"type": "seen", "request": request})
        own = len(seen) == 2 and table["freeText"]  # the second clue is one in words
        answer = {"action": None, "say": OWN} if own else {"action": choices[1]["action"], "say": ""}
        await self._socket.send_json({"type": "answer", "request": request, **answer})


async def play(folder: Path, game: str, operators: str, *more: str) -> Page:
    """The command plays, and a page answers for the person."""
    words = ["play", "--game", game, "--operators", operators, "--out", str(folder), *more]
    process = await asyncio.create_subprocess_exec(
        ARENA, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        assert process.stdout is not None
        told = b""
        while (link := LINK.search(told)) is None:
            came = await process.stdout.read(4096)
            assert came, told
            told += came
        reading = asyncio.ensure_future(process.stdout.read())
        page = await at_page(link[0].decode())
        assert await process.wait() == 0, told + await reading
        return page
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def at_page(link: str) -> Page:
    """Somebody plays at the page of this link."""
    root = link.partition("/?")[0]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        async with browser.get(link) as entered:
            room = re.search(r'href="(/room/[^"]+/)"', await entered.text())[1]  # type: ignore[index]
        async with browser.ws_connect(f"{root}{room}socket", headers={"Origin": root}) as socket:
            page = Page(socket)
            await page.play()
            return page


def moments(run: Run, match: int) -> Iterator[tuple[Request, TurnLine, Spy]]:
    """The person's questions, played again from the log, what was answered, and the game as it was then."""
    replay = Replay(run)
    plan, lines = next((plan, lines) for plan, lines in replay.recorded() if plan.index == match)
    again = replay.match(plan)
    assert isinstance(again.session, LocalSession)
    game = again.session.game
    assert isinstance(game, Spy)
    for asked in questions(again, lines):
        yield from ((one, turn, game) for one, turn in asked if turn.operator == "human:web")


def said(game: Spy) -> list[tuple[int, str]]:
    """Who said what until now."""
    return [(clue.seat, clue.text) for clue in game.clues if clue.text is not None]


def lines_of(table: dict[str, Any]) -> list[tuple[int, str]]:
    """The page's list of what was said."""
    seats = [table["seat"] if line["you"] else int(line["who"].split()[1]) for line in table["talk"]]
    return list(zip(seats, (line["text"] for line in table["talk"]), strict=True))


def played(folder: Path, game: str, operators: str, *more: str) -> tuple[Run, Page]:
    async def bounded() -> Page:
        async with asyncio.timeout(GUARD):
            return await play(folder, game, operators, *more)

    page = asyncio.run(bounded())
    return Run(folder), page


def test_a_person_plays_whole_matches_of_two_rounds(tmp_path: Path) -> None:
    run, page = played(
        tmp_path / "run", "spy@rounds=2", "scripted,scripted,human:web,random", "--matches", "4", "--seed", "1"
    )
    verdicts = set()
    for match in range(4):
        asked = page.asked[match]
        for (request, turn, game), shown in zip(moments(run, match), asked, strict=True):
            seen, table = request.observation, shown.table
            assert table["text"] == seen.text
            assert f"round {1 + asked.index(shown)} of 2" in table["text"] or game.voting
            assert (shown.picture == seen.image).all()
            assert lines_of(table) == said(game)  # each clue once, the person's own too
            assert [choice["action"] for choice in table["choices"]] == list(seen.legal)
            assert (turn.answer, turn.fault) == (OWN if shown is asked[1] else seen.legal[1], None)
        heard = lines_of(page.shown[match][-1])
        assert heard == said(game)[: len(heard)]
        assert all(table["out"] == [] for table in page.shown[match])
        assert "part is over" not in str(page.shown[match])
        # A spy is not asked to vote; the others give two clues and a vote.
        assert len(asked) == 3 - (game.spy == asked[0].table["seat"])
        last, own = page.ended[match], asked[0].table["seat"]
        (returns,) = [line.returns for line in run.lines() if isinstance(line, EndLine) and line.match == match]
        won = returns is not None and returns[own] > 0
        assert (last["verdict"], last["headline"].split(":")[0]) == (
            ("won", "You won") if won else ("lost", "You lost")
        )
        assert "part is over" not in str(last)
        verdicts.add((last["verdict"], game.spy == own))
    assert len(verdicts) > 1  # not the same in all of them


def test_who_is_voted_out_is_told_so_and_no_votes_of_others(tmp_path: Path) -> None:
    game, operators = "spy@rounds=1@elimination=true@known=false", "human:web,scripted,scripted,scripted,scripted"
    run, page = played(tmp_path / "run", game, operators, "--matches", "6", "--seed", "2")
    out = 0
    for match, lines in enumerate(run.played()):
        own = page.shown[match][0]["seat"]
        *going, last = [line.events for line in lines if isinstance(line, TickLine)]
        gone = any(f"seat {own} is out" in events for events in going)
        out += gone
        for table in [table for table in page.shown[match] if not table["over"]]:
            assert not re.search(r"seat \d votes for", str(table))
            if table["out"]:  # the others are quick: the page may be told of the end at once
                assert gone
                assert f"Out: seat {own}" in table["text"] or f", seat {own}" in table["text"]
        assert [told for (told,) in page.ended[match]["details"]] == list(
            last
        )  # no votes of before, nor that it was out
    assert 0 < out < 6
