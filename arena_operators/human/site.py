"""The page's server: access, the static files, and the WebSocket between one page and its Person.

All protection of the person is here: the checks of Host and Origin, the headers, the login.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import string
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from arena_operators.human.login import Login
from arena_operators.human.person import Person

LOCAL = {"127.0.0.1", "localhost", "::1"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MOST_BYTES = 1 << 20  # of a message of a page; what a person may say is at most 100,000 characters
SCRIPTS = ("app.js", "parts.js", "held.js", "keys.js", "pad.js", "update.js", "ending.js", "talk.js", "live.js")
ASSETS = {**dict.fromkeys(SCRIPTS, "text/javascript"), "style.css": "text/css"}
FOLDER = files("arena_operators.human") / "page"
VIEWER = files("arena.report") / "viewer"  # of replays, which who only watches is shown matches by
VIEWER_ASSETS = {**dict.fromkeys(("list.js", "moment.js", "viewer.js"), "text/javascript"), "viewer.css": "text/css"}


class Answer(msgspec.Struct, frozen=True, tag="answer", forbid_unknown_fields=True):
    """The page's choice of an action for one request, its words, or both."""

    request: int
    action: int | None = None
    say: str = ""


class GiveUp(msgspec.Struct, frozen=True, tag="give_up", forbid_unknown_fields=True):
    """The person leaves one match."""

    match: int
    seat: int


class Drawn(msgspec.Struct, frozen=True, tag="drawn", forbid_unknown_fields=True):
    """The page has drawn a picture and can take the next one."""

    key: str
    picture: int


class Seen(msgspec.Struct, frozen=True, tag="seen", forbid_unknown_fields=True):
    """The page shows this question, with its picture if it has one."""

    request: int


Said = Answer | GiveUp | Drawn | Seen


@dataclass(slots=True)
class _Line:
    """What one WebSocket was sent. A slow page skips pictures instead of falling behind."""

    wake: asyncio.Event
    sent: dict[str, int] = field(default_factory=dict)  # the newest picture by key
    drawn: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Connection:
    login: Login
    cookie: str  # the one it came in by
    sender: asyncio.Task[None]


class Site:
    """Routes of one server. `fresh_link(login)` is called when a used link came back and a new one was made."""

    def __init__(self, logins: list[Login], fresh_link: Callable[[Login], None]) -> None:
        self._logins = logins
        self._fresh_link = fresh_link
        self._sockets: dict[web.WebSocketResponse, _Connection] = {}
        self.app = web.Application(middlewares=[guard], client_max_size=4096)
        self.app.router.add_get("/", self._enter, allow_head=False)
        self.app.router.add_get("/page/{name}", _server(FOLDER, ASSETS))
        self.app.router.add_get("/viewer/{name}", _server(VIEWER, VIEWER_ASSETS))
        self.app.router.add_get("/room/{room}/", self._page)
        self.app.router.add_get("/room/{room}/socket", self._socket)

    async def close(self, seconds: float) -> None:
        """Wait at most `seconds` until every page has the last state, then close all WebSockets."""
        open_now = dict(self._sockets)
        if open_now:
            await asyncio.wait([connection.sender for connection in open_now.values()], timeout=seconds)
            await asyncio.gather(
                *(socket.close(code=WSCloseCode.GOING_AWAY) for socket in open_now), return_exceptions=True
            )

    async def _enter(self, request: web.Request) -> web.Response:
        token = request.query.get("token", "")
        for login in self._logins:
            if (cookie := login.use(token)) is not None:
                await self._drop_others(login)
                return _admit(login, cookie)
            if login.was_used(token):
                # The cookie belongs to the room and does not come to "/": the room finds out who this is.
                raise _refused("This link was already used", USED, _link(login), _forward(login))
        raise _refused("This link does not open a seat", UNKNOWN if token else MISSING)

    async def _page(self, request: web.Request) -> web.Response:
        self._login(request)
        return web.Response(text=_read("index.html"), content_type="text/html")

    def _login(self, request: web.Request) -> Login:
        for login in self._logins:
            if login.room == request.match_info["room"]:
                if login.holds(request.cookies.get(_cookie_name(login))):
                    return login
                if login.renew():
                    self._fresh_link(login)
        raise _refused("This seat is open in another browser", FOREIGN)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        login = self._login(request)
        socket = web.WebSocketResponse(heartbeat=20.0, max_msg_size=MOST_BYTES, timeout=2.0)
        await socket.prepare(request)
        line = _Line(asyncio.Event())
        sender = asyncio.ensure_future(_send(socket, login.person, line))
        self._sockets[socket] = _Connection(login, login.cookie or "", sender)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and (told := _hear(login.person, line, message.data)):
                    await socket.send_json({"type": "notice", "text": told})
        finally:
            del self._sockets[socket]
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sender
        return socket

    async def _drop_others(self, login: Login) -> None:
        """Close pages that used an older link of the same person: one person has one browser."""
        for socket, connection in tuple(self._sockets.items()):
            if connection.login is login and not login.holds(connection.cookie):
                with contextlib.suppress(ConnectionError):
                    await socket.send_json({"type": "moved"})
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)


