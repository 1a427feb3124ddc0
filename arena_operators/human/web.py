"""A person at a page in the browser, served on this machine's loopback address only."""

from __future__ import annotations

import asyncio
import errno
import io
import socket
from collections.abc import Coroutine, Sequence

from aiohttp import web
from PIL import Image as Picture

from arena.game import Image, Observation
from arena.operator import AsyncOperator, Decision, OpenSeat, Outcome, Request, SpectatorUpdate, WorkerContext
from arena_operators.human.login import Login
from arena_operators.human.person import Person, PlayedSeat
from arena_operators.human.site import Site

LOOPBACK = "127.0.0.1"
FAREWELL = 2.0  # most seconds for telling pages that the arena has finished
AUDIENCES = 200  # matches whose viewers are remembered


class WebHuman(AsyncOperator):
    """One page for each person; any number of people and matches at once. `status` reports each person's link."""

    def __init__(self, context: WorkerContext) -> None:
        self._wanted = int(context.options.get("port") or 0)
        self._status = context.status
        self._logins: list[Login] = []
        self._places: dict[tuple[int, int], Person] = {}
        self._painting: set[asyncio.Task[None]] = set()
        self._audience: dict[int, list[Person]] = {}  # the people who are shown a whole match, by match
        self._expected = context.operators
        self._spectator = Person("spectators", spectator=True) if _mode(context) == "watch" else None
        self._site = Site(self._logins, self._announce)
        self._runner: web.AppRunner | None = None
        self.port = 0  # where the page is, once started

    async def start(self) -> None:
        """Listen on the loopback address. Raises ValueError if the port is in use or not allowed."""
        listener = _listen(self._wanted)
        self.port = listener.getsockname()[1]
        # No access log: it would contain the tokens.
        self._runner = web.AppRunner(self._site.app, handle_signals=False, access_log=None, shutdown_timeout=FAREWELL)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        if self._spectator is not None:
            self._invite(self._spectator)
        for name in self._expected if self._spectator is None else ():
            self._invite(Person(name))

    def open(self, seats: Sequence[OpenSeat]) -> None:
        for seat in seats:
            login = self._seated(seat)
            self._places[seat.match, seat.seat] = login.person
            login.person.sit(seat)
            self._audience.setdefault(seat.match, []).append(login.person)
            self._audience.pop(seat.match - AUDIENCES, None)

    async def decide(self, request: Request) -> Decision:
        person = self._places[request.match, request.seat]
        reply = person.ask(request)
        if request.observation.image is not None and not reply.done():
            table = person.tables[request.match, request.seat]
            self._paint_soon(self._paint(person, table, request.observation, request.observation.image))
        try:
            return await reply
        except asyncio.CancelledError:
            person.withdraw(request)
            raise

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        self._places.pop((match, seat)).end(match, seat, outcome)

    async def seen(self, request: Request) -> None:
        """Returns when the page shows the question, or at once if the page was closed AWAY seconds ago or earlier."""
        table = self._places[request.match, request.seat].tables[request.match, request.seat]
        if table.request is request:
            await table.seen.wait()

    async def watch(self, update: SpectatorUpdate) -> None:
        """Wait until a page is connected, so that nothing is drawn in vain; then show the update."""
        if update.seat is not None:
            await self._last_look(update)
            return
        people = [self._spectator] if self._spectator is not None else self._audience.get(update.match, [])
        people = list(dict.fromkeys(people))
        if not people:
            return
        if not any(person.here.is_set() for person in people):
            waiting = [asyncio.ensure_future(person.here.wait()) for person in people]
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()
        # The last update of a run is shown although the arena has finished.
        await asyncio.shield(self._paint_soon(self._paint_whole(people, update)))

    async def _last_look(self, update: SpectatorUpdate) -> None:
        for person in dict.fromkeys(self._audience.get(update.match, [])):
            table = person.last_look(update)
            if table is not None and update.observation is not None and update.observation.image is not None:
                painting = self._paint(person, table, update.observation, update.observation.image)
                await asyncio.shield(self._paint_soon(painting))

    async def stop(self, complete: bool = False) -> None:
        """Tell the pages that no further match follows, and why; then close."""
        await asyncio.gather(*self._painting, return_exceptions=True)
        for login in self._logins:
            login.person.stopped = "finished" if complete else "stopped"
            login.person.changed()
        if self._runner is not None:
            await self._site.close(FAREWELL)
            await self._runner.cleanup()
            self._runner = None

    def address(self, login: Login) -> str:
        """The link that lets this person in, once."""
        return f"http://{LOOPBACK}:{self.port}/?token={login.token}"

    def _seated(self, seat: OpenSeat) -> Login:
        """The person of this operator: the same page in every match, in any seat.

        An operator with two seats in one match is two people.
        """
        for login in self._logins:
            taken = any(match == seat.match for match, _ in login.person.tables)
            if login.person.name == seat.operator and not taken:
                return login
        return self._invite(Person(seat.operator))

    def _invite(self, person: Person) -> Login:
        login = Login(person)
        self._logins.append(login)
        self._announce(login)
        return login

    def _announce(self, login: Login) -> None:
        who = "to watch" if login.person.spectator else f"{login.person.name} plays here"
        self._status(who, address=self.address(login))

    def _paint_soon(self, painting: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(painting)
        self._painting.add(task)
        task.add_done_callback(self._painting.discard)
        return task

    async def _paint_whole(self, people: Sequence[Person], update: SpectatorUpdate) -> None:
        data = None if update.picture is None else await asyncio.to_thread(encode, update.picture)
        for person in people:
            person.look(update, data)

    async def _paint(self, person: Person, table: PlayedSeat, seen: Observation, image: Image) -> None:
        """Draw the picture of what the seat sees, unless the page shows something newer by then."""
        data = await asyncio.to_thread(encode, image)
        if table.observation is seen:
            table.picture = data
            table.pictures += 1
            table.fresh = True
            person.changed()


def _mode(context: WorkerContext) -> str:
    return str(context.options.get("mode") or context.what or "web")


def encode(image: Image) -> bytes:
    """`image`, uint8 (height, width, 3), as PNG. Lossless: a person sees exactly what a model sees."""
    out = io.BytesIO()
    Picture.fromarray(image).save(out, "PNG", compress_level=3)
    return out.getvalue()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # So that the port of a run that has just ended can be reused; a port that is listened on stays refused.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ValueError(f"port {port} is in use; leave out @port or choose another") from None
        raise ValueError(f"port {port}: {error.strerror}; leave out @port or choose one above 1023") from None
    listener.setblocking(False)
    return listener
