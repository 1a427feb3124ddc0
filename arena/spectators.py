"""SpectatorFeed: matches are shown to people while they are played, a few times a second. It changes nothing in them.

Spectators see one match at a time, with everything in it. A person who plays sees their own match, if the game hides
nothing. The picture is the spectator's (`Game.draw`); that of a hosted game is asked of its host. In every game a
person is given a last look by their seat's own eyes, once it is asked no more: when its lane is over, or the match.

Whoever looks on is sent one picture, and the next one when the WATCHED for it has come: who is slow, or never answers,
is shown less and costs no more.
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
BESIDE = (600, 480)  # for who plays all the time, beside what their seat sees

Size = tuple[int, int]
Audience = tuple[Size, bool]  # the size of the picture, and whether they are players of the match


@dataclass(slots=True)
class _Exhibit:
    """A match in play."""

    match: Match
    host: Channel | None
    players: tuple[Channel, ...]  # of people at this match who may see all of it
    seats: dict[int, tuple[Channel, Views]]  # of people who have not had their last look: who is shown it, and how
    changes: int = 0
    shown: dict[Channel, int] = field(default_factory=dict)  # the change that each viewer was shown last
    next: float = 0.0  # when it may be shown again
    asked: int = 0  # pictures that its host owes


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture that a host owes, and for whom."""

    exhibit: _Exhibit
    update: SpectatorUpdate
    views: Views
    viewers: tuple[Channel, ...]  # who is shown nothing else until then
    late: tuple[Channel, ...]  # who still has another one before them


