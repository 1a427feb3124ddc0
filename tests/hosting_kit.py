"""A game host in this process, behind the bytes of the wire: what a hosted game's match is tested with."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from arena.channel import Channel, Event, Received
from arena.game import Game, Views
from arena.host_games import GameHost
from arena.hosted import HostedSession
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.version import MINOR
from tests.workers_kit import FakeChannel, FakeWorkers

TOYS = Path(__file__).with_name("toys.py")
Edit = Callable[[m.ToArena], m.ToArena | None]


def toy_name(game: type[Game]) -> str:
    """The name by which a host finds a toy game."""
    return f"{TOYS}:{game.__name__}"


class HostChannel(FakeChannel):
    """A GameHost that answers when it is pumped. `edit` may change or drop (None) what it says."""

    role = "game"

    def __init__(self, name: str = "game", session: str = "games", edit: Edit = lambda message: message) -> None:
        super().__init__(name, session)
        self.edit = edit
        self.said: deque[m.ToArena] = deque()
        self.host = GameHost(self._emit)
        self.host.receive(m.Welcome(session=session, minor=MINOR))
        self.said.clear()

    def send(self, message: m.Message) -> None:
        self.sent.append(message)
        if self.ready:
            self.host.receive(codec.decode_to_worker(codec.encode(message)))

    def pay(self) -> list[Event]:
        self.host.work()
        out: list[Event] = [Received(self, said) for said in self.said]
        self.said.clear()
        return out

    def _emit(self, message: m.Message) -> None:
        edited = self.edit(codec.decode_to_arena(codec.encode(message)))
        if edited is not None:
            self.said.append(edited)


class HostingWorkers(FakeWorkers):
    """A FakeWorkers with a game host; `edits` are what each next host does to its words."""

    edits: Sequence[Edit] = ()

    def host(self, runtime: str, match: int) -> Channel:
        return self.game

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.hosts = itertools.count()
        self.game = self._host()

    def _host(self) -> HostChannel:
        number = next(self.hosts)
        edit = self.edits[number] if number < len(self.edits) else lambda message: message
        return HostChannel("game", f"games{number}", edit)

    def pay(self) -> list[Event]:
        return [*super().pay(), *(self.game.pay() if self.game.ready else [])]

    def replace(self, channel: Channel) -> None:
        if channel is self.game:
            self.game = self._host()
        else:
            super().replace(channel)


def hosted(
    game: Game, name: str, views: Sequence[Views], channel: HostChannel, match: int = 0
) -> tuple[HostedSession, Callable[[object], None]]:
    """A session in `channel`, and the function that lets its host answer a match."""

    def pump(match: object) -> None:
        for event in channel.pay():
            assert isinstance(event, Received)
            if isinstance(event.message, m.GameClosed):
                continue
            assert isinstance(event.message, m.Stepped | m.Parsed | m.Observed), event.message
            assert session.reply(match, event.message)  # type: ignore[arg-type]

    session = HostedSession(game, name, views, match, channel, itertools.count(1), lambda _: pump(None))
    return session, pump
