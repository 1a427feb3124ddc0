"""Who is let in to a person's page, and what the server does with what the page says. No browser is needed."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp")
from PIL import Image as Picture  # noqa: E402

from arena.operator import WorkerContext  # noqa: E402
from arena_operators.human.web import WebHuman, encode  # noqa: E402
from tests.operators.human_kit import GUARD, outcome, picture, request, seat  # noqa: E402


class Stage:
    """An operator that serves one page, the links it told, and a browser without a screen."""

    def __init__(self, operator: WebHuman, links: list[str]) -> None:
        self.operator = operator
        self.links = links
        self.client = self.browser()

    def browser(self) -> Any:
        return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.operator.port}"

    async def enter(self) -> str:
        """Use the first link; the address of the room."""
        async with self.client.get(self.links[0]) as page:
            assert page.status == 200
            return self.root + re.search(r'href="(/room/[^"]+/)"', await page.text())[1]  # type: ignore[index]

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[Any]:
        """The page's WebSocket."""
        room = await self.enter()
        async with self.client.ws_connect(room + "socket", headers={"Origin": self.root}) as ws:
            yield ws


@asynccontextmanager
async def staged(**options: Any) -> AsyncIterator[Stage]:
    links: list[str] = []
    operator = WebHuman(WorkerContext("web", options, lambda text, address=None: links.append(address)))
    async with asyncio.timeout(GUARD):
        await operator.start()
        operator.open([seat()])
        stage = Stage(operator, links)
        try:
            yield stage
        finally:
            await stage.client.close()
            await operator.stop()


def run(test: Callable[[Stage], Awaitable[None]]) -> None:
    async def go() -> None:
        async with staged() as stage:
            await test(stage)

    asyncio.run(go())


async def state(ws: Any, when: Callable[[dict[str, Any]], Any] = lambda message: True) -> dict[str, Any]:
    """The next text message for which `when` holds."""
    while True:
        message = await ws.receive()
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        if message.type is aiohttp.WSMsgType.TEXT and when(message.json()):
            return message.json()  # type: ignore[no-any-return]


def notice(message: dict[str, Any]) -> bool:
    return message["type"] == "notice"


def test_the_link_is_exchanged_for_a_cookie_that_no_script_and_no_other_site_gets() -> None:
    async def test(stage: Stage) -> None:
        async with stage.client.get(stage.links[0]) as page:
            cookie = page.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Path=/room/" in cookie

    run(test)


def test_the_cookie_opens_the_page_again_and_again() -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        for _ in range(2):
            async with stage.client.get(room) as page:
                assert page.status == 200

    run(test)


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%ff%00"])
def test_a_wrong_token_is_refused_and_told_where_the_right_one_is(query: str) -> None:
    async def test(stage: Stage) -> None:
        async with stage.client.get(f"{stage.root}/{query}") as page:
            assert page.status == 403
            said = await page.text()
            assert "from the terminal where the arena runs" in said
            assert "If it was used already, open it all the same: a fresh one is then printed there" in said

    run(test)


def test_a_used_link_that_is_opened_all_the_same_has_a_fresh_one_printed() -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        async with stage.browser() as second:
            async with second.get(stage.links[0]) as page:
                assert f"url={room.removeprefix(stage.root)}" in await page.text()  # where the browser goes by itself
            async with second.get(room) as page:
                assert "A fresh link has been printed in the terminal" in await page.text()
        assert len(stage.links) == 2

    run(test)


def test_a_second_browser_with_the_used_link_is_refused() -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        async with stage.browser() as second:
            for address in (stage.links[0], room):
                async with second.get(address) as page:
                    assert page.status == 403
                    assert "Set-Cookie" not in page.headers

    run(test)


def test_a_refused_browser_makes_the_arena_print_one_fresh_link_which_moves_the_seat() -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        async with stage.browser() as second:
            for _ in range(3):
                async with second.get(room):
                    pass
            assert len(stage.links) == 2
            async with second.get(stage.links[1]):
                pass
            async with second.get(room) as page, stage.client.get(room) as old:
                assert (page.status, old.status) == (200, 403)

    run(test)


def test_who_does_not_know_a_room_cannot_make_the_arena_print() -> None:
    async def test(stage: Stage) -> None:
        async with stage.client.get(f"{stage.root}/room/guessed/") as page:
            assert page.status == 403
        assert len(stage.links) == 1

    run(test)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::ffff:1", "10.0.0.1"])
def test_another_host_name_is_refused(host: str) -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        async with stage.client.get(room, headers={"Host": host}) as page:
            assert page.status in (400, 421)
            assert "script" not in await page.text()

    run(test)


