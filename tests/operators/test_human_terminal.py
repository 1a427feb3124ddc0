"""A person at a real pseudo-terminal: what is shown, what a typed line does."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from arena.operator import Decision, Outcome, Request, WorkerContext
from arena_operators.human.show import CLEAR
from arena_operators.human.terminal import TerminalHuman
from arena_operators.human.tty import TerminalGoneError, Tty
from tests.operators.human_kit import CARD, GUARD, outcome, request, seat


class Screen:
    """The other end of the terminal: what the person sees and types."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._came = asyncio.Event()
        self.seen = ""
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        self.seen += os.read(self._master, 65536).decode()
        self._came.set()

    async def shows(self, text: str) -> str:
        """Wait for `text` and return what came up to its end, colours removed; the rest stays to be looked at."""
        while text not in (plain := re.sub(r"\x1b\[[0-9;]*m", "", self.seen)):
            self._came.clear()
            await self._came.wait()
        end = plain.index(text) + len(text)
        self.seen = plain[end:]
        return plain[:end].replace("\r\n", "\n")

    def type(self, line: str) -> None:
        os.write(self._master, line.encode() + b"\n")


@asynccontextmanager
async def sitting(*seats: tuple[int, int]) -> AsyncIterator[tuple[TerminalHuman, Screen]]:
    """An operator on a pseudo-terminal with (match, seat) open; by default match 0, seat 1."""
    master, slave = os.openpty()
    operator = TerminalHuman(WorkerContext("terminal", {"tty": os.ttyname(slave)}))
    async with asyncio.timeout(GUARD):
        await operator.start()
        operator.open([seat(match, place, names=()) for match, place in seats or ((0, 1),)])
        screen = Screen(master)
        yield operator, screen
        await operator.stop()
    asyncio.get_running_loop().remove_reader(master)
    os.close(master)
    os.close(slave)


async def answered(operator: TerminalHuman, screen: Screen, question: Request, *lines: str) -> Decision:
    """What `question` is answered when the person types `lines`, each after a prompt."""
    asked = asyncio.ensure_future(operator.decide(question))
    for line in lines:
        await screen.shows("your move: ")
        screen.type(line)
    return await asked


def test_what_was_chosen_is_called_what_it_was_offered_as() -> None:
    async def play() -> None:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1, facts={"label.call": "call 10"})))
            await screen.shows("your move: ")
            screen.type("c")
            assert (await asked).answer == 1
            await screen.shows("You: call 10. Waiting for the others ...")

    asyncio.run(play())


def test_the_question_shows_cards_words_and_numbered_actions() -> None:
    async def play() -> str:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1, "Pot: 30", facts={"hand": "Kh Td"})))
            shown = await screen.shows("your move: ")
            screen.type("1")
            await asked
            return shown

    shown = asyncio.run(play())
    assert "│K  │ │10 │" in shown
    assert "│ ♥ │ │ ♦ │" in shown
    assert "Pot: 30" in shown
    assert all(action in shown for action in ("1  fold (f)", "2  call (c)", "3  raise (r)"))


def test_who_sits_where_is_told() -> None:
    async def play() -> str:
        async with sitting() as (operator, screen):
            operator.open([seat(1)])
            asked = asyncio.ensure_future(operator.decide(request(1, match=1)))
            shown = await screen.shows("your move: ")
            screen.type("1")
            await asked
            return shown

    assert "seat 0: vlm, seat 1: human (you)" in asyncio.run(play())


@pytest.mark.parametrize(("typed", "action"), [("2", 1), ("r", 2), ("Fold", 0), ("ca", 1)])
def test_a_number_a_letter_and_a_name_each_choose(typed: str, action: int) -> None:
    async def play() -> Decision:
        async with sitting() as (operator, screen):
            return await answered(operator, screen, request(1), typed)

    assert asyncio.run(play()).answer == action


def test_a_wrong_line_is_told_what_is_expected_and_asked_again() -> None:
    async def play() -> tuple[str, Decision]:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1, legal=(1, 2))))
            await screen.shows("your move: ")
            screen.type("banana")
            told = await screen.shows("your move: ")
            screen.type("fold")
            told += await screen.shows("your move: ")
            screen.type("2")
            return told, await asked

    told, decision = asyncio.run(play())
    assert "'banana' is not a choice here; type 2/c, 3/r or a name" in told
    assert "fold is not legal now" in told
    assert decision.answer == 1


