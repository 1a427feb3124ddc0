"""A person in a game in which players talk: at the page (in chromium) and at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from arena.game import Said
from arena.operator import Decision, Request
from arena_operators.human.talk import decided
from tests.operators.browser_kit import READY, Stage, Test, in_browser
from tests.operators.human_kit import request
from tests.operators.test_human_terminal import answered, sitting

HOSTILE = "<b>bold</b> \x1b[2J & \u202etxt"


@pytest.mark.parametrize(
    ("question", "action", "words", "expected"),
    [
        (request(1, free_text=10), None, " he\nllo ", Decision(answer="he llo", raw="typed")),
        (request(1, free_text=10), 1, "", Decision(answer=1, raw="typed")),
        (request(1, table_talk=10), 1, "hi", Decision(answer=1, say="hi", raw="typed")),
        (request(1, free_text=10), None, "x" * 11, "That has 11 characters; at most 10 are taken here."),
        (request(1, free_text=10), None, " \n", "Type what you want to say, or choose an action."),
        (request(1), None, "hello", "No text of your own is taken here. Choose an action."),
        (request(1), 1, "hello", "Nothing can be said beside an action here."),
        (request(1, legal=(0,)), 1, "", "That is not legal now. Choose one of the buttons."),
    ],
)
def test_what_a_person_typed_counts_or_they_are_told_why_not(
    question: Request, action: int | None, words: str, expected: Decision | str
) -> None:
    assert decided(question, action, words, "typed") == expected


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@in_browser[1]
def test_a_text_of_ones_own_is_typed_and_sent(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, free_text=20))
        await page.wait_for_selector(READY)
        await page.fill("#say", "1 and call, x" * 2)
        assert await page.text_content("#say-count") == "26 of 20"
        assert await page.is_disabled("#say-send")
        await page.fill("#say", "")
        await page.type("#say", "1 and call \U0001f600")  # keys that are actions are letters here
        assert await page.text_content("#say-count") == "12 of 20"
        await page.press("#say", "Enter")
        assert (await asked).answer == "1 and call \U0001f600"
        await page.wait_for_selector("#heard li.you")
        assert await page.is_hidden("#talk")

    stage_runner(test)


@pytest.mark.browser
@in_browser[1]
def test_words_beside_an_action_are_sent_with_its_button(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, table_talk=20))
        await page.wait_for_selector(READY)
        await page.fill("#say", "good luck")
        await page.press("#say", "Enter")
        await page.get_by_text("Choose an action").wait_for()
        await page.get_by_role("button", name="Call").click()
        decision = await asked
        assert (decision.answer, decision.say) == (1, "good luck")
        asked = stage.ask(request(2))  # where nothing may be said there is no box
        await page.wait_for_selector(READY)
        assert await page.is_hidden("#talk")
        asked.cancel()

    stage_runner(test)


@pytest.mark.browser
@in_browser[1]
def test_words_of_others_are_shown_as_text(stage_runner: Callable[[Test], None]) -> None:
    async def test(stage: Stage) -> None:
        page = await stage.page()
        asked = stage.ask(request(1, heard=(Said(0, HOSTILE),)))
        await page.wait_for_selector("#heard li")
        assert await page.locator("#heard li").all_inner_texts() == ["seat 0 (vlm)\n<b>bold</b> \\x1b[2J & \\u202etxt"]
        assert await page.locator("#heard b").count() == 1
        asked.cancel()

    stage_runner(test)


# --- the terminal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "lines", "answer", "say"),
    [
        (request(1, free_text=20), ["c is for chess"], "c is for chess", None),
        (request(1, free_text=20), ["c"], "c", None),  # a letter is not an action where anything may be said
        (request(1, free_text=20), ["x" * 21, "Call"], 1, None),
        (request(1, free_text=20), ["2"], 1, None),
        (request(1, free_text=20), ['"2'], "2", None),
        (request(1, table_talk=20), ['"good luck', "c"], 1, "good luck"),
        (request(1, table_talk=20), ['"' + "x" * 21, "c"], 1, None),
        (request(1), ['"hello', "c"], 1, None),
    ],
)
def test_at_a_terminal(question: Request, lines: list[str], answer: int | str, say: str | None) -> None:
    async def play() -> Decision:
        async with sitting() as (operator, screen):
            return await answered(operator, screen, question, *lines)

    decision = asyncio.run(play())
    assert (decision.answer, decision.say) == (answer, say)


def test_a_terminal_shows_what_was_said_and_obeys_none_of_it() -> None:
    async def play() -> str:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1, heard=(Said(0, HOSTILE),))))
            raw = await screen.shows("your move: ")
            screen.type("c")
            await asked
            return raw

    seen = asyncio.run(play())
    assert "seat 0 said: <b>bold</b> \\x1b[2J & \\u202etxt" in seen
    assert "\u202e" not in seen