def test_a_forwarded_port_is_served() -> None:
    async def test(stage: Stage) -> None:
        async with stage.client.get(stage.links[0], headers={"Host": "localhost:9999"}) as page:
            assert page.status == 200

    run(test)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1"])
def test_a_websocket_from_another_origin_is_refused(origin: str | None) -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await stage.client.ws_connect(room + "socket", headers={"Origin": origin} if origin else {})
        assert refused.value.status == 403

    run(test)


def test_a_websocket_without_the_cookie_is_refused() -> None:
    async def test(stage: Stage) -> None:
        room = await stage.enter()
        async with stage.browser() as second:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await second.ws_connect(room + "socket", headers={"Origin": stage.root})
        assert refused.value.status == 403

    run(test)


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/page/no.js", "/nothing", "/room/x/"])
def test_every_answer_forbids_foreign_scripts_frames_and_caching(path: str) -> None:
    async def test(stage: Stage) -> None:
        async with stage.client.get(stage.root + path) as page:
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["Cache-Control"] == "no-store"
            assert page.headers["Referrer-Policy"] == "no-referrer"

    run(test)


def test_files_outside_the_page_are_not_served() -> None:
    async def test(stage: Stage) -> None:
        for name in ("..%2fkind.py", "%2e%2e/kind.py", "notice.html"):
            async with stage.client.get(f"{stage.root}/page/{name}") as page:
                assert page.status == 404

    run(test)


def test_only_the_loopback_address_is_bound() -> None:
    async def test(stage: Stage) -> None:
        assert stage.operator._runner is not None
        assert [address[0] for address in stage.operator._runner.addresses] == ["127.0.0.1"]

    run(test)


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            operator = WebHuman(WorkerContext("web", {"port": port}))
            with pytest.raises(ValueError, match=f"port {port} is in use; leave out @port or choose another"):
                await operator.start()

    asyncio.run(go())


def test_one_line_a_person_is_told_with_the_address_before_any_seat_is_theirs() -> None:
    told: list[tuple[str, str]] = []

    async def go() -> None:
        people = ("human#1", "human#2")
        status = lambda text, address: told.append((text, address))  # noqa: E731
        operator = WebHuman(WorkerContext("web", {}, status, people))
        await operator.start()
        assert [text for text, _ in told] == ["human#1 plays here", "human#2 plays here"]
        for match in range(2):
            operator.open([seat(match, place, name) for place, name in enumerate(people)])
        await operator.stop()

    asyncio.run(go())
    assert len({address for _, address in told}) == len(told) == 2
    assert all(re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address) for _, address in told)


def test_a_person_keeps_the_page_when_the_seat_changes_from_match_to_match() -> None:
    async def test(stage: Stage) -> None:
        stage.operator.end(0, 1, outcome(0, 0))
        stage.operator.open([seat(1, 0)])
        assert len(stage.links) == 1

    run(test)


def test_an_answer_from_the_page_is_the_decision() -> None:
    async def test(stage: Stage) -> None:
        async with stage.talk() as ws:
            asked = asyncio.ensure_future(stage.operator.decide(request(7)))
            shown = await state(ws, lambda message: message["tables"][0]["request"] == 7)
            assert [choice["keys"] for choice in shown["tables"][0]["choices"]] == [["1", "f"], ["2", "c"], ["3", "r"]]
            await ws.send_json({"type": "answer", "request": 7, "action": 2})
            assert (await asked).answer == 2

    run(test)


def test_an_answer_to_another_request_is_ignored_and_said() -> None:
    async def test(stage: Stage) -> None:
        async with stage.talk() as ws:
            asked = asyncio.ensure_future(stage.operator.decide(request(7)))
            await state(ws, lambda message: message["tables"][0]["request"] == 7)
            await ws.send_json({"type": "answer", "request": 6, "action": 2})
            assert "too late" in (await state(ws, notice))["text"]
            assert not asked.done()
            asked.cancel()

    run(test)


@pytest.mark.parametrize(
    "sent",
    [
        "not json",
        "[" * 3000,
        '{"type":"answer","request":7}',
        '{"type":"answer","request":7,"action":0}',
        '{"type":"answer","request":7,"action":99}',
        '{"type":"answer","request":"7","action":1}',
        '{"type":"steal"}',
    ],
)
def test_nonsense_and_illegal_actions_change_nothing(sent: str) -> None:
    async def test(stage: Stage) -> None:
        async with stage.talk() as ws:
            asked = asyncio.ensure_future(stage.operator.decide(request(7, legal=(1, 2))))
            await state(ws, lambda message: message["tables"][0]["request"] == 7)
            await ws.send_str(sent)
            await state(ws, notice)
            assert not asked.done()
            await ws.send_json({"type": "answer", "request": 7, "action": 1})
            assert (await asked).answer == 1

    run(test)