def test_why_it_is_asked_again_is_shown() -> None:
    async def play() -> None:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1, reason="fold is not legal now")))
            await screen.shows("Asked again, because: fold is not legal now")
            await screen.shows("your move: ")
            screen.type("2")
            await asked

    asyncio.run(play())


def test_what_was_typed_before_the_question_is_no_move() -> None:
    async def play() -> Decision:
        async with sitting() as (operator, screen):
            screen.type("1")
            return await answered(operator, screen, request(1), "3")

    assert asyncio.run(play()).answer == 2


def test_a_cancelled_question_leaves_the_keyboard_to_the_next_one() -> None:
    async def play() -> Decision:
        async with sitting() as (operator, screen):
            late = asyncio.ensure_future(operator.decide(request(1)))
            await screen.shows("your move: ")
            late.cancel()
            await screen.shows("The question was taken back.")
            return await answered(operator, screen, request(2), "2")

    assert asyncio.run(play()).answer == 1


def test_giving_up_is_a_fault_of_every_later_turn_of_that_match_only() -> None:
    async def play() -> list[Decision]:
        async with sitting((0, 1), (1, 1)) as (operator, screen):
            first = asyncio.ensure_future(operator.decide(request(1)))
            await screen.shows("your move: ")
            screen.type("q")
            await screen.shows("Give up this match? y/n: ")
            screen.type("y")
            given_up = [await first, await operator.decide(request(2))]
            return [*given_up, await answered(operator, screen, request(3, match=1), "2")]

    first, later, other = asyncio.run(play())
    assert (first.fault, later.fault, other.fault) == ("unparsable", "unparsable", None)
    assert first.detail == "the person gave up this match"


def test_giving_up_must_be_confirmed() -> None:
    async def play() -> Decision:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1)))
            await screen.shows("your move: ")
            screen.type("q")
            await screen.shows("Give up this match? y/n: ")
            screen.type("n")
            await screen.shows("your move: ")
            screen.type("2")
            return await asked

    assert asyncio.run(play()).answer == 1


def test_help_shows_the_rules_and_asks_again() -> None:
    async def play() -> None:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1)))
            await screen.shows("your move: ")
            screen.type("?")
            await screen.shows("The higher card wins.")
            await screen.shows("your move: ")
            screen.type("2")
            await asked

    asyncio.run(play())


def test_the_result_is_shown_with_every_seat() -> None:
    async def play() -> str:
        async with sitting() as (operator, screen):
            operator.end(0, 1, outcome(-2.5, 2.5))
            return await screen.shows("seat 1 - you  +2.5")

    shown = asyncio.run(play())
    assert "You won: +2.5 chips" in shown
    assert "seat 1 shows a king" in shown
    assert "seat 0        -2.5" in shown


def test_the_next_seat_sees_nothing_of_the_one_before_and_nothing_before_it_presses_enter() -> None:
    async def play() -> tuple[str, str]:
        async with sitting((0, 0), (0, 1)) as (operator, screen):
            first = asyncio.ensure_future(operator.decide(request(1, "secret of seat 0", place=0)))
            await screen.shows("Pass the keyboard to seat 0, then press Enter: ")
            screen.type("")
            await screen.shows("your move: ")
            screen.type("2")
            await first
            second = asyncio.ensure_future(operator.decide(request(2, "secret of seat 1", place=1)))
            between = await screen.shows("Pass the keyboard to seat 1, then press Enter: ")
            screen.type("")
            after = await screen.shows("your move: ")
            screen.type("2")
            await second
            return between, after

    between, after = asyncio.run(play())
    assert CLEAR in between
    assert "secret of seat 1" not in between
    assert "secret of seat 1" in after
    assert "secret of seat 0" not in after


def test_a_question_cancelled_before_enter_still_hides_the_next_one() -> None:
    async def play() -> str:
        async with sitting((0, 0), (0, 1)) as (operator, screen):
            late = asyncio.ensure_future(operator.decide(request(1)))
            await screen.shows("then press Enter: ")
            late.cancel()
            again = asyncio.ensure_future(operator.decide(request(2, "secret")))
            shown = await screen.shows("then press Enter: ")
            screen.type("")
            await screen.shows("your move: ")
            screen.type("2")
            await again
            return shown

    assert "secret" not in asyncio.run(play())


