"""SpectatorFeed: shows matches to people while they are played, a few times a second, and changes nothing in them.

Spectators see one match at a time, and everything in it. A person who plays sees their own match, if the game hides
nothing. The picture is that of `Game.draw`; a hosted game's host draws it. In every game a person gets a last update
with what their own seat sees, once the seat is asked no more: when its part is over, as the game says, or the match.

A viewer is sent one update, and the next one only after its WATCHED for the first: a viewer that is slow, or never
answers, is shown less and costs no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from arena.channel import Channel
from arena.errors import GameError, ProtocolError
from arena.game import Observation, Views
from arena.match import Match
from arena.operator import Outcome, SpectatorUpdate
from arena.plan import Plan
from arena.protocol import messages as m

EVERY = 1 / 12  # seconds between two pictures of a match, at least
ALONE = (600, 960)  # (height, width) of the picture for spectators
BESIDE = (600, 480)  # for players of simultaneous games, beside their own view

Size = tuple[int, int]
Audience = tuple[Size, bool]  # the size of the picture, and whether they are players of the match


@dataclass(slots=True)
class _WatchedMatch:
    """A match in play that somebody watches."""

    match: Match
    host: Channel | None
    players: tuple[Channel, ...]  # people in this match who may see all of it
    seats: dict[int, tuple[Channel, Views]]  # of people who have not had their last update: who gets it, in which views
    changes: int = 0
    shown: dict[Channel, int] = field(default_factory=dict)  # the change that each viewer was shown last
    next: float = 0.0  # when it may be shown again
    asked: int = 0  # pictures that its host has not sent yet


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that a host was asked for, and the viewers that it is for."""

    watched: _WatchedMatch
    update: SpectatorUpdate
    views: Views
    viewers: tuple[Channel, ...]  # they are sent nothing else until it comes
    late: tuple[Channel, ...]  # they have not confirmed an earlier update yet


