"""The window, on SDL's display that is none: what its keys answer, and what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

pygame = pytest.importorskip("pygame")

from arena.errors import InputError  # noqa: E402
from arena.game import GameCard, Observation, Said, Views  # noqa: E402
from arena.operator import OpenSeat, Outcome, Request, SpectatorUpdate, WorkerContext  # noqa: E402
from arena_operators.human.held_keys import CHORD, HeldKeys, action_of  # noqa: E402
from arena_operators.human.kind import KIND  # noqa: E402
from arena_operators.human.window import WindowHuman  # noqa: E402
from tests.games.lane_toy import ToyLanes  # noqa: E402
from tests.operators import human_kit  # noqa: E402

LANES = ToyLanes(2).card()
PAIRS = ToyLanes(2, {"actions": "buttons"}).card()


def seated(card: GameCard = LANES, **facts: Any) -> OpenSeat:
    names = ("human", "scripted")
    views = Views(image=(240, 256), text=True)
    place = {"match": 0, "seat": 0, **facts}
    return OpenSeat(operator="human", card=card, views=views, seed=bytes(16), seats=names, **place)


def named(*held: str, card: GameCard = LANES) -> str:
    action = action_of(seated(card), range(len(card.actions)), held)
    assert action is not None
    return card.actions[action]


@pytest.mark.parametrize(
    ("held", "action"),
    [
        ([], "stay"),
        (["run"], "stay"),
        (["jump", "run"], "jump"),
        (["left", "run"], "left"),
        (["left", "run", "jump"], "left jump"),
        (["right", "run", "jump"], "right run jump"),
        (["up"], "stay"),
    ],
)
def test_what_is_held_becomes_the_action_that_holds_the_most_of_it(held: list[str], action: str) -> None:
    assert named(*held) == action


def test_of_three_buttons_two_are_held_where_no_action_holds_three() -> None:
    assert named("right", "run", "jump", card=PAIRS) == "right jump"


def test_of_two_opposite_buttons_the_later_is_held() -> None:
    hold = HeldKeys()
    for button in ("right", "left", "jump"):
        hold.press(button, 0.0)
    assert hold.held == {"left", "jump"}
    hold.answered(1.0)
    hold.let_go("left")
    assert hold.held == {"right", "jump"}


def test_a_tap_counts_once() -> None:
    hold = HeldKeys()
    hold.press("jump", 0.0)
    hold.let_go("jump")
    assert hold.held == {"jump"}
    hold.answered(0.1)
    assert hold.held == set()


def test_live_one_decision_follows_the_other_as_the_games_clock_goes() -> None:
    seat, hold = seated(), HeldKeys()
    hold.ask(seat, 0.0)
    assert not hold.due(seat, 5.0)  # nobody has begun
    hold.press("right", 5.0)
    assert hold.due(seat, 5.0)
    hold.answered(5.0)
    hold.ask(seat, 5.01)
    assert not hold.due(seat, 5.13)
    assert hold.due(seat, 5.14)


def test_step_by_step_it_waits_for_a_button_and_for_more_fingers() -> None:
    seat, hold = seated(), HeldKeys(live=False)
    hold.ask(seat, 0.0)
    assert not hold.due(seat, 100.0)
    hold.press("right", 100.0)
    assert not hold.due(seat, 100.0)
    assert hold.due(seat, 100.001 + CHORD)


def test_in_realtime_it_answers_in_time_whatever_is_held() -> None:
    seat, hold = seated(pace="realtime"), HeldKeys(begun=True)
    hold.ask(seat, 1.0)
    assert not hold.due(seat, 1.05)
    assert hold.due(seat, 1.06)


def test_in_realtime_it_answers_earlier_after_an_answer_that_was_late() -> None:
    seat, hold = seated(pace="realtime"), HeldKeys(begun=True)
    for asked in (1.0, 1.27, 1.54):  # every second tick
        hold.ask(seat, asked)
    assert hold.due(seat, 1.54 + 0.13 * 8 / 60)
    for number in range(60):
        hold.ask(seat, 2.0 + number * 8 / 60)
    assert not hold.due(seat, hold.asked + 0.39 * 8 / 60)


# --- the window -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


class Window(WindowHuman):
    """Says when it has looked at the keys, answered and drawn: the three go together."""

    def __init__(self) -> None:
        super().__init__(WorkerContext("window", {}))
        self._drew = asyncio.Event()

    def _draw(self) -> None:
        super()._draw()
        self._drew.set()

    async def drawn(self) -> None:
        """What it was told, and what was pressed, until now is on the screen."""
        for _ in range(2):  # a question that was put just now is not there yet when the first one begins
            self._drew.clear()
            await self._drew.wait()


def run(test: Callable[[Window], Awaitable[None]], seat: OpenSeat | None = None) -> None:
    async def main() -> None:
        window = Window()
        await window.start()
        try:
            window.open([seat or seated()])
            async with asyncio.timeout(human_kit.GUARD):
                await test(window)
        finally:
            await window.stop()

    asyncio.run(main())


def ask(window: WindowHuman, number: int = 1, legal: Any = None) -> asyncio.Task[Any]:
    frame = np.full((240, 256, 3), (200, 10, 10), np.uint8)
    seen = Observation(tuple(range(len(LANES.actions))) if legal is None else legal, image=frame, text="a lane")
    return asyncio.ensure_future(window.decide(Request(number, 0, 0, number, seen)))


def key(*keys: int, up: bool = False) -> None:
    for one in keys:
        pygame.event.post(pygame.event.Event(pygame.KEYUP if up else pygame.KEYDOWN, key=one))


def test_held_keys_are_answered_and_none_held_is_an_answer_too() -> None:
    async def test(window: Window) -> None:
        key(pygame.K_d, pygame.K_SPACE)
        assert LANES.actions[(await ask(window)).answer] == "right jump"
        key(pygame.K_d, pygame.K_SPACE, up=True)
        assert LANES.actions[(await ask(window, 2)).answer] == "stay"

    run(test)


def test_a_pause_waits_until_it_is_over() -> None:
    async def test(window: Window) -> None:
        key(pygame.K_RETURN, pygame.K_p)
        await window.drawn()
        asked = ask(window)
        await window.drawn()
        assert not asked.done()
        key(pygame.K_PERIOD)
        assert LANES.actions[(await asked).answer] == "stay"
        key(pygame.K_p)
        assert LANES.actions[(await ask(window, 2)).answer] == "stay"

    run(test)


def test_escape_twice_gives_up_the_match() -> None:
    async def test(window: Window) -> None:
        asked = ask(window)
        key(pygame.K_ESCAPE)
        await window.drawn()
        assert not asked.done()
        key(pygame.K_ESCAPE)
        assert (await asked).fault == "unparsable"
        assert (await ask(window, 2)).fault == "unparsable"

    run(test)


def test_a_closed_window_gives_up() -> None:
    async def test(window: Window) -> None:
        asked = ask(window)
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        assert (await asked).detail == "the person gave up this match"

    run(test)


def test_any_game_is_played_by_its_keys() -> None:
    async def test(window: Window) -> None:
        asked = ask(window, legal=(0, 2))
        key(pygame.K_2)  # not legal now
        await window.drawn()
        assert not asked.done()
        key(pygame.K_r)
        assert (await asked).answer == 2

    run(test, seated(human_kit.CARD))


def typed(text: str) -> None:
    for char in text:
        key(pygame.key.key_code(char) if char.strip() else pygame.K_SPACE)
        pygame.event.post(pygame.event.Event(pygame.TEXTINPUT, text=char))


def test_what_is_typed_is_said_and_is_no_action() -> None:
    async def test(window: Window) -> None:
        question = human_kit.request(1, place=0, free_text=20, heard=(Said(1, "well?"),))
        asked = asyncio.ensure_future(window.decide(question))
        await window.drawn()
        assert "seat 1 (scripted): well?" in window._words()[1]
        key(pygame.K_TAB)
        typed("c 2")
        await window.drawn()
        assert not asked.done()
        key(pygame.K_RETURN)
        assert (await asked).answer == "c 2"

    run(test, seated(human_kit.CARD))


def test_what_is_typed_beside_an_action_goes_with_it() -> None:
    async def test(window: Window) -> None:
        asked = asyncio.ensure_future(window.decide(human_kit.request(1, place=0, table_talk=20)))
        await window.drawn()
        key(pygame.K_TAB)
        typed("hi")
        key(pygame.K_RETURN, pygame.K_c)
        decision = await asked
        assert (decision.answer, decision.say) == (1, "hi")

    run(test, seated(human_kit.CARD))


def colours(window: WindowHuman) -> set[tuple[int, int, int]]:
    screen = pygame.display.get_surface()
    return {tuple(colour) for colour in pygame.surfarray.array3d(screen).reshape(-1, 3)[::7].tolist()}


def test_the_lane_and_all_lanes_are_on_the_screen() -> None:
    async def test(window: Window) -> None:
        ask(window)
        whole = np.full((600, 480, 3), (10, 10, 200), np.uint8)
        await window.watch(SpectatorUpdate(match=0, tick=1, game="toy", seats=("human", "scripted"), picture=whole))
        await window.drawn()
        assert (200, 10, 10) in (seen := colours(window))
        assert any(blue > 150 and red < 50 for red, _, blue in seen)  # it was made smaller, which blends

    run(test)


def test_a_second_person_is_sent_to_a_page() -> None:
    async def test(window: Window) -> None:
        with pytest.raises(ValueError, match="human:web"):
            window.open([seated()])

    run(test)


def test_without_a_display_it_says_so_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="no display here"):
        KIND.resolve_options(None, "window", {})


def over(*events: str) -> Outcome:
    return Outcome(status="terminated", returns=(1.0, 0.0), events=events)


def test_the_end_of_a_match_is_seen_before_the_next_begins() -> None:
    async def test(window: Window) -> None:
        window.end(0, 0, over("lane 0: died"))
        window.open([seated(match=1)])
        await window.drawn()
        head, notes = window._words()
        assert head.startswith("You won: +1 pixels")
        assert notes == ["lane 0: died", "Enter goes on"]
        frame = np.full((240, 256, 3), 9, np.uint8)
        asked = Request(2, 1, 0, 0, Observation((0,), image=frame))
        deciding = asyncio.ensure_future(window.decide(asked))
        clock = asyncio.ensure_future(window.seen(asked))
        await window.drawn()
        assert not clock.done()
        key(pygame.K_RETURN)
        await clock
        await window.drawn()
        assert "begin" in window._words()[0]
        deciding.cancel()

    run(test)


def test_a_lane_that_is_over_is_not_said_to_be_played() -> None:
    async def test(window: Window) -> None:
        asked = ask(window)
        key(pygame.K_d)
        await asked
        frame = np.full((240, 256, 3), (10, 200, 10), np.uint8)
        events = ("lane 0: x 204, died", "lane 1: x 90")
        seen = Observation((), image=frame)
        await window.watch(
            SpectatorUpdate(match=0, tick=1, game="toy", seats=("human",), events=events, seat=0, observation=seen)
        )
        await window.drawn()
        head, notes = window._words()
        assert "your part is over, the others go on" in head
        assert notes == ["lane 0: x 204, died"]
        assert (10, 200, 10) in colours(window)

    run(test)


def test_without_a_question_the_others_are_waited_for() -> None:
    async def test(window: Window) -> None:
        asked = ask(window)
        key(pygame.K_d)
        await asked
        assert window._table is not None
        window._table.asked -= 1
        assert "waiting for the others" in window._words()[0]

    run(test)


def test_words_that_cannot_be_drawn_are_shown_as_what_they_are() -> None:
    async def test(window: Window) -> None:
        window.end(0, 0, over("a\x00b\x1b"))
        await window.drawn()

    run(test)
