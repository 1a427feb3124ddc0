"""LiveMatch: a match in play, and the questions that its seats have open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arena.channel import Channel
from arena.game import GameCard
from arena.hosted import HostedSession
from arena.match import Match
from arena.operator import Outcome, Request
from arena.plan import Entry
from arena.protocol import messages as m
from arena.realtime import Clock
from arena.retry import OPENING, Charge, Failure, Position


@dataclass(slots=True, eq=False)
class Question:
    """A request under way; `due` is its deadline. Its match is None once the answer is no longer wanted."""

    request: Request
    channel: Channel
    live: LiveMatch | None
    sent: float
    operator: str  # its name
    due: float | None = None
    cancelled: bool = False  # a CANCEL was sent
    late: bool = False  # the deadline passed, and the CANCEL is not confirmed

    @property
    def place(self) -> Position:
        """Its place in the match."""
        return Position(self.request.tick, self.request.attempt)


@dataclass(slots=True, eq=False)
class DryTurn:
    """One operator that is asked about a sample position: see arena/dry.py."""

    game: int  # of the plan
    slot: int  # of the pool
    first: bool  # before the first match
    seat: int | None  # None: the first seat that is asked
    sample: int = 0


@dataclass(slots=True, eq=False)
class TickEnd:
    """When the tick of a match in realtime is over."""

    live: LiveMatch
    due: float | None = None


@dataclass(slots=True, eq=False)
class HostDeadline:
    """When the game's host must have answered."""

    live: LiveMatch
    due: float | None = None


@dataclass(slots=True, eq=False)
class LiveMatch:
    """A match in play, and the channels that serve its seats."""

    match: Match
    card: GameCard
    entries: tuple[Entry, ...]  # who sits where
    channels: tuple[Channel, ...]
    host: Channel | None  # the game's host; None: the game is in this process
    charges: Mapping[int, Charge]  # by seat: the fault from which on it is not asked
    alone: bool = False  # seats are opened and asked one by one, to find the one that ends its worker
    dry: DryTurn | None = None  # set for a sample position, which is not a match of the plan: see arena/dry.py
    begun: bool = False  # the game was reset
    over: bool = False  # it is not in play any more
    clock: Clock | None = None  # in realtime
    seated: set[int] = field(default_factory=set)  # seats for which an OPEN was sent
    opened: set[int] = field(default_factory=set)  # of them, those that confirmed it or have answered
    queued: set[int] = field(default_factory=set)  # seats with a question that is not sent yet
    questions: dict[int, Question] = field(default_factory=dict)  # under way, by id
    failures: dict[int, Failure] = field(default_factory=dict)  # by seat: the match is void once the others are in
    tick_end: TickEnd = field(init=False)
    host_deadline: HostDeadline = field(init=False)

    def __post_init__(self) -> None:
        self.tick_end = TickEnd(self)
        self.host_deadline = HostDeadline(self)

    @property
    def asked(self) -> set[int]:
        """The seats with a request that is sent or queued."""
        return self.queued.union(question.request.seat for question in self.questions.values())

    def suspects(self, channel: Channel, questions: Sequence[Question]) -> dict[int, Position]:
        """The seats that this worker may have ended at: those that were opened, or asked `questions`, and did not

        answer.
        """
        out = {seat: OPENING for seat in self.seated - self.opened if self.channels[seat] is channel}
        for question in questions:
            out.setdefault(question.request.seat, question.place)
        return out

    def uses(self, channel: Channel) -> bool:
        """Whether it needs this worker: for its game, or for a seat, opened or not."""
        never = {seat for seat, charge in self.charges.items() if charge.place == OPENING}
        return self.host is channel or any(
            needed is channel for seat, needed in enumerate(self.channels) if seat not in never
        )

    def close(self, outcome: Outcome) -> list[Question]:
        """Cancel the open requests, release the seats and the game; the questions that workers still answer."""
        self.over = True  # its queued requests are not sent
        left = list(self.questions.values())
        self.questions.clear()
        cancelled: dict[Channel, list[int]] = {}
        for question in left:
            question.live = None
            if not question.cancelled:
                question.cancelled = True
                cancelled.setdefault(question.channel, []).append(question.request.id)
        for channel, ids in cancelled.items():
            channel.send(m.Cancel(ids=ids))
        for seat in sorted(self.seated):
            self.channels[seat].send(m.End(match=self.match.plan.index, seat=seat, outcome=outcome))
        if isinstance(self.match.session, HostedSession):
            self.match.session.close()
        return left