def test_a_picture_comes_as_a_binary_message_pixel_for_pixel() -> None:
    async def test(stage: Stage) -> None:
        async with stage.talk() as ws:
            asked = asyncio.ensure_future(stage.operator.decide(request(7, image=picture(200))))
            while (message := await ws.receive()).type is not aiohttp.WSMsgType.BINARY:
                pass
            head, _, data = message.data.partition(b"\n")
            assert head == b'{"key":"0.1","picture":1}'
            assert data == encode(picture(200))
            asked.cancel()

    run(test)


def test_encoding_a_picture_loses_nothing() -> None:
    import io

    image = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(np.asarray(Picture.open(io.BytesIO(encode(image)))), image)


def test_giving_up_is_a_fault_now_and_later_in_that_match() -> None:
    async def test(stage: Stage) -> None:
        async with stage.talk() as ws:
            asked = asyncio.ensure_future(stage.operator.decide(request(7)))
            await state(ws, lambda message: message["tables"][0]["request"] == 7)
            await ws.send_json({"type": "give_up", "match": 0, "seat": 1})
            assert (await asked).fault == "unparsable"
            assert (await stage.operator.decide(request(8))).fault == "unparsable"

    run(test)


def test_one_persons_page_says_nothing_of_anothers() -> None:
    async def test(stage: Stage) -> None:
        stage.operator.open([seat(0, 0, "other")])
        async with stage.talk() as ws:
            asked = asyncio.ensure_future(stage.operator.decide(request(7, "secret", place=0)))
            mine = asyncio.ensure_future(stage.operator.decide(request(8, "mine")))
            shown = await state(ws, lambda message: message["tables"][0]["request"] == 8)
            assert "secret" not in str(shown)
            await ws.send_json({"type": "answer", "request": 7, "action": 1})
            await state(ws, notice)
            assert not asked.done()
            asked.cancel()
            mine.cancel()

    run(test)


def test_the_page_learns_that_the_arena_has_finished_before_the_connection_closes() -> None:
    async def test(stage: Stage) -> None:
        async with stage.talk() as ws:
            await state(ws)
            stage.operator.end(0, 1, outcome(-1, 1))
            stopping = asyncio.ensure_future(stage.operator.stop())
            last = await state(ws, lambda message: message["stopped"])
            assert last["last"]["headline"] == "You won: +1 chips"
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
            await stopping

    run(test)


def limited(stage: Stage, number: int = 7) -> tuple[asyncio.Task[Any], asyncio.Task[None]]:
    """A question with a budget: its answer, and whether its clock runs."""
    asked = request(number, budget=60)
    deciding = asyncio.ensure_future(stage.operator.decide(asked))
    return deciding, asyncio.ensure_future(stage.operator.seen(asked))


def test_a_clock_begins_when_the_page_says_that_the_question_is_seen() -> None:
    async def test(stage: Stage) -> None:
        deciding, clock = limited(stage)
        async with stage.talk() as ws:
            shown = (await state(ws, lambda message: message["tables"][0]["request"] == 7))["tables"][0]
            assert (shown["seen"], shown["left"], clock.done()) == (False, None, False)
            await ws.send_json({"type": "seen", "request": 7})
            shown = (await state(ws, lambda message: message["tables"][0]["seen"]))["tables"][0]
            assert 50 < shown["left"] <= 60
            await clock
        deciding.cancel()

    run(test)


def test_who_left_the_page_for_long_does_not_stop_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(stage: Stage) -> None:
        monkeypatch.setattr("arena_operators.human.person.AWAY", 0.01)
        async with stage.talk() as ws:
            await state(ws)
        for number in (7, 8):  # the one that is open when the time is over, and those that come after
            deciding, clock = limited(stage, number)
            await clock
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)

    run(test)


def test_the_page_is_sent_nothing_that_turns_or_hides_letters() -> None:
    hostile = "\x1b[2J\x9b\u202e\u200b"

    async def test(stage: Stage) -> None:
        asked = request(7, hostile, facts={"pot": hostile}, reason=hostile)
        deciding = asyncio.ensure_future(stage.operator.decide(asked))
        async with stage.talk() as ws:
            shown = await state(ws, lambda message: message["tables"][0]["request"] == 7)
            assert str(shown).count("\\\\u202e") == 3  # the text, the fact, the reason
            assert not set(str(shown)) & set(hostile[0] + hostile[4:])
        deciding.cancel()

    run(test)