async def _send(socket: web.WebSocketResponse, person: Person, line: _Line) -> None:
    """Send the newest state whenever something changed; a slow page skips what it missed."""
    wake, sent, drawn = line.wake, line.sent, line.drawn
    wake.set()
    person.come(wake.set)
    newest: dict[str, object] = {}
    try:
        while True:
            await wake.wait()
            wake.clear()
            state = person.snapshot()
            if newest != state:
                newest = state
                await socket.send_json(state)
            for key, number, picture in person.pictures():
                if sent.get(key) != number and (state["stopped"] or sent.get(key) == drawn.get(key)):
                    sent[key] = number
                    head = msgspec.json.encode({"key": key, "picture": number})
                    await socket.send_bytes(head + b"\n" + picture)
            if state["stopped"]:  # of the state that was sent: the person's may have changed meanwhile
                return
    finally:
        person.leave(wake.set)


def _hear(person: Person, line: _Line, data: str) -> str:
    """Handle one message of the page. Returns the message for its person, "" for none."""
    try:
        said = msgspec.json.decode(data, type=Said)
    except (msgspec.DecodeError, RecursionError):
        return "The page sent something that was not understood. Reload it."
    if isinstance(said, Drawn):
        if line.sent.get(said.key) == said.picture:
            line.drawn[said.key] = said.picture
            line.wake.set()
        return ""
    if isinstance(said, Seen):
        person.noticed(said.request)
        return ""
    if isinstance(said, Answer):
        return person.answer(said.request, said.action, said.say)
    return person.give_up(said.match, said.seat)


@web.middleware
async def guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse foreign names (DNS rebinding) and foreign pages (cross-site WebSockets); put the headers on."""
    try:
        _check(request)
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _check(request: web.Request) -> None:
    host = request.headers.get("Host", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in LOCAL:
        raise web.HTTPMisdirectedRequest(text=f"this server answers to 127.0.0.1 and localhost only, not to {host!r}\n")
    origin = request.headers.get("Origin")
    upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
    if (upgrade or origin is not None) and origin != f"http://{host}":
        raise web.HTTPForbidden(text=f"this page takes connections from itself only, not from {origin!r}\n")


def _admit(login: Login, cookie: str) -> web.Response:
    """Set the cookie and link to the room.

    Not by a redirect: after a link on some other site a browser would follow that without the SameSite=Strict
    cookie. From a page of our own it brings it along.
    """
    response = _notice("Your seat is ready", "", _link(login), _forward(login))
    response.set_cookie(_cookie_name(login), cookie, path=_room(login), httponly=True, samesite="Strict")
    return response


def _room(login: Login) -> str:
    return f"/room/{login.room}/"


def _link(login: Login) -> str:
    return f'<a class="button" href="{_room(login)}">Go to the table</a>'


def _forward(login: Login) -> str:
    return f'<meta http-equiv="refresh" content="0;url={_room(login)}">'


def _cookie_name(login: Login) -> str:
    return f"arena-{login.room}"


WHERE = (
    "Copy your whole link, with ?token= and the long word, from the terminal where the arena runs. If it was used "
    "already, open it all the same: a fresh one is then printed there."
)
MISSING = f"This address alone opens nothing. {WHERE}"
UNKNOWN = f"The token is not one of this arena's; links of earlier runs are void. {WHERE}"
USED = "A link opens one seat in one browser, once. If that was this browser, your table appears in a moment."
FOREIGN = (
    "The link of this seat was used by another browser, or in another window of this one that keeps no cookies. "
    "A fresh link has been printed in the terminal where the arena runs: that one works, and moves the seat."
)


def _refused(title: str, text: str, more: str = "", head: str = "") -> web.HTTPForbidden:
    return web.HTTPForbidden(text=_notice(title, text, more, head).text, content_type="text/html")


def _notice(title: str, text: str, more: str = "", head: str = "") -> web.Response:
    """A small page with one message; `more` and `head` are trusted HTML."""
    page = string.Template(_read("notice.html"))
    filled = page.substitute(title=html.escape(title), text=html.escape(text), more=more, head=head)
    return web.Response(text=filled, content_type="text/html")


def _server(folder: Traversable, assets: Mapping[str, str]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Serves these files of a folder."""

    async def serve(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in assets:
            raise web.HTTPNotFound(text=f"there is no {name!r} here; there is {', '.join(assets)}")
        return web.Response(text=(folder / name).read_text("utf-8"), content_type=assets[name], charset="utf-8")

    return serve


def _read(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