class SpectatorFeed:
    """Knows who watches which match. Call `show` when `until` says so, or earlier."""

    def __init__(self, plan: Plan, spectators: Callable[[], Sequence[Channel]], ids: Iterator[int]) -> None:
        """`spectators()` are the channels of those who only watch; `ids` never repeat for one host."""
        self._plan = plan
        self._spectators = spectators
        self._ids = ids
        self._matches: dict[int, _WatchedMatch] = {}
        self._owed: dict[int, _Picture] = {}
        self._busy: dict[Channel, tuple[int, int]] = {}  # (match, tick) of the WATCH that a viewer has not confirmed
        # Updates of the end of a match that wait until their viewer is free again: the newest of each.
        self._ends: dict[tuple[Channel, int | None], tuple[SpectatorUpdate, Observation]] = {}
        self._next_end = 0.0  # when the end of a match may be shown again

    def open(self, match: Match, channels: Sequence[Channel], host: Channel | None) -> None:
        """A match begins; `channels` serve its seats."""
        people = {
            seat: (channel, msgspec.structs.replace(entry.views, vector=False))
            for seat, (entry, channel) in enumerate(zip(self._plan.seated(match.plan), channels, strict=True))
            if entry.kind.interactive and channel.watches
        }
        shown = match.session.spec.perfect_information and len(channels) > 1
        players = tuple(dict.fromkeys(channel for channel, _ in people.values())) if shown else ()
        if people or self._spectators():
            self._matches[match.plan.index] = _WatchedMatch(match, host, players, people)

    def changed(self, match: Match) -> None:
        """A tick was applied."""
        if (watched := self._matches.get(match.plan.index)) is None:
            return
        watched.changes += 1
        if match.outcome is None:
            self._show_ends(watched, [seat for seat in watched.seats if seat in match.out])

    def close(self, match: Match, now: float, outcome: Outcome | None = None) -> None:
        """The match is over, or void. Its last picture is shown, unless another match has just shown its own."""
        index = match.plan.index
        watched = self._matches.get(index)
        if watched is not None and outcome is not None:
            self._show_ends(watched, list(watched.seats), outcome)
        if watched is not None and outcome is not None and now >= self._next_end:
            self._next_end = now + EVERY
            self._send(watched, self._viewers(index, watched), outcome)
        self._matches.pop(index, None)

    @property
    def owed(self) -> bool:
        """Some host has not sent a picture that it was asked for."""
        return bool(self._owed)

    @property
    def until(self) -> float | None:
        """When `show` will have something to send; None: nothing that a free viewer has not seen."""
        return min((one.next for one, _ in self._due()), default=None)

    def show(self, now: float) -> None:
        """Send what has changed to every free viewer; each match at most once in EVERY seconds."""
        for watched, viewers in self._due():
            if now >= watched.next:
                watched.next = now + EVERY
                self._send(watched, viewers)

    def shown(self, channel: Channel, message: m.Watched) -> None:
        """A viewer has shown an update, and can take another."""
        if self._busy.get(channel) != (message.match, message.tick):
            return
        del self._busy[channel]
        if (key := next((key for key in self._ends if key[0] is channel), None)) is not None:
            self._deliver(*self._ends.pop(key), (channel,), ())

    def take(self, channel: Channel, message: m.Observed) -> bool:
        """Take a picture from a host; False when it was not asked for. ProtocolError when it is another than that."""
        owed = self._owed.get(message.id)
        if owed is None or owed.watched.host is not channel or message.session != channel.session:
            return False
        del self._owed[message.id]
        owed.watched.asked -= 1
        seen = message.observation
        found = None if seen.image is None else seen.image.shape
        wanted = None if owed.views.image is None else (*owed.views.image, 3)
        if owed.update.seat is not None and found is None and seen.text is None:
            self._release(owed.viewers)  # the game failed to say what the seat sees
        elif found != wanted:
            self._release(owed.viewers)
            raise ProtocolError(f"a picture of {found}; asked was {wanted}")
        else:
            self._deliver(owed.update, seen, owed.viewers, owed.late)
        return True

    def finish(self) -> None:
        """The run is over. Ends of matches that still wait are sent, whether or not their viewer is free."""
        for (viewer, _), (update, seen) in self._ends.items():
            self._deliver(update, seen, (viewer,), ())
        self._ends.clear()

    def forget(self, channel: Channel) -> None:
        """A worker is dead: forget the pictures that it was to draw, and what it was to be sent."""
        for i, owed in list(self._owed.items()):
            if owed.watched.host is channel:
                self._release(self._owed.pop(i).viewers)
        self._busy.pop(channel, None)
        self._ends = {key: end for key, end in self._ends.items() if key[0] is not channel}

    def _due(self) -> list[tuple[_WatchedMatch, list[tuple[Audience, Channel]]]]:
        """The matches that have changed, each with the free viewers that have not seen the change."""
        out = []
        for index, watched in self._matches.items():
            if watched.asked or watched.match.waits_for_game:
                continue
            behind = [
                (audience, viewer)
                for audience, viewer in self._viewers(index, watched)
                if viewer not in self._busy and watched.shown.get(viewer) != watched.changes
            ]
            if behind:
                out.append((watched, behind))
        return out

    def _viewers(self, index: int, watched: _WatchedMatch) -> list[tuple[Audience, Channel]]:
        """Who sees this match, and how large. Spectators see the first match in play."""
        alone = [channel for channel in self._spectators() if channel.ready] if index == min(self._matches) else []
        spectators = [((ALONE, False), channel) for channel in alone]
        # In a game of turns its players see the picture instead of what their seat saw.
        size = BESIDE if watched.match.session.spec.simultaneous else ALONE
        return [*spectators, *(((size, True), channel) for channel in watched.players)]

    def _show_ends(self, watched: _WatchedMatch, seats: Sequence[int], outcome: Outcome | None = None) -> None:
        """Show people how the match, or their part in it, ended."""
        for seat in seats:
            channel, views = watched.seats.pop(seat)
            names = watched.match.names_for(seat)
            self._show(watched, self._update(watched.match, names, outcome, seat), views, [channel])

    def _send(
        self, watched: _WatchedMatch, viewers: Sequence[tuple[Audience, Channel]], outcome: Outcome | None = None
    ) -> None:
        match = watched.match
        for audience in dict.fromkeys(audience for audience, _ in viewers):
            size, playing = audience
            group = [viewer for its, viewer in viewers if its == audience]
            watched.shown.update(dict.fromkeys(group, watched.changes))
            names = match.names_for(None) if playing else match.names
            self._show(watched, self._update(match, names, outcome), Views(image=size), group)

    def _update(
        self, match: Match, names: tuple[str, ...], outcome: Outcome | None = None, seat: int | None = None
    ) -> SpectatorUpdate:
        # While the match goes on, what others did may be hidden from a seat, also from one that is out.
        told = seat is None or outcome is not None or match.session.spec.perfect_information
        return SpectatorUpdate(
            match=match.plan.index,
            tick=match.tick,
            game=match.session.spec.id,
            seats=names,
            events=match.last_events if told else (),
            outcome=outcome,
            seat=seat,
        )

    def _show(self, watched: _WatchedMatch, update: SpectatorUpdate, views: Views, viewers: Sequence[Channel]) -> None:
        """Draw it, or have the host draw it, and send it to the free viewers; to the others later."""
        free = tuple(viewer for viewer in viewers if viewer not in self._busy)
        late = tuple(viewer for viewer in viewers if viewer in self._busy)
        self._busy.update(dict.fromkeys(free, (update.match, update.tick)))
        if watched.host is not None:
            i = next(self._ids)
            self._owed[i] = _Picture(watched, update, views, free, late)
            watched.asked += 1
            watched.host.send(m.Observe(id=i, match=update.match, views=views, seat=update.seat))
            return
        try:
            seen = _look(watched.match, update.seat, views)
        except GameError:  # which ends no match
            self._release(free)
            return
        self._deliver(update, seen, free, late)

    def _deliver(
        self, update: SpectatorUpdate, seen: Observation, viewers: Sequence[Channel], late: Sequence[Channel]
    ) -> None:
        shown = {"picture": seen.image} if update.seat is None else {"observation": seen}
        message = msgspec.structs.replace(update, **shown)
        still = [viewer for viewer in late if viewer in self._busy]
        self._ends.update({(viewer, update.seat): (update, seen) for viewer in still})
        for viewer in (*viewers, *(viewer for viewer in late if viewer not in still)):
            self._busy[viewer] = (update.match, update.tick)
            viewer.send(message)

    def _release(self, viewers: Sequence[Channel]) -> None:
        """A picture will not come: the viewers that waited for it are free again."""
        for viewer in viewers:
            self._busy.pop(viewer, None)


def _look(match: Match, seat: int | None, views: Views) -> Observation:
    """What a seat sees, or with seat None what spectators see. GameError when the game fails to say it."""
    if seat is not None:
        return match.session.look(seat, views)
    assert views.image is not None
    return Observation(image=match.session.draw(*views.image))
