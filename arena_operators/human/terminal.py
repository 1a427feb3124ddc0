"""A person at a terminal. Several seats and matches share it: one question at a time, in order of arrival."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from arena.operator import AsyncOperator, Decision, OpenSeat, Outcome, Request, WorkerContext
from arena.text import printable
from arena_operators.human import show
from arena_operators.human.choices import GAVE_UP, GIVE_UP, Choice, offered_in, pick
from arena_operators.human.results import result, seat_name
from arena_operators.human.talk import Talk, decided
from arena_operators.human.tty import Tty

SAYS = '"'  # begins what is said, where it could be taken for an action
LONG = 1.0  # seconds without a question after which a person is told that the match has begun


class TerminalHuman(AsyncOperator):
    """Asks on the terminal at `options["tty"]`."""

    def __init__(self, context: WorkerContext) -> None:
        self._path = context.options.get("tty")
        self._tty: Tty | None = None
        self._keyboard = asyncio.Lock()
        self._seats: dict[tuple[int, int], OpenSeat] = {}
        self._unseen: dict[int, asyncio.Event] = {}  # by question's id: set when the question is printed
        self._given_up: set[tuple[int, int]] = set()
        self._last: tuple[int, int] | None = None  # the seat whose cards were on the screen last
        self._results: set[asyncio.Task[None]] = set()
        self._notes: dict[
            tuple[int, int], asyncio.Task[None]
        ] = {}  # that a match has begun, if its question takes long

    async def start(self) -> None:
        """Open the terminal. Raises ValueError if it cannot be opened."""
        if not self._path:
            raise ValueError("human:terminal was not told which terminal (option tty). Use human:web.")
        self._tty = Tty(self._path)

    def open(self, seats: Sequence[OpenSeat]) -> None:
        for seat in seats:
            self._seats[seat.match, seat.seat] = seat
            self._notes[seat.match, seat.seat] = asyncio.get_running_loop().create_task(self._tell_begun(seat))

    async def decide(self, request: Request) -> Decision:
        """Returns the person's choice. After giving up a match, all its later questions get the same fault."""
        place = (request.match, request.seat)
        seat = self._seats[place]
        if (note := self._notes.pop(place, None)) is not None:
            note.cancel()
        printed = self._unseen[request.id] = asyncio.Event()
        try:
            return await self._answer(place, seat, request)
        finally:
            printed.set()
            del self._unseen[request.id]

    async def seen(self, request: Request) -> None:
        if (printed := self._unseen.get(request.id)) is not None:
            await printed.wait()

    async def _answer(self, place: tuple[int, int], seat: OpenSeat, request: Request) -> Decision:
        async with self._keyboard:
            if place in self._given_up:
                return GAVE_UP
            shared = any(match == seat.match and other != seat.seat for match, other in self._seats)
            if shared and self._last != place:
                # Two people share the screen: nothing of this seat is shown before its own person presses Enter.
                await self._line(f"Pass the keyboard to {seat_name(seat, seat.seat)}, then press Enter: ")
            self._last = place
            try:
                decision = await self._ask(seat, request)
            except asyncio.CancelledError:
                late = "Time is up: the game's rule for that applies."
                self._leave(seat, shared, "The question was taken back." if request.budget is None else late)
                raise
            done = "You gave up this match." if decision.fault else _done(seat, request, decision)
            self._leave(seat, shared, done)
            return decision

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        place = (match, seat)
        opened = self._seats.pop(place)
        if (note := self._notes.pop(place, None)) is not None:
            note.cancel()
        self._given_up.discard(place)
        told = show.ended(opened, self._title(opened), result(opened, outcome))
        # Another seat may be using the screen: the result waits for it, like a question.
        task = asyncio.get_running_loop().create_task(self._tell(told))
        self._results.add(task)
        task.add_done_callback(self._results.discard)

    async def stop(self, complete: bool = False) -> None:
        for note in self._notes.values():
            note.cancel()
        await asyncio.gather(*self._results, *self._notes.values(), return_exceptions=True)
        if self._tty is not None:
            self._tty.close()
            self._tty = None

    async def _ask(self, seat: OpenSeat, request: Request) -> Decision:
        offered, words = offered_in(seat, request), ""
        heard = Talk().hear(seat, request.observation)
        self._say(show.turn(seat, self._title(seat), request, offered, heard))
        self._unseen[request.id].set()
        while True:
            given = await self._line(show.prompt(seat))
            if given.strip() == "?":
                self._say(show.help_text(seat, request, offered))
            elif given.strip().lower() == GIVE_UP:
                if await self._line("Give up this match? y/n: ") in ("y", "Y", "yes", GIVE_UP):
                    self._given_up.add((seat.match, seat.seat))
                    return GAVE_UP
            elif request.observation.free_text and given.strip() and _exact(given, offered) is None:
                # Where anything may be said, half a name is not an action.
                decision = decided(request, None, given.strip().removeprefix(SAYS), given)
                if isinstance(decision, Decision):
                    return decision
                self._say(Text(decision, style="yellow"))
            elif given.strip().startswith(SAYS):
                words = given.strip().removeprefix(SAYS)
                wrong = decided(request, request.observation.legal[0], words, given)
                words = "" if isinstance(wrong, str) else words
                told = wrong if isinstance(wrong, str) else f"It is said with your move: {printable(words.strip())}"
                self._say(Text(told, style="yellow"))
            elif (choice := pick(given, offered)) is None:
                self._say(show.wrong(given, offered, seat.card.actions))
            else:
                decision = decided(request, choice.action, words, given)
                assert isinstance(decision, Decision)
                return decision

    def _leave(self, seat: OpenSeat, shared: bool, words: str) -> None:
        """Say how the question ended. If two people share the screen, say only that it did, and hide the cards."""
        if shared:
            self._screen.write(show.CLEAR)
            words = f"{seat_name(seat, seat.seat)} is done. Waiting for the others ..."
        self._say(Text(words, style="dim"))

    async def _line(self, question: str) -> str:
        self._screen.forget_typed()
        self._screen.write(question)
        return await self._screen.read_line()

    async def _tell_begun(self, seat: OpenSeat) -> None:
        await asyncio.sleep(LONG)
        await self._tell(Text(f"{self._title(seat).strip()}: it has begun. Waiting for the others ...", style="dim"))

    async def _tell(self, thing: RenderableType) -> None:
        async with self._keyboard:
            self._say(thing)

    def _say(self, thing: RenderableType) -> None:
        self._screen.write(show.render(thing, self._screen.width))

    def _title(self, seat: OpenSeat) -> str:
        return f" {printable(seat.card.game)} - match {seat.match} - {seat_name(seat, seat.seat)} "

    @property
    def _screen(self) -> Tty:
        if self._tty is None:
            raise RuntimeError("the terminal is not open: call start() first")
        return self._tty


def _exact(given: str, offered: Sequence[Choice]) -> Choice | None:
    """The choice whose number or whole name was typed."""
    wanted = " ".join(given.lower().split())
    names = ((choice, (str(choice.number), choice.name.lower(), choice.plain.lower())) for choice in offered)
    return next((choice for choice, known in names if wanted in known), None)


def _done(seat: OpenSeat, request: Request, decision: Decision) -> str:
    said = {choice.action: choice.name for choice in offered_in(seat, request)}
    action = decision.answer
    parts = [
        said[action] if isinstance(action, int) else f'"{action}"',
        *([f'"{decision.say}"'] if decision.say else []),
    ]
    return f"You: {printable(', '.join(parts))}. Waiting for the others ..."
