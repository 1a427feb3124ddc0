"""Gallery: matches are shown to people while they are played, a few times a second. It changes nothing in them.

Spectators see one match at a time, with everything in it. A person who plays sees their own match, if the game hides
nothing. The picture is the spectator's (`Game.draw`); that of a hosted game is asked of its host.

Whoever looks on is sent one picture, and the next one when the WATCHED for it has come: who is slow, or never answers,
is shown less and costs no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

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

Size = tuple[int, int]


@dataclass(slots=True)
class _Exhibit:
    """A match in play."""

    match: Match
    host: Channel | None
    players: tuple[Channel, ...]  # of people at this match who may see all of it
    changes: int = 0
    shown: dict[Channel, int] = field(default_factory=dict)  # the change that each viewer was shown last
    next: float = 0.0  # when it may be shown again
    asked: int = 0  # pictures that its host owes


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that a host owes, and for whom."""

    exhibit: _Exhibit
    sight: m.Watch
    size: Size
    viewers: tuple[Channel, ...]  # who is shown nothing else until then
    late: tuple[Channel, ...]  # who still has another one before them


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
        self._busy: dict[Channel, tuple[int, int]] = {}  # (match, tick) of the WATCH that a viewer has not confirmed
        self._ends: dict[Channel, tuple[m.Watch, Image]] = {}  # the end of a match, for when its viewer is free again
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
            exhibit.changes += 1

    def close(self, match: Match, now: float, outcome: Outcome | None = None) -> None:
        """The match is over, or void: its last picture, unless another match has just shown its own."""
        index = match.plan.index
        exhibit = self._exhibits.get(index)
        if exhibit is not None and outcome is not None and now >= self._next_end:
            self._next_end = now + EVERY
            self._send(exhibit, self._viewers(index, exhibit), outcome)
        self._exhibits.pop(index, None)

    @property
    def owed(self) -> bool:
        """Hosts still owe pictures."""
        return bool(self._owed)

    @property
    def until(self) -> float | None:
        """When `show` has something to do; None: nothing has changed that somebody could be shown now."""
        return min((one.next for one, _ in self._due()), default=None)

    def show(self, now: float) -> None:
        """Show what has changed to whoever is free, of each match no more often than EVERY says."""
        for exhibit, viewers in self._due():
            if now >= exhibit.next:
                exhibit.next = now + EVERY
                self._send(exhibit, viewers)

    def shown(self, channel: Channel, message: m.Watched) -> None:
        """A viewer has shown what it was sent, and can take more."""
        if self._busy.get(channel) != (message.match, message.tick):
            return
        del self._busy[channel]
        if (end := self._ends.pop(channel, None)) is not None:
            self._hand_out(*end, (channel,), ())

    def take(self, channel: Channel, message: m.Observed, buffers: Frames) -> bool:
        """A picture from a host; False when it is not owed. ProtocolError when it cannot be what was asked for."""
        owed = self._owed.get(message.id)
        if owed is None or owed.exhibit.host is not channel or message.session != channel.session:
            return False
        del self._owed[message.id]
        owed.exhibit.asked -= 1
        image = codec.unpack_observation(message.observation, buffers).image
        if image is None or image.shape != (*owed.size, 3):
            self._release(owed.viewers)
            raise ProtocolError(f"a picture of {None if image is None else image.shape}; asked was {owed.size}")
        self._hand_out(owed.sight, image, owed.viewers, owed.late)
        return True

    def finish(self) -> None:
        """The run is over: the end that a viewer has not been shown yet is sent, whatever it still has before it."""
        for viewer, (sight, image) in self._ends.items():
            self._busy.pop(viewer, None)
            self._hand_out(sight, image, (viewer,), ())
        self._ends.clear()

    def forget(self, channel: Channel) -> None:
        """A worker is dead: what it owes as a host, and what it was to see."""
        for i, owed in list(self._owed.items()):
            if owed.exhibit.host is channel:
                self._release(self._owed.pop(i).viewers)
        self._busy.pop(channel, None)
        self._ends.pop(channel, None)

    def _due(self) -> list[tuple[_Exhibit, list[tuple[Size, Channel]]]]:
        """The matches that have changed, each with the viewers that can be shown it."""
        out = []
        for index, exhibit in self._exhibits.items():
            if exhibit.asked or exhibit.match.waits_for_game:
                continue
            behind = [
                (size, viewer)
                for size, viewer in self._viewers(index, exhibit)
                if viewer not in self._busy and exhibit.shown.get(viewer) != exhibit.changes
            ]
            if behind:
                out.append((exhibit, behind))
        return out

    def _viewers(self, index: int, exhibit: _Exhibit) -> list[tuple[Size, Channel]]:
        """Who sees this match, and how large; spectators see the first one."""
        alone = [channel for channel in self._spectators() if channel.ready] if index == min(self._exhibits) else []
        return [*((ALONE, channel) for channel in alone), *((self._players, channel) for channel in exhibit.players)]

    def _send(self, exhibit: _Exhibit, viewers: Sequence[tuple[Size, Channel]], outcome: Outcome | None = None) -> None:
        match = exhibit.match
        sight = m.Watch(
            match=match.plan.index,
            tick=match.tick,
            game=match.stage.spec.id,
            seats=match.names,
            events=match.last_events,
            outcome=outcome,
        )
        for size in dict.fromkeys(size for size, _ in viewers):
            group = [viewer for its, viewer in viewers if its == size]
            free = tuple(viewer for viewer in group if viewer not in self._busy)
            late = tuple(viewer for viewer in group if viewer in self._busy)
            self._busy.update(dict.fromkeys(free, (sight.match, sight.tick)))
            exhibit.shown.update(dict.fromkeys(group, exhibit.changes))
            if exhibit.host is None:
                self._hand_out(sight, match.stage.draw(*size), free, late)
                continue
            i = next(self._ids)
            self._owed[i] = _Picture(exhibit, sight, size, free, late)
            exhibit.asked += 1
            exhibit.host.send(m.Observe(id=i, match=sight.match, views=Views(image=size)))

    def _hand_out(self, sight: m.Watch, image: Image, viewers: Sequence[Channel], late: Sequence[Channel]) -> None:
        buffers: list[Frame] = []
        picture = codec.pack_picture(image, buffers).image
        message = msgspec.structs.replace(sight, picture=picture)
        still = [viewer for viewer in late if viewer in self._busy]
        self._ends.update(dict.fromkeys(still, (sight, image)))
        for viewer in (*viewers, *(viewer for viewer in late if viewer not in still)):
            self._busy[viewer] = (sight.match, sight.tick)
            viewer.send(message, buffers)

    def _release(self, viewers: Sequence[Channel]) -> None:
        """A picture does not come: whoever waited for it can be shown another."""
        for viewer in viewers:
            self._busy.pop(viewer, None)
