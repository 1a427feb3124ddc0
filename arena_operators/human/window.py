"""A person at a window on this machine, drawn by pygame-ce: plays by held keys, or selects choices by number."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import pygame

from arena.game import Image, Observation
from arena.operator import AsyncOperator, Decision, OpenSeat, Outcome, Request, SpectatorUpdate, WorkerContext
from arena.text import printable
from arena_operators.human.choices import GAVE_UP, Choice, offered_in
from arena_operators.human.held_keys import HeldKeys, action_of
from arena_operators.human.results import Result, of_seat, result, seat_name
from arena_operators.human.talk import Talk, decided

FRAMES = 60  # a second
PAUSE = 3.0  # seconds for which the end of a match is shown, or until Enter
LONG = 0.7  # seconds without a question after which the window says that it waits for the others
SIZE = (1120, 720)  # initial (width, height)
GAP = 16
HEARD = 5  # sayings that are shown
GROUND, TEXT, SOFT, GOLD = (11, 17, 14), (237, 244, 239), (163, 184, 172), (241, 213, 138)
KEYS = {
    "left": (pygame.K_LEFT, pygame.K_a),
    "right": (pygame.K_RIGHT, pygame.K_d),
    "up": (pygame.K_UP, pygame.K_w),
    "down": (pygame.K_DOWN, pygame.K_s),
    "jump": (pygame.K_SPACE, pygame.K_k),
    "run": (pygame.K_j, pygame.K_x),
}
SPARE = (pygame.K_u, pygame.K_i, pygame.K_o, pygame.K_h, pygame.K_y, pygame.K_n, pygame.K_m)


@dataclass(slots=True)
class _PlayedSeat:
    """The seat that the window shows."""

    seat: OpenSeat
    keys: dict[int, str]  # the button of each key
    hold: HeldKeys = field(default_factory=HeldKeys)
    request: Request | None = None
    reply: asyncio.Future[Decision] | None = None
    seen: Observation | None = None  # of the last question, or at the end
    asked: float = 0.0  # when the last question was answered, or the match began
    out: tuple[str, ...] | None = None  # the events at which the seat was out, if the match goes on without it
    leaving: bool = False  # Esc was pressed once
    gave_up: bool = False
    talk: Talk = field(default_factory=Talk)
    words: str = ""  # typed, and not said yet
    typing: bool = False  # keys are letters
    alert: str = ""  # why something was not taken

    @property
    def offered(self) -> tuple[Choice, ...]:
        if self.request is None:
            return ()
        return offered_in(self.seat, self.request)


class WindowHuman(AsyncOperator):
    """One window, one person, one match at a time."""

    def __init__(self, context: WorkerContext) -> None:
        self._table: _PlayedSeat | None = None  # that is shown: being played, or ended
        self._next: _PlayedSeat | None = None  # that waits until the end of the one before was seen
        self._ended = asyncio.Event()  # set when the end of the previous match was seen
        self._ended.set()
        self._timer: asyncio.TimerHandle | None = None  # ends the pause
        self._whole: SpectatorUpdate | None = None
        self._result: Result | None = None  # of the match that is shown, when it is over
        self._closed = False
        self._painter: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the window. Raises ValueError if there is no display."""
        try:
            pygame.display.init()
            pygame.font.init()
            pygame.display.set_caption("agent-arena")
            self._screen = pygame.display.set_mode(SIZE, pygame.RESIZABLE)
        except pygame.error as error:
            raise ValueError(f"human:window: no window can be opened here ({error}). Use human:web") from None
        self._big, self._small = pygame.font.Font(None, 30), pygame.font.Font(None, 22)
        self._painter = asyncio.ensure_future(self._run())

    def open(self, seats: Sequence[OpenSeat]) -> None:
        for seat in seats:
            if self._next is not None or (self._table is not None and self._result is None):
                raise ValueError("a window has one person in one match at a time. Seat the others at human:web")
            self._next = _PlayedSeat(seat, _keys(seat), asked=time.monotonic())
        self._go_on()

    def _go_on(self) -> None:
        """Show the next match, if there is one and the end of the previous one was seen."""
        if self._next is not None and self._ended.is_set():
            self._table, self._next = self._next, None
            self._whole = self._result = None

    async def decide(self, request: Request) -> Decision:
        await self._ended.wait()
        self._go_on()
        table = self._table
        assert table is not None
        if table.gave_up or self._closed:
            return GAVE_UP
        table.request, table.seen, table.out = request, request.observation, None
        if request.attempt == 0:
            table.talk.hear(table.seat, request.observation)
            table.words, table.alert = "", ""
        table.hold.ask(table.seat, time.monotonic())
        table.reply = asyncio.get_running_loop().create_future()
        try:
            return await table.reply
        finally:
            table.request = table.reply = None
            table.typing = False
            table.asked = time.monotonic()

    async def seen(self, request: Request) -> None:
        await self._ended.wait()

    async def watch(self, update: SpectatorUpdate) -> None:
        table = self._table
        if table is None or update.match != table.seat.match:
            return
        if update.seat is None:
            self._whole = update
        elif update.observation is not None:
            table.seen = update.observation
            if update.outcome is None:
                table.out = of_seat(update.seat, update.events)

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        table = self._next or self._table
        assert table is not None
        if table is self._next:  # it ended before it was shown: it asked no question
            self._next = None
            return
        self._result = result(table.seat, outcome, table.out or ())
        if not self._closed:
            self._ended.clear()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._ended.set)

    async def stop(self, complete: bool = False) -> None:
        if self._painter is not None:
            self._painter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._painter
        pygame.quit()

    # --- the loop --------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Read the keys, answer when it is time, and draw, sixty times a second."""
        while True:
            now = time.monotonic()
            self._go_on()
            for event in pygame.event.get():
                self._take(event, now)
            self._answer_held(now)
            self._draw()
            await asyncio.sleep(max(0.0, now + 1 / FRAMES - time.monotonic()))

    def _take(self, event: pygame.event.Event, now: float) -> None:
        table = self._table
        if event.type == pygame.QUIT:
            self._closed = True
            self._ended.set()
            self._answered(GAVE_UP)
        elif table is None:
            return
        elif self._result is not None:
            if event.type == pygame.KEYDOWN and event.key in (pygame.K_RETURN, pygame.K_KP_ENTER):
                self._ended.set()
        elif event.type == pygame.WINDOWFOCUSLOST:
            table.hold.release()
        elif event.type == pygame.KEYUP and event.key in table.keys:
            table.hold.let_go(table.keys[event.key])
        elif event.type == pygame.TEXTINPUT and table.typing:
            table.words += event.text
        elif event.type == pygame.KEYDOWN and table.typing:
            self._type(table, event.key)
        elif event.type == pygame.KEYDOWN:
            self._key(table, event.key, now)

    def _key(self, table: _PlayedSeat, key: int, now: float) -> None:
        leaving, table.leaving = table.leaving, False
        if key == pygame.K_ESCAPE:
            if leaving:
                table.gave_up = True
                self._answered(GAVE_UP)
            table.leaving = not leaving
        elif not table.seat.card.buttons:
            pressed = pygame.key.name(key)
            found = [choice for choice in table.offered if pressed in choice.keys]
            if found:
                self._decide(table, found[0].action, found[0].name)
            elif key == pygame.K_TAB and _speaks(table):
                table.typing = True
        elif key in table.keys:
            table.hold.press(table.keys[key], now)
        elif key in (pygame.K_RETURN, pygame.K_KP_ENTER):
            table.hold.begun, table.hold.paused = True, False
        elif table.seat.pace == "realtime":
            return
        elif key == pygame.K_p:
            table.hold.paused = not table.hold.paused
        elif key == pygame.K_l:
            table.hold.live, table.hold.paused, table.hold.begun = not table.hold.live, False, True
        elif key == pygame.K_PERIOD:
            table.hold.once = True

    def _type(self, table: _PlayedSeat, key: int) -> None:
        """A key while something is typed: Enter says it, or keeps it for the action that it is said with."""
        if key == pygame.K_BACKSPACE:
            table.words = table.words[:-1]
        elif key in (pygame.K_ESCAPE, pygame.K_TAB):
            table.typing = False
        elif key in (pygame.K_RETURN, pygame.K_KP_ENTER) and table.request is not None:
            table.typing = False
            if table.request.observation.free_text:
                self._decide(table, None, table.words)

    def _decide(self, table: _PlayedSeat, action: int | None, raw: str) -> None:
        if table.request is None:
            return
        decision = decided(table.request, action, table.words, raw)
        if isinstance(decision, str):
            table.alert = decision
            return
        table.talk.say(table.seat, table.request, decision)
        table.words, table.alert = "", ""
        self._answered(decision)

    def _answer_held(self, now: float) -> None:
        table = self._table
        if table is None or self._result is not None or table.request is None or not table.seat.card.buttons:
            return
        if not table.hold.due(table.seat, now):
            return
        action = action_of(table.seat, table.request.observation.legal, table.hold.held)
        if action is not None:
            table.hold.answered(now)
            self._answered(Decision(answer=action, raw=table.seat.card.actions[action]))

    def _answered(self, decision: Decision) -> None:
        table = self._table
        if table is not None and table.reply is not None and not table.reply.done():
            table.request = None
            table.reply.set_result(decision)

    # --- drawing ---------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        screen = self._screen = pygame.display.get_surface() or self._screen
        screen.fill(GROUND)
        width, height = screen.get_size()
        head, notes = self._words()
        self._write(self._big, head, GOLD, GAP, GAP)
        top, bottom = GAP * 3 + 10, height - GAP - 22 * len(notes)
        for number, line in enumerate(notes):
            self._write(self._small, line, SOFT, GAP, bottom + 22 * number)
        room = pygame.Rect(GAP, top, width - 2 * GAP, bottom - top - GAP)
        seen = None if self._table is None else self._table.seen
        own = None if seen is None else seen.image
        whole = None if self._whole is None else self._whole.picture
        if own is not None and whole is not None and self._table is not None and self._table.seat.card.buttons:
            left = pygame.Rect(room.x, room.y, room.width * 3 // 5 - GAP, room.height)
            self._picture(own, left)
            self._picture(whole, pygame.Rect(left.right + GAP, room.y, room.right - left.right - GAP, room.height))
        elif own is not None or whole is not None:
            self._picture(own if own is not None else whole, room)  # type: ignore[arg-type]
        elif seen is not None:
            for number, line in enumerate((seen.text or "").splitlines()):
                self._write(self._small, line, TEXT, room.x, room.y + 22 * number)
        pygame.display.flip()

    def _write(self, font: pygame.font.Font, text: str, colour: tuple[int, int, int], x: int, y: int) -> None:
        self._screen.blit(font.render(printable(text), True, colour), (x, y))

    def _picture(self, image: Image, room: pygame.Rect) -> None:
        """Draw the picture as large as it fits; enlarged by whole pixels."""
        height, width = image.shape[:2]
        scale = min(room.width / width, room.height / height)
        scale = int(scale) if scale >= 1 else scale
        size = (max(1, int(width * scale)), max(1, int(height * scale)))
        surface = pygame.surfarray.make_surface(image.swapaxes(0, 1))
        scaled = pygame.transform.scale(surface, size) if scale >= 1 else pygame.transform.smoothscale(surface, size)
        self._screen.blit(scaled, scaled.get_rect(center=room.center))

    def _words(self) -> tuple[str, list[str]]:
        """Returns the headline and the lines at the bottom."""
        table = self._table
        if table is None:
            return "Waiting for a match", []
        if self._result is not None:
            go_on = ["Enter goes on"] if self._next is not None else []
            return self._result.headline, [*self._result.details[:2], *go_on]
        where = f"{table.seat.card.game} - {seat_name(table.seat, table.seat.seat)}"
        if table.gave_up or self._closed:
            return f"{where} - you gave up this match", []
        if table.leaving:
            return f"{where} - give up this match?", ["Esc again gives it up, any other key goes on."]
        if table.out is not None:
            return f"{where} - your part is over, the others go on", list(table.out[:1])
        if not table.seat.card.buttons:
            keys = ["   ".join(f"{'/'.join(choice.keys)} {choice.name}" for choice in table.offered)]
            state = "your move" if table.request is not None else "waiting for the others"
            return f"{where} - {state}", [*_spoken(table), *keys]
        return f"{where} - {_state(table)}", [_help(table)]


def _keys(seat: OpenSeat) -> dict[int, str]:
    spare = iter(SPARE)
    buttons = dict.fromkeys(button for held in seat.card.buttons.values() for button in held)
    return {key: button for button in buttons for key in KEYS.get(button) or (next(spare, 0),)}


def _speaks(table: _PlayedSeat) -> bool:
    seen = table.request.observation if table.request is not None else None
    return seen is not None and bool(seen.free_text or seen.table_talk)


def _spoken(table: _PlayedSeat) -> list[str]:
    """What was said last, what is typed, and how to say something."""
    lines = [f"{line.who}: {line.text}" for line in table.talk.lines[-HEARD:]]
    if table.typing:
        lines.append(
            f"> {table.words}_   Enter says it" + ("" if _free(table) else " with your move") + ", Esc leaves it"
        )
    elif _speaks(table):
        lines.append(f"Tab: {'say something of your own' if _free(table) else 'say something with your move'}")
        lines += [f"> {table.words}"] if table.words else []
    return lines + ([table.alert] if table.alert else [])


def _free(table: _PlayedSeat) -> bool:
    return table.request is not None and table.request.observation.free_text > 0


def _state(table: _PlayedSeat) -> str:
    hold = table.hold
    if hold.live and not hold.begun:
        return "press Enter or any of the keys to begin"
    if table.request is None and time.monotonic() - table.asked > LONG:
        return "waiting for the others"
    return "paused" if hold.paused else "playing" if hold.live else "step by step"


def _help(table: _PlayedSeat) -> str:
    named: dict[str, list[str]] = {}
    for key, button in table.keys.items():
        named.setdefault(button, []).append(pygame.key.name(key))
    keys = "   ".join(f"{button}: {' '.join(names)}" for button, names in named.items())
    return keys + (
        "   Esc quits" if table.seat.pace == "realtime" else "   P pause   . one decision   L live   Esc quits"
    )