class SpectatorFeed:
    """Knows who looks on at which match. `show` is called now and then; `until` says when at the latest."""

    def __init__(self, plan: Plan, spectators: Callable[[], Sequence[Channel]], ids: Iterator[int]) -> None:
        """`spectators()` are the channels of those who only look on; `ids` never repeat for one host."""
        self._plan = plan
        self._spectators = spectators
        self._ids = ids
        spec = plan.make_game().spec
        self._hides_nothing = spec.perfect_information
        self._together = spec.simultaneous
        self._players = BESIDE if spec.simultaneous else ALONE  # in a game of turns: instead of what their seat saw
        self._exhibits: dict[int, _Exhibit] = {}
        self._owed: dict[int, _Picture] = {}
        self._busy: dict[Channel, tuple[int, int]] = {}  # (match, tick) of the WATCH that a viewer has not confirmed
        # The end of a match and last looks, for when their viewer is free again: the newest of each.
        self._ends: dict[tuple[Channel, int | None], tuple[SpectatorUpdate, Observation]] = {}
        self._next_end = 0.0  # when the end of a match may be shown again

    def open(self, match: Match, channels: Sequence[Channel], host: Channel | None) -> None:
        """A match begins; `channels` serve its seats."""
        people = {
            seat: (channel, msgspec.structs.replace(entry.views, vector=False))
            for seat, (entry, channel) in enumerate(zip(self._plan.seated(match.plan), channels, strict=True))
            if entry.kind.interactive and channel.watches
        }
        shown = self._hides_nothing and len(channels) > 1
        players = tuple(dict.fromkeys(channel for channel, _ in people.values())) if shown else ()
        if people or self._spectators():
            self._exhibits[match.plan.index] = _Exhibit(match, host, players, people)

    def changed(self, match: Match) -> None:
        """A tick was applied."""
        if (exhibit := self._exhibits.get(match.plan.index)) is None:
            return
        exhibit.changes += 1
        if self._together and match.outcome is None:  # where all act at once, who is not asked is out
            self._last_looks(exhibit, [seat for seat in exhibit.seats if seat not in match.due])

    def close(self, match: Match, now: float, outcome: Outcome | None = None) -> None:
        """The match is over, or void: its last picture, unless another match has just shown its own."""
        index = match.plan.index
        exhibit = self._exhibits.get(index)
        if exhibit is not None and outcome is not None:
            self._last_looks(exhibit, list(exhibit.seats), outcome)
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
        if (key := next((key for key in self._ends if key[0] is channel), None)) is not None:
            self._hand_out(*self._ends.pop(key), (channel,), ())

    def take(self, channel: Channel, message: m.Observed) -> bool:
        """A picture from a host; False when it is not owed. ProtocolError when it cannot be what was asked for."""
        owed = self._owed.get(message.id)
        if owed is None or owed.exhibit.host is not channel or message.session != channel.session:
            return False
        del self._owed[message.id]
        owed.exhibit.asked -= 1
        seen = message.observation
        found = None if seen.image is None else seen.image.shape
        wanted = None if owed.views.image is None else (*owed.views.image, 3)
        if owed.update.seat is not None and found is None and seen.text is None:
            self._release(owed.viewers)  # the game failed to say what the seat sees
        elif found != wanted:
            self._release(owed.viewers)
            raise ProtocolError(f"a picture of {found}; asked was {wanted}")
        else:
            self._hand_out(owed.update, seen, owed.viewers, owed.late)
        return True

    def finish(self) -> None:
        """The run is over: the end that a viewer has not been shown yet is sent, whatever it still has before it."""
        for (viewer, _), (update, seen) in self._ends.items():
            self._hand_out(update, seen, (viewer,), ())
        self._ends.clear()

    def forget(self, channel: Channel) -> None:
        """A worker is dead: what it owes as a host, and what it was to see."""
        for i, owed in list(self._owed.items()):
            if owed.exhibit.host is channel:
                self._release(self._owed.pop(i).viewers)
        self._busy.pop(channel, None)
        self._ends = {key: end for key, end in self._ends.items() if key[0] is not channel}

    def _due(self) -> list[tuple[_Exhibit, list[tuple[Audience, Channel]]]]:
        """The matches that have changed, each with the viewers that can be shown it."""
        out = []
        for index, exhibit in self._exhibits.items():
            if exhibit.asked or exhibit.match.waits_for_game:
                continue
            behind = [
                (audience, viewer)
                for audience, viewer in self._viewers(index, exhibit)
                if viewer not in self._busy and exhibit.shown.get(viewer) != exhibit.changes
            ]
            if behind:
                out.append((exhibit, behind))
        return out

    def _viewers(self, index: int, exhibit: _Exhibit) -> list[tuple[Audience, Channel]]:
        """Who sees this match, and how large; spectators see the first one."""
        alone = [channel for channel in self._spectators() if channel.ready] if index == min(self._exhibits) else []
        spectators = [((ALONE, False), channel) for channel in alone]
        return [*spectators, *(((self._players, True), channel) for channel in exhibit.players)]

    def _last_looks(self, exhibit: _Exhibit, seats: Sequence[int], outcome: Outcome | None = None) -> None:
        """Show people how the match, or their part in it, stands at its end."""
        for seat in seats:
            channel, views = exhibit.seats.pop(seat)
            names = exhibit.match.names_for(seat)
            self._show(exhibit, self._update(exhibit.match, names, outcome, seat), views, [channel])

    def _send(
        self, exhibit: _Exhibit, viewers: Sequence[tuple[Audience, Channel]], outcome: Outcome | None = None
    ) -> None:
        match = exhibit.match
        for audience in dict.fromkeys(audience for audience, _ in viewers):
            size, playing = audience
            group = [viewer for its, viewer in viewers if its == audience]
            exhibit.shown.update(dict.fromkeys(group, exhibit.changes))
            names = match.names_for(None) if playing else match.names
            self._show(exhibit, self._update(match, names, outcome), Views(image=size), group)

    def _update(
        self, match: Match, names: tuple[str, ...], outcome: Outcome | None = None, seat: int | None = None
    ) -> SpectatorUpdate:
        return SpectatorUpdate(
            match=match.plan.index,
            tick=match.tick,
            game=match.session.spec.id,
            seats=names,
            events=match.last_events,
            outcome=outcome,
            seat=seat,
        )

    def _show(self, exhibit: _Exhibit, update: SpectatorUpdate, views: Views, viewers: Sequence[Channel]) -> None:
        """Look, or have the host look, and hand it out; to whoever is not free now, later."""
        free = tuple(viewer for viewer in viewers if viewer not in self._busy)
        late = tuple(viewer for viewer in viewers if viewer in self._busy)
        self._busy.update(dict.fromkeys(free, (update.match, update.tick)))
        if exhibit.host is not None:
            i = next(self._ids)
            self._owed[i] = _Picture(exhibit, update, views, free, late)
            exhibit.asked += 1
            exhibit.host.send(m.Observe(id=i, match=update.match, views=views, seat=update.seat))
            return
        try:
            seen = _look(exhibit.match, update.seat, views)
        except GameError:  # the match is played on
            self._release(free)
            return
        self._hand_out(update, seen, free, late)

    def _hand_out(
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
        """A picture does not come: whoever waited for it can be shown another."""
        for viewer in viewers:
            self._busy.pop(viewer, None)


def _look(match: Match, seat: int | None, views: Views) -> Observation:
    """What a seat sees, or who sees everything. GameError when the game fails to say it."""
    if seat is not None:
        return match.session.look(seat, views)
    assert views.image is not None
    return Observation(image=match.session.draw(*views.image))
