"""Gallery: matches are shown to people while they are played, a few times a second. It changes nothing in them.

Spectators see one match at a time, with everything in it. A person who plays sees their own match, if the game hides
nothing. The picture is the spectator's (`Game.draw`); that of a hosted game is asked of its host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from arena.channel import Channel
from arena.errors import ProtocolError
from arena.game import Image, Views
from arena.match import Match
from arena.operator import Outcome
from arena.plan import Plan
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frame, Frames

EVERY = 1 / 12  # seconds between two pictures of a match, at least
ALONE = (600, 960)  # (height, width) of the picture for spectators
BESIDE = (600, 480)  # for who plays all the time, beside what their seat sees


@dataclass(slots=True)
class _Exhibit:
    """A match in play."""

    match: Match
    host: Channel | None
    players: tuple[Channel, ...]  # of people at this match who may see all of it
    stale: bool = True  # it has changed since it was shown
    next: float = 0.0  # when it may be shown again
    asked: int = 0  # pictures that its host owes


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that a host owes, and for whom."""

    exhibit: _Exhibit
    sight: m.Watch
    size: tuple[int, int]
    viewers: tuple[Channel, ...]


class Gallery:
    """Knows who looks on at which match. `show` is called now and then; `until` says when at the latest."""

    def __init__(self, plan: Plan, spectators: Callable[[], Sequence[Channel]], ids: Iterator[int]) -> None:
        """`spectators()` are the channels of those who only look on; `ids` never repeat for one host."""
        self._plan = plan
        self._spectators = spectators
        self._ids = ids
        spec = plan.make_game().spec
        self._hides_nothing = spec.perfect_information
        self._players = BESIDE if spec.simultaneous else ALONE  # in a game of turns: instead of what their seat saw
        self._exhibits: dict[int, _Exhibit] = {}
        self._owed: dict[int, _Picture] = {}
        self._next_end = 0.0  # when the end of a match may be shown again

    def open(self, match: Match, channels: Sequence[Channel], host: Channel | None) -> None:
        """A match begins; `channels` serve its seats."""
        people = [
            channel
            for slot, channel in zip(match.plan.slots, channels, strict=True)
            if self._plan.lineup[slot].kind.interactive and channel.watches
        ]
        shown = self._hides_nothing and len(channels) > 1
        players = tuple(dict.fromkeys(people)) if shown else ()
        if players or self._spectators():
            self._exhibits[match.plan.index] = _Exhibit(match, host, players)

    def changed(self, match: Match) -> None:
        """A tick was applied."""
        if (exhibit := self._exhibits.get(match.plan.index)) is not None:
            exhibit.stale = True

    def close(self, match: Match, now: float, outcome: Outcome | None = None) -> None:
        """The match is over, or void: its last picture, unless another match has just shown its own."""
        index = match.plan.index
        exhibit = self._exhibits.get(index)
        if exhibit is not None and outcome is not None and now >= self._next_end:
            self._next_end = now + EVERY
            self._send(index, exhibit, outcome)
        self._exhibits.pop(index, None)

    @property
    def owed(self) -> bool:
        """Hosts still owe pictures."""
        return bool(self._owed)

    @property
    def until(self) -> float | None:
        """When `show` has something to do; None: nothing has changed."""
        return min((one.next for _, one in self._due()), default=None)

    def show(self, now: float) -> None:
        """Show what has changed, of each match no more often than EVERY says."""
        for index, exhibit in self._due():
            if now >= exhibit.next:
                exhibit.stale, exhibit.next = False, now + EVERY
                self._send(index, exhibit)

    def take(self, channel: Channel, message: m.Observed, buffers: Frames) -> bool:
        """A picture from a host; False when it is not owed. ProtocolError when it cannot be what was asked for."""
        owed = self._owed.get(message.id)
        if owed is None or owed.exhibit.host is not channel or message.session != channel.session:
            return False
        del self._owed[message.id]
        owed.exhibit.asked -= 1
        image = codec.unpack_observation(message.observation, buffers).image
        if image is None or image.shape != (*owed.size, 3):
            raise ProtocolError(f"a picture of {None if image is None else image.shape}; asked was {owed.size}")
        _hand_out(owed.sight, image, owed.viewers)
        return True

    def forget(self, channel: Channel) -> None:
        """A host is dead, and what it owes with it."""
        self._owed = {i: owed for i, owed in self._owed.items() if owed.exhibit.host is not channel}

    def _due(self) -> list[tuple[int, _Exhibit]]:
        found = [(i, one) for i, one in self._exhibits.items() if one.stale and not one.asked]
        return [(i, one) for i, one in found if not one.match.waits_for_game and (one.players or i == self._first())]

    def _first(self) -> int:
        """The match that spectators see."""
        return min(self._exhibits)

    def _send(self, index: int, exhibit: _Exhibit, outcome: Outcome | None = None) -> None:
        match = exhibit.match
        sight = m.Watch(
            match=index,
            tick=match.tick,
            game=match.stage.spec.id,
            seats=match.names,
            events=match.last_events,
            outcome=outcome,
        )
        alone = [channel for channel in self._spectators() if channel.ready] if index == self._first() else []
        for size, viewers in ((ALONE, tuple(alone)), (self._players, exhibit.players)):
            if not viewers:
                continue
            if exhibit.host is None:
                _hand_out(sight, match.stage.draw(*size), viewers)
                continue
            i = next(self._ids)
            self._owed[i] = _Picture(exhibit, sight, size, viewers)
            exhibit.asked += 1
            exhibit.host.send(m.Observe(id=i, match=index, views=Views(image=size)))


def _hand_out(sight: m.Watch, image: Image, viewers: Sequence[Channel]) -> None:
    buffers: list[Frame] = []
    picture = codec.pack_picture(image, buffers).image
    message = msgspec.structs.replace(sight, picture=picture)
    for viewer in viewers:
        viewer.send(message, buffers)