def test_a_match_that_ends_with_its_question_leaves_no_error() -> None:
    async def play() -> bool:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1)))
            await screen.shows("your move: ")
            asked.cancel()
            operator.end(0, 1, outcome(0, 0))
            await asyncio.gather(asked, return_exceptions=True)
            return asked.cancelled()

    assert asyncio.run(play())


def test_a_closed_terminal_is_an_error_and_no_endless_question() -> None:
    async def play() -> None:
        master, slave = os.openpty()
        tty = Tty(os.ttyname(slave))
        os.close(slave)
        os.close(master)
        async with asyncio.timeout(GUARD):
            await tty.read_line()

    with pytest.raises(TerminalGoneError, match=r"gone|closed"):
        asyncio.run(play())


def test_a_game_cannot_steer_the_terminal() -> None:
    async def play() -> str:
        async with sitting() as (operator, screen):
            asked = asyncio.ensure_future(operator.decide(request(1, "a\x1b]0;title\x07b", facts={})))
            while "b" not in screen.seen or "your move" not in screen.seen:
                await screen._came.wait()
                screen._came.clear()
            raw = screen.seen
            screen.type("2")
            await asked
            return raw

    assert "\x1b]" not in asyncio.run(play())


def test_a_path_that_is_no_terminal_is_refused() -> None:
    with pytest.raises(ValueError, match="/dev/null is not a terminal"):
        Tty("/dev/null")


HOSTILE = "[/x] [bold]\x1b[2J\x1b]0;t\x07\x9b1m\u202e"
SHOWN = "[/x] [bold]\\x1b[2J\\x1b]0;t\\x07\\x9b1m\\u202e"


def test_what_others_wrote_is_shown_and_not_obeyed() -> None:
    async def play() -> str:
        async with sitting() as (operator, screen):
            operator.end(0, 1, outcome(0, 0))
            card = msgspec.structs.replace(CARD, game=HOSTILE, rules=HOSTILE, unit=HOSTILE, actions=("a", HOSTILE, "c"))
            operator.open([msgspec.structs.replace(seat(1, names=(HOSTILE, HOSTILE)), card=card)])
            asked = asyncio.ensure_future(operator.decide(request(1, HOSTILE, match=1, reason=HOSTILE)))
            out = await screen.shows("your move: ")
            screen.type("?")
            out += await screen.shows("your move: ")
            screen.type("2")
            await asked
            ended = Outcome(status="terminated", returns=(1.0, -1.0), reason=HOSTILE, events=(HOSTILE,))
            operator.end(1, 1, ended)
            return out + await screen.shows("you")

    out = re.sub(r"\x1b\[[0-9;]*m", "", asyncio.run(play()))
    assert not set(out) & set("\x1b\x07\x9b\u202e")
    assert out.replace("\n", "").count(SHOWN[:20]) >= 8


def test_a_clock_begins_when_the_question_is_printed() -> None:
    async def play() -> None:
        async with sitting((0, 0), (0, 1)) as (operator, screen):
            asked = [request(1, place=0, budget=60), request(2, place=1, budget=60)]
            deciding = [asyncio.ensure_future(operator.decide(one)) for one in asked]
            clocks = [asyncio.ensure_future(operator.seen(one)) for one in asked]
            await screen.shows("Pass the keyboard to seat 0, then press Enter: ")
            assert [clock.done() for clock in clocks] == [False, False]
            screen.type("")
            await screen.shows("your move: ")
            await clocks[0]
            assert not clocks[1].done()
            screen.type("1")
            await screen.shows("Pass the keyboard to seat 1, then press Enter: ")
            screen.type("")
            await screen.shows("your move: ")
            await clocks[1]
            screen.type("1")
            await asyncio.gather(*deciding)

    asyncio.run(play())


def test_a_match_that_asks_nothing_for_long_is_said_to_have_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_operators.human.terminal.LONG", 0.0)

    async def play() -> None:
        async with sitting((4, 1)) as (_, screen):
            await screen.shows("toy - match 4 - seat 1: it has begun. Waiting for the others ...")

    asyncio.run(play())
