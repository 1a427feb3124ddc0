"""Spectators: what their page is sent, and that a slow page skips pictures instead of falling behind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp")

from arena.errors import InputError, UnplayableError  # noqa: E402
from arena.game import Observation  # noqa: E402
from arena.lineup import build_plan, spectator  # noqa: E402
from arena.operator import Outcome, SpectatorUpdate, WorkerContext  # noqa: E402
from arena_operators.human.web import WebHuman  # noqa: E402
from tests.operators.human_kit import GUARD, outcome, seat  # noqa: E402
from tests.operators.test_human_web import Stage, staged, state  # noqa: E402


def update(tick: int, **facts: Any) -> SpectatorUpdate:
    picture = np.full((60, 48, 3), tick, np.uint8)
    return SpectatorUpdate(
        match=0, tick=tick, game="toy", seats=("vlm", "human"), picture=picture, events=("vlm bets",), **facts
    )


async def until(ws: Any, tick: int) -> list[dict[str, Any]]:
    """The pictures' heads that come before the state of this tick."""
    out = []
    while True:
        message = await ws.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            out.append(json.loads(message.data.partition(b"\n")[0]))
        elif any(one["tick"] == tick for one in message.json().get("updates", [])):
            return out


async def picture(ws: Any) -> dict[str, Any]:
    """The head of the next picture."""
    while (message := await ws.receive()).type is not aiohttp.WSMsgType.BINARY:
        pass
    return json.loads(message.data.partition(b"\n")[0])  # type: ignore[no-any-return]


def test_a_person_who_plays_sees_the_whole_match() -> None:
    async def go() -> None:
        async with staged() as stage, stage.talk() as ws:
            await stage.operator.watch(update(1, outcome=Outcome(status="terminated", returns=(-1.0, 1.0))))
            seen = (await state(ws, lambda message: message["updates"]))["updates"][0]
            assert [(one["name"], one["you"], one["value"]) for one in seen["seats"]] == [
                ("vlm", False, "-1"),
                ("human", True, "+1"),
            ]
            assert seen["over"]
            assert (await picture(ws))["key"] == seen["key"]

    asyncio.run(go())


def test_a_match_that_somebody_else_plays_is_not_shown_to_a_person() -> None:
    async def go() -> None:
        async with staged() as stage, stage.talk() as ws:
            stage.operator.open([seat(match=1, operator="another")])
            others = asyncio.ensure_future(
                stage.operator.watch(SpectatorUpdate(match=1, tick=1, game="toy", seats=("a", "b")))
            )
            await stage.operator.watch(update(1))
            assert [one["match"] for one in (await state(ws, lambda m: m["updates"]))["updates"]] == [0]
            others.cancel()

    asyncio.run(go())


def test_no_picture_is_sent_before_the_last_one_is_drawn() -> None:
    async def go() -> None:
        async with staged() as stage, stage.talk() as ws:
            came = []
            for tick in range(1, 6):
                await stage.operator.watch(update(tick))
                came += await until(ws, tick)
            assert [head["picture"] for head in came] == [1]
            await ws.send_json({"type": "drawn", **came[0]})
            assert (await picture(ws))["picture"] == 5

    asyncio.run(go())


def test_spectators_have_a_page_that_nothing_waits_for() -> None:
    async def go() -> None:
        links: list[str] = []
        operator = WebHuman(WorkerContext("watch", {}, lambda text, address=None: links.append(address), ("human",)))
        async with asyncio.timeout(GUARD):
            await operator.start()
            assert len(links) == 1  # of theirs, and of nobody who plays
            shown = asyncio.ensure_future(operator.watch(update(3)))
            stage = Stage(operator, links)
            async with stage.talk() as ws:
                said = await state(ws, lambda message: message["updates"])
                assert said["spectator"]
                assert said["tables"] == []
                await picture(ws)
                await shown
                await operator.stop()
            await stage.client.close()

    asyncio.run(go())


def test_no_more_is_taken_until_somebody_looks() -> None:
    async def go() -> None:
        async with staged() as stage:
            shown = asyncio.ensure_future(stage.operator.watch(update(1)))
            async with stage.talk() as ws:
                await state(ws, lambda message: message["updates"])
                await shown

    asyncio.run(go())


def look(**facts: Any) -> SpectatorUpdate:
    """The last look of the person's seat."""
    seen = Observation((), text="You are out.", image=np.full((60, 96, 3), 7, np.uint8))
    events = ("lane 0: x 9", "lane 1: x 5, died")
    return SpectatorUpdate(
        match=0, tick=3, game="toy", seats=("vlm", "human"), seat=1, observation=seen, events=events, **facts
    )


def test_who_is_out_is_told_why_and_it_stands_first_in_how_it_ended() -> None:
    async def go() -> None:
        async with staged() as stage, stage.talk() as ws:
            await stage.operator.watch(look())
            shown = (await state(ws, lambda m: m["tables"][0]["picture"]))["tables"][0]
            assert (shown["text"], shown["out"]) == ("You are out.", ["lane 1: x 5, died"])
            stage.operator.end(0, 1, outcome(3, -3))
            last = (await state(ws, lambda m: m["last"]))["last"]
            assert last["details"] == [["lane 1: x 5, died"], ["seat 1 shows a king"]]

    asyncio.run(go())


def test_a_last_look_may_come_after_the_end() -> None:
    async def go() -> None:
        async with staged() as stage, stage.talk() as ws:
            stage.operator.end(0, 1, outcome(3, -3))
            stage.operator.open([seat(1, 1)])
            await stage.operator.watch(look())
            said = await state(ws, lambda m: m["ended"] and m["ended"]["picture"])
            assert said["ended"]["text"] == "You are out."
            assert said["last"]["details"][0] == ["lane 1: x 5, died"]

    asyncio.run(go())


def test_who_looks_on_has_no_seat() -> None:
    with pytest.raises(UnplayableError, match="--watch web"):
        build_plan("kuhn", ["random", "human:watch"])


@pytest.mark.parametrize("given", ["window", "web:here", "./web.py"])
def test_what_is_no_page_is_refused(given: str) -> None:
    with pytest.raises(InputError, match="expected web"):
        spectator(given)


def test_a_spectators_page_takes_a_port() -> None:
    entry = spectator("web@port=8123")
    assert (entry.what, entry.options["port"], entry.options["mode"]) == ("watch", 8123, "watch")


def test_a_page_is_told_that_the_arena_is_done_even_while_its_last_picture_is_sent() -> None:
    async def go() -> None:
        async with staged() as stage, stage.talk() as ws:
            watching = asyncio.ensure_future(stage.operator.watch(update(1)))  # it is painted while the operator stops
            stopping = asyncio.ensure_future(stage.operator.stop())
            assert await state(ws, lambda message: message["stopped"])
            await asyncio.gather(stopping, watching)

    asyncio.run(go())
