"""The episodes of a run, for exporters: one seat of one match, with what it saw, did, thought and got.

Observations are had by playing each match again, as `arena verify` does; one match at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from arena.errors import RecordError
from arena.exporters.filters import Chosen, Filter, choose
from arena.game import Game, Observation, Views
from arena.log import EndLine, Line, MatchLine, TickLine
from arena.operator import OpenSeat
from arena.plan import MatchPlan
from arena.record.asked import opening
from arena.record.head import GameHead, OperatorHead
from arena.record.reader import Run
from arena.record.replay import Replay, execute
from arena.turns import Turn

Wanted = Callable[[OperatorHead], Views]  # the views that an exporter wants of the seats of an operator


@dataclass(frozen=True, slots=True)
class Step:
    """One decision of a seat."""

    turn: Turn  # its request has the observation in the views that the operator was given
    seen: Observation  # the same moment in the views that the exporter wants
    state: str  # the hash of the game's state when it was asked


@dataclass(frozen=True, slots=True)
class Episode:
    """One seat of one match. `before` and the rewards of the steps add up to `returns[seat]`."""

    plan: MatchPlan
    game: Game
    operator: OperatorHead
    seat: int
    opening: OpenSeat  # what the operator was told when it got the seat
    status: str  # terminated, truncated, forfeited
    returns: tuple[float, ...]  # of every seat
    before: float  # its rewards before its first turn
    steps: tuple[Step, ...]
    last: Observation  # after the end, in the wanted views
    lines: list[Line]  # the whole match, as logged

    @property
    def played(self) -> list[Step]:
        """Its steps without those that were asked again: each led to a tick of the game, or to its end."""
        return [step for step in self.steps if not step.turn.asked_again]


@dataclass(slots=True)
class Reader:
    """Reads the chosen episodes of a run. Close it: games may be hosted in a process."""

    run: Run
    keep: Filter
    chosen: dict[int, Chosen]  # by game of the plan
    replay: Replay
    silent: int = 0  # chosen episodes in which the seat was never asked
    pictures: set[int] = field(default_factory=set)  # matches whose pictures are drawn otherwise here

    @classmethod
    def open(cls, run: Run, keep: Filter, *, trust: bool = False) -> Self:
        """InputError as `choose`; RecordError where the run cannot be played again here. `trust` as in verify."""
        return cls(run, keep, choose(run, keep), Replay(run, trust=trust))

    def close(self) -> None:
        self.replay.close()

    @property
    def games(self) -> dict[int, GameHead]:
        """The games of which episodes were chosen, by their place in the plan."""
        return {place: self.run.head.games[place] for place in self.chosen}

    def game(self, place: int) -> Game:
        """The game, for its facts."""
        return self.replay.games[place][1]

    def operators(self, place: int) -> list[OperatorHead]:
        """Those whose episodes may be chosen, in the order of the pool."""
        names = self.keep.operators or self.run.operators
        return [head for head in self.run.head.games[place].operators if head.name in names]

    def matches(self, place: int) -> Iterator[tuple[list[Line], tuple[int, ...]]]:
        """The lines of each chosen match of a game, and the seats of it that were chosen."""
        seats = self.chosen[place].seats
        for lines in self.run.played():
            head = lines[0]
            if isinstance(head, MatchLine) and head.match in seats:
                yield lines, seats[head.match]

    def episodes(self, place: int, wanted: Wanted) -> Iterator[Episode]:
        """The chosen episodes of a game, in plan order and by seat.

        RecordError when a match cannot be played again as it was recorded.
        """
        for lines, seats in self.matches(place):
            yield from self._match(lines, seats, wanted)

    def _match(self, lines: list[Line], seats: tuple[int, ...], wanted: Wanted) -> Iterator[Episode]:
        plan = self.run.plan(lines[0])
        match = self.replay.match(plan, turns=True)
        seated = self.replay.seated(plan)
        views = {seat: wanted(seated[seat]) for seat in seats}
        seen: dict[tuple[int, int], tuple[Observation, str]] = {}  # by seat and tick
        state = ""
        for step in execute(match, lines):
            if not step.agrees:
                raise RecordError(f"match {plan.index} cannot be played again: `arena verify` says where it differs")
            if step.made != step.recorded:
                self.pictures.add(plan.index)
            for line in step.made:
                state = line.state_hash if isinstance(line, (MatchLine, TickLine)) else state
            for request in step.requests:
                if (seat := request.seat) in views:
                    own = seated[seat].views == views[seat]
                    shown = request.observation if own else match.session.look(seat, views[seat])
                    seen[seat, request.tick] = shown, state
        episode = match.episode()
        end = lines[-1]
        assert isinstance(end, EndLine)
        assert end.returns is not None
        for seat in seats:
            steps = tuple(
                Step(turn, *seen[seat, turn.request.tick]) for turn in episode.turns if turn.request.seat == seat
            )
            if not steps:
                self.silent += 1
                continue
            yield Episode(
                plan,
                self.game(plan.game),
                seated[seat],
                seat,
                opening(self.replay, match, seat),
                end.status,
                end.returns,
                episode.before[seat],
                steps,
                match.session.look(seat, views[seat]),
                lines,
            )

    def left_out(self) -> list[str]:
        """What was chosen and is not there, and what differs here, in sentences."""
        out = []
        if unresolved := sum(chosen.unresolved for chosen in self.chosen.values()):
            out.append(f"{count(unresolved, 'match', 'matches')} stayed unresolved and have no turns")
        if self.silent:
            out.append(f"{count(self.silent, 'seat')} never had to act, so there is no episode of them")
        if self.pictures:
            differ = count(len(self.pictures), "match", "matches")
            out.append(f"the pictures of {differ} are drawn otherwise here than when it was played (the rules agree)")
        return out


def count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
