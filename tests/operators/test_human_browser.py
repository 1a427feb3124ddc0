"""The page as a person meets it, in headless Chromium: clicking, keys, reloading, losing the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from arena_operators.human.results import company
from tests.operators.browser_kit import READY, Stage, Test, in_browser
from tests.operators.human_kit import CARD, outcome, picture, request, seat

pytestmark = in_browser


def test_a_match_is_played_by_clicking(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        for number, name, action in ((1, "Call", 1), (2, "Raise", 2)):
            asked = stage.ask(request(number))
            await page.get_by_role("button", name=name).click()
            assert (await asked).answer == action
            await page.wait_for_selector("#actions[data-state=wait]")
        stage.operator.end(0, 1, outcome(-3, 3))
        await page.get_by_role("heading", name="You won: +3 chips").wait_for()
        assert "seat 1 shows a king" in await page.text_content("#last")

    stage_runner(test)


def test_who_sits_where_is_told(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1))
        await page.wait_for_selector(READY)
        assert "seat 0: vlm\nseat 1: human (you)" in (await page.text_content("#facts") or "")
        asked.cancel()

    stage_runner(test)


def test_a_blind_match_has_no_names_to_tell() -> None:
    assert company(seat(names=("player 0", "P1"))) == []
    assert company(seat(names=("player 1", "P1"))) != []  # an operator that is called so


def test_a_match_is_played_by_keys(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        for number, key, action in ((1, "2", 1), (2, "r", 2), (3, "F", 0)):
            asked = stage.ask(request(number))
            await page.wait_for_selector(READY)
            await page.keyboard.press(key)
            assert (await asked).answer == action

    stage_runner(test)


def test_buttons_show_their_keys_and_illegal_actions_have_none(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, legal=(1, 2)))
        await page.wait_for_selector(READY)
        assert await page.locator("#buttons button").all_inner_texts() == ["Call\n2\nC", "Raise\n3\nR"]
        await page.keyboard.press("f")
        await page.get_by_text("No action has the key f").wait_for()
        assert not asked.done()
        asked.cancel()

    stage_runner(test)


def test_signs_and_arrows_are_keys_of_the_actions_that_they_name(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        signs = msgspec.structs.replace(seat(1), card=msgspec.structs.replace(CARD, actions=("up", "left", "+")))
        stage.operator.open([signs])
        page = await stage.page()
        for number, (key, action) in enumerate((("ArrowLeft", 1), ("+", 2), ("ArrowUp", 0))):
            asked = stage.ask(request(number, match=1))
            await page.wait_for_selector(READY)
            await page.keyboard.press("ArrowDown")  # no action has it: it does nothing
            await page.keyboard.press(key)
            assert (await asked).answer == action

    stage_runner(test)


def test_a_reload_in_the_middle_keeps_the_question(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, image=picture(40)))
        await page.wait_for_selector(READY)
        await page.reload()
        # Set when the picture is loaded. (wait_for_function polls by eval, which the page's policy forbids.)
        await page.wait_for_selector("#felt[style*='--ratio: 1.6']")
        await page.wait_for_selector(READY)
        await page.keyboard.press("c")
        assert (await asked).answer == 1

    stage_runner(test)


def test_a_lost_connection_comes_back_with_the_question(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1))
        await page.wait_for_selector(READY)
        for open_socket in tuple(stage.operator._site._sockets):
            await open_socket.close()
        await page.wait_for_selector("#link[data-state=off]")
        await page.wait_for_selector(READY)
        await page.keyboard.press("2")
        assert (await asked).answer == 1

    stage_runner(test)


def test_a_stale_click_is_ignored_and_said(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        held = asyncio.Event()
        # The page misses that its question is taken back, as on a slow line.
        await page.route_web_socket("**/socket", lambda ws: hold_states(ws, held))
        await page.reload()
        first = stage.ask(request(1))
        await page.wait_for_selector(READY)
        held.set()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        second = stage.ask(request(2))
        await page.get_by_role("button", name="Raise").click()
        await page.get_by_text("That came too late").wait_for()
        assert not second.done()
        second.cancel()

    stage_runner(test)


def hold_states(ws: Any, held: asyncio.Event) -> None:
    server = ws.connect_to_server()
    server.on_message(lambda data: None if held.is_set() and '"state"' in str(data) else ws.send(data))


def test_the_second_click_of_a_double_click_is_no_move(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.blank()
        await page.clock.install(time=0)
        await page.goto(stage.links[0])
        await page.wait_for_selector("#link[data-state=on]")
        await page.clock.pause_at(3_600_000)  # from here on the page's time stands still
        first = stage.ask(request(1))
        await page.get_by_role("button", name="Call").click()
        await first
        second = stage.ask(request(2))
        await page.wait_for_selector("#actions[data-state=act]")
        await page.keyboard.press("c")
        await page.get_by_role("button", name="Call").dispatch_event("click")
        await page.clock.run_for(1000)
        await page.wait_for_selector(READY)
        assert not second.done()
        await page.keyboard.press("r")
        assert (await second).answer == 2

    stage_runner(test)


def test_time_that_runs_out_is_said_until_the_next_answer(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        question = request(1, budget=0.01)
        first = stage.ask(question)
        await asyncio.sleep(0)
        await stage.operator.seen(question)  # its clock begins here; a page that has not drawn it yet loses no time
        first.cancel()  # as the worker's host does
        await page.get_by_text("Your time ran out").wait_for()
        assert await page.locator("#buttons button").count() == 0
        again = stage.ask(request(2))
        await page.wait_for_selector(READY)
        assert await page.is_visible("text=Your time ran out")
        await page.keyboard.press("2")
        await again
        await page.wait_for_selector("#alert[hidden]", state="attached")

    stage_runner(test)


def test_a_limit_is_counted_down(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, budget=3000))
        await page.wait_for_selector("#clock:not([hidden])")
        assert 2900 < int((await page.inner_text("#clock-text")).removesuffix(" s")) <= 3000
        asked.cancel()

    stage_runner(test)


def test_why_it_is_asked_again_is_shown(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, reason="fold is not legal now"))
        await page.get_by_role("alert").get_by_text("because: fold is not legal now").wait_for()
        asked.cancel()

    stage_runner(test)


def test_a_session_goes_on_with_the_next_match(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        stage.operator.end(0, 1, outcome(-3, 3))
        stage.operator.open([seat(1, 0)])
        asked = stage.ask(request(1, match=1, place=0))
        await page.get_by_role("button", name="Next").click()
        await page.wait_for_selector(READY)
        assert await page.is_visible("text=You won: +3 chips")
        await page.keyboard.press("1")
        await asked
        await page.wait_for_selector("#last[hidden]", state="attached")
        stage.operator.end(1, 0, outcome(-1, 1))
        await page.get_by_text("Sum of 2 matches: +2").wait_for()
        await stage.operator.stop(True)
        await page.get_by_role("heading", name="The arena has finished").wait_for()
        assert await page.is_visible("text=You lost: -1 chips")

    stage_runner(test)


def test_two_seats_have_two_pages(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        stage.operator.open([seat(0, 0, "human#2")])
        one, two = await stage.page(stage.links[0]), await stage.page(stage.links[1])
        asked = stage.ask(request(1, "king")), stage.ask(request(2, "queen", place=0))
        await one.wait_for_selector(READY)
        await two.wait_for_selector(READY)
        assert ("king" in await one.content(), "queen" in await one.content()) == (True, False)
        await two.keyboard.press("3")
        assert (await asked[1]).answer == 2
        assert not asked[0].done()
        asked[0].cancel()

    stage_runner(test)


def test_two_matches_at_once_are_two_tables_of_one_page(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        stage.operator.open([seat(1, 1)])
        page = await stage.page()
        asked = stage.ask(request(1, "first table")), stage.ask(request(2, "second table", match=1))
        await page.locator("#tables").get_by_role("button", name="Match 1").click()
        await page.locator("#words", has_text="second table").wait_for()
        await page.keyboard.press("2")
        assert (await asked[1]).answer == 1
        await page.locator("#words", has_text="first table").wait_for()
        await page.wait_for_selector(READY)
        await page.keyboard.press("3")
        assert (await asked[0]).answer == 2

    stage_runner(test)


def test_the_link_works_again_in_its_own_browser(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        await page.goto(stage.links[0])
        await page.wait_for_selector("#link[data-state=on]")
        assert len(stage.links) == 1

    stage_runner(test)


def test_another_browser_is_refused_until_it_has_the_fresh_link(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        old = await stage.page()
        other = await stage.blank()
        await other.goto(stage.links[0])
        await other.get_by_text("This seat is open in another browser").wait_for()
        await other.goto(stage.links[1])
        await other.wait_for_selector("#link[data-state=on]")
        await old.get_by_text("opened in another browser").wait_for()

    stage_runner(test)


def test_the_picture_speaks_for_those_who_cannot_see_it(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, "You hold Kh.", image=picture(40)))
        await page.get_by_alt_text("You hold Kh.").wait_for()
        assert "Your move. fold, key 1 or f" in await page.inner_text("#live")
        asked.cancel()

    stage_runner(test)


def test_help_names_keys_and_rules_and_no_key_is_a_move_meanwhile(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1))
        await page.wait_for_selector(READY)
        await page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="Help")
        assert "The higher card wins." in await dialog.inner_text()
        await page.keyboard.press("c")
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="hidden")
        assert not asked.done()
        await page.keyboard.press("r")
        assert (await asked).answer == 2

    stage_runner(test)


def test_giving_up_asks_first(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1))
        await page.get_by_role("button", name="Give up this match").click()
        await page.get_by_role("button", name="Keep playing").click()
        assert not asked.done()
        await page.get_by_role("button", name="Give up this match").click()
        await page.get_by_role("button", name="Give up", exact=True).click()
        assert (await asked).fault == "unparsable"

    stage_runner(test)


def test_buttons_say_amounts_and_keep_their_keys(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, facts={"label.call": "call 10", "label.raise": "raise to 20"}))
        await page.wait_for_selector(READY)
        texts = await page.locator("#buttons button").all_inner_texts()
        assert texts == ["Fold\n1\nF", "Call 10\n2\nC", "Raise to 20\n3\nR"]
        await page.keyboard.press("r")
        assert (await asked).answer == 2
        await page.get_by_text("You: raise to 20").wait_for()

    stage_runner(test)


def test_space_and_arrows_never_scroll_the_page(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, "line\n" * 200))
        await page.wait_for_selector(READY)
        assert await page.evaluate("document.documentElement.scrollHeight > innerHeight")
        for wait in (True, False):
            for key in ("Space", "ArrowDown", "ArrowRight", "PageDown"):
                await page.keyboard.press(key)
            if wait:
                asked.cancel()
                await page.wait_for_selector("#actions[data-state=wait]")
        assert await page.evaluate("scrollY") == 0

    stage_runner(test)


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_is_wider_than_the_screen(stage_runner: Callable[[Test], None], width: int) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page(width=width)
        long = {"hand": "Kh 2c", "history": "seat 0 raises to 20, " * 9}
        asked = stage.ask(request(1, "word " * 200, facts=long, image=picture(90)))
        await page.wait_for_selector(READY)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await page.locator("#buttons button").last.is_visible()
        asked.cancel()

    stage_runner(test)
