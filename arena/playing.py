"""Playing: the matches in play, their seats and the questions under way. It decides nothing; the Scheduler does.

Only what has changed is looked at: matches are `touched` when something came in for them, and what may fall due waits
in Timers.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from arena.channel import Channel, WorkerPool
from arena.dry import DryTurn
from arena.errors import GameError
from arena.game import GameCard
from arena.hosted import HostedSession
from arena.log import EndLine
from arena.match import Ask, Match
from arena.observer import Observer
from arena.operator import Decision, Outcome, Request
from arena.pace import Clock
from arena.plan import MatchPlan, Plan
from arena.protocol import codec
from arena.protocol import messages as m
from arena.record.writer import Recorder
from arena.retry import OPENING, Charge, Failure, Place, RetryPolicy
from arena.session import GameSession, LocalSession
from arena.spectators import SpectatorFeed
from arena.timers import Timers


@dataclass(slots=True, eq=False)
class Question:
    """One item under way; `due` is its deadline. Its match is None once nobody wants the answer."""

    request: Request
    channel: Channel
    live: LiveMatch | None
    sent: float
    due: float | None = None
    cancelled: bool = False  # a CANCEL was sent
    late: bool = False  # the deadline passed, and the CANCEL waits for its confirmation


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
    channels: tuple[Channel, ...]
    host: Channel | None  # of its game, if that is not here
    charges: Mapping[int, Charge]  # by seat: it is not asked from there on
    alone: bool = False  # seats are opened and asked one after another, to see which of them ends its worker
    dry: DryTurn | None = None  # it is no match of the plan: see arena/dry.py
    begun: bool = False  # the game was reset
    clock: Clock | None = None  # in realtime
    seated: set[int] = field(default_factory=set)  # an OPEN was sent
    opened: set[int] = field(default_factory=set)  # and confirmed, or the seat has answered
    held: list[Ask] = field(default_factory=list)  # not sent yet
    questions: dict[int, Question] = field(default_factory=dict)  # under way, by id
    failures: dict[int, Failure] = field(default_factory=dict)  # by seat: the match is void once the others are in
    tick_end: TickEnd = field(init=False)
    host_deadline: HostDeadline = field(init=False)

    def __post_init__(self) -> None:
        self.tick_end = TickEnd(self)
        self.host_deadline = HostDeadline(self)


class Questions:
    """What is under way, by id, by channel and by match."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._all: dict[int, Question] = {}
        self._by_channel: dict[Channel, dict[int, Question]] = {}

    def add(self, question: Question, deadline: float | None) -> None:
        i = question.request.id
        self._all[i] = question
        self._by_channel.setdefault(question.channel, {})[i] = question
        assert question.live is not None
        question.live.questions[i] = question
        if deadline is not None:
            self._timers.set(question, deadline)

    def get(self, i: int) -> Question | None:
        return self._all.get(i)

    def remove(self, question: Question) -> None:
        """It was answered, or will never be."""
        i = question.request.id
        self._timers.clear(question)
        del self._all[i]
        of_channel = self._by_channel[question.channel]
        del of_channel[i]
        if not of_channel:
            del self._by_channel[question.channel]
        if question.live is not None:
            del question.live.questions[i]

    def of(self, channel: Channel) -> list[Question]:
        return list(self._by_channel.get(channel, {}).values())


class Playing:
    """Opens, asks, advances and closes matches."""

    def __init__(
        self, plan: Plan, workers: WorkerPool, retry: RetryPolicy, recorder: Recorder | None, observer: Observer
    ) -> None:
        self.timers = Timers()
        self.questions = Questions(self.timers)
        self.matches: dict[int, LiveMatch] = {}
        self.newest = 0  # number of the last question that was sent
        self._plan = plan
        self._retry = retry
        self._recorder = recorder
        self._observer = observer
        self._ids = itertools.count(1)
        self.spectators = SpectatorFeed(plan, workers.spectators, self._ids)
        self._touched: dict[LiveMatch, None] = {}
        self._failed = False  # a game failed since the last `advance`: its match waits to be seated again
        self.on_game_error: Callable[[LiveMatch, str], None] = lambda live, text: None

    def current(self, live: LiveMatch) -> bool:
        """It is still in play."""
        return self.matches.get(live.match.plan.index) is live

    def touch(self, live: LiveMatch) -> None:
        """Something happened: it may have questions, or be ready."""
        self._touched[live] = None

    # --- from the first OPEN to the last tick ----------------------------------------------------------------------

    def begin(
        self,
        plan: MatchPlan,
        channels: tuple[Channel, ...],
        host: Channel | None,
        now: float,
        *,
        alone: bool = False,
        dry: DryTurn | None = None,
    ) -> None:
        """Open the seats and reset the game."""
        lineup = self._plan.seated(plan)
        names = [entry.name for entry in lineup]
        views = [entry.views for entry in lineup]
        game = self._plan.make_game()
        session: GameSession = LocalSession(game, views)
        if host is not None:
            session = HostedSession(game, self._plan.game_name, views, plan.index, host, self._ids)
        card = game.card()
        charges = self._retry.charges(plan)
        match = Match(plan, session, names, self._plan.limits, logged=self._recorder is not None and dry is None)
        live = self.matches[plan.index] = LiveMatch(match, card, channels, host, charges, alone, dry)
        if self._plan.limits.pace == "realtime" and card.seconds is not None and dry is None:
            live.clock = Clock(card.seconds)
        if dry is None:
            for seat in range(len(channels)) if not alone else ():
                if seat not in charges or charges[seat].place != OPENING:
                    self._open(live, seat)
            self.spectators.open(match, channels, host)
            self._observer.started(match)
        if self._played(live, match.start):
            self.follow(live, now)

    def _played(self, live: LiveMatch, act: Callable[[], None]) -> bool:
        """Let a match go on; False when its game failed, and so it is not in play any more."""
        try:
            act()
        except GameError as error:
            self._failed = True
            self.on_game_error(live, str(error))
            return False
        return True

    def feed(self, live: LiveMatch, seat: int, decision: Decision) -> bool:
        """Give a match a decision; False when its game failed."""
        if not self._played(live, functools.partial(live.match.feed, seat, decision)):
            return False
        self.watch_host(live)
        return True

    def _open(self, live: LiveMatch, seat: int) -> None:
        plan = live.match.plan
        entry = self._plan.seated(plan)[seat]
        live.seated.add(seat)
        live.channels[seat].send(
            m.Open(
                match=plan.index,
                seat=seat,
                operator=entry.name,
                card=live.card,
                views=entry.views,
                seed=self._plan.operator_seed(plan, seat),
                seats=live.match.names,
                pace=self._plan.limits.pace,
            )
        )

    def ask(self, now: float) -> None:
        """Send every new question, one ACT a channel."""
        batches: dict[Channel, list[Request]] = {}
        for live in list(self._touched):
            if self.current(live) and not live.failures:
                self._take_asks(live)
                if self.current(live):
                    self._send(live, batches, now)
        for channel, requests in batches.items():
            channel.send(*codec.act(requests, channel.minor))

    def _take_asks(self, live: LiveMatch) -> None:
        asks = live.match.asks()
        for ask in asks:
            if live.dry is not None and live.dry.seat is None:
                live.dry.seat = ask.seat
            if live.dry is not None and ask.seat != live.dry.seat:
                # Nobody is there; the last action is the least likely to end a game.
                if not self.feed(live, ask.seat, Decision(answer=ask.observation.legal[-1])):
                    return
                continue
            charge = live.charges.get(ask.seat)
            if charge is not None and (ask.tick, ask.attempt) >= charge.place:
                if not self.feed(live, ask.seat, Decision(fault=charge.fault, detail=charge.detail)):
                    return
            else:
                live.held.append(ask)

    def _send(self, live: LiveMatch, batches: dict[Channel, list[Request]], now: float) -> None:
        if not live.held:
            return
        busy = {question.channel for question in live.questions.values()} if live.alone else set()
        held, live.held = live.held, []
        for ask in held:
            channel = live.channels[ask.seat]
            if channel in busy:
                live.held.append(ask)
                continue
            if live.alone:
                busy.add(channel)
            if ask.seat not in live.seated:
                self._open(live, ask.seat)
            batches.setdefault(channel, []).append(self._request(live, channel, ask, now))
            if live.dry is None:
                self._observer.asked(live.match, ask)

    def _request(self, live: LiveMatch, channel: Channel, ask: Ask, now: float) -> Request:
        plan, limits = live.match.plan, self._plan.limits
        human = self._plan.seated(plan)[ask.seat].kind.interactive
        budget = limits.human_timeout if human else None
        request = Request(
            id=next(self._ids),
            match=plan.index,
            seat=ask.seat,
            tick=ask.tick,
            observation=ask.observation,
            attempt=ask.attempt,
            reason=ask.reason,
            budget=budget,
        )
        self.newest = request.id
        # The clock of a person is their worker's: it begins when they see the question.
        deadline = None if human else now + limits.deadline
        self.questions.add(Question(request, channel, live, now), deadline)
        return request

    def advance(self, now: float) -> bool:
        """Apply the tick of every match whose seats are all in; whether there is more to do before one waits."""
        touched, self._touched = self._touched, {}
        advanced, self._failed = self._failed, False
        for live in touched:
            if not self.current(live) or live.failures or not self._tick_over(live, now) or not live.match.ready:
                continue
            if self._played(live, live.match.advance):
                self.follow(live, now)
            advanced = True
        return advanced

    def _tick_over(self, live: LiveMatch, now: float) -> bool:
        """Whether the time of the tick is over, where there is a clock."""
        clock = live.clock
        if clock is None:
            return True
        over: list[bool] = []
        # The game's rule for seats that are late may fail.
        return self._played(live, lambda: over.append(clock.over(live.match, now))) and over[0]

    def follow(self, live: LiveMatch, now: float) -> None:
        """Note what the game did, unless its host still owes it."""
        match = live.match
        self.watch_host(live)
        if match.waits_for_game:
            return
        if live.dry is None:
            self._note(live, now)
        if not live.begun:
            live.begun = True
            self.timers.clear(live.host_deadline)  # it was of the first word, which may take longer
        if match.outcome is not None and live.dry is not None:
            # The game was over before this seat was asked: the next one to be asked will do.
            live.dry.seat = None
            self.void(live, match.outcome)
        elif match.outcome is not None:
            self.finish(live, match.outcome, now)
        else:
            self.touch(live)

    def _note(self, live: LiveMatch, now: float) -> None:
        if self._recorder is not None:
            self._recorder.journal(live.match.plan.index, live.match.take_lines())
        if not live.begun:
            return
        self._observer.ticked(live.match)
        self.spectators.changed(live.match)
        if live.clock is not None:
            live.clock.next(now)
            assert live.clock.until is not None
            self.timers.set(live.tick_end, live.clock.until)

    def watch_host(self, live: LiveMatch) -> None:
        """See to it that a host which owes something is not waited for without end."""
        session = live.match.session
        if isinstance(session, HostedSession) and session.since is not None and live.host_deadline.due is None:
            self.timers.set(live.host_deadline, session.since + self.host_time(live))

    def host_time(self, live: LiveMatch) -> float:
        """Seconds in which a game host answers: more for the first word, which may import a library."""
        limits = self._plan.limits
        return limits.deadline if live.begun else max(limits.making, limits.deadline)

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self, live: LiveMatch, outcome: Outcome, now: float) -> None:
        """The match is over."""
        self.spectators.close(live.match, now, outcome)  # while its host still has the game
        self._close(live, outcome)
        if self._recorder is not None:
            self._recorder.end(live.match.plan.index)
        self._retry.forget(live.match.plan)
        self._observer.ended(live.match, outcome)

    def void(self, live: LiveMatch, outcome: Outcome) -> None:
        """This try does not count."""
        self.spectators.close(live.match, 0.0)
        self._close(live, outcome)

    def discard(self, match: Match) -> None:
        """Its lines are of a try that does not count. What is told of that in the timing file is there before."""
        if self._recorder is not None:
            self._recorder.void(match.plan.index)

    def give_up(self, match: Match, reason: str) -> None:
        """A match that is not in play any more stays unresolved."""
        index = match.plan.index
        if self._recorder is not None:
            end = EndLine(match=index, status="unresolved", ticks=0, reason=reason)
            self._recorder.journal(index, [match.head, end])
            self._recorder.end(index)
        self._retry.forget(match.plan)
        self._observer.unresolved(match, reason)

    def _close(self, live: LiveMatch, outcome: Outcome) -> None:
        index = live.match.plan.index
        del self.matches[index]
        self.timers.clear(live.tick_end)
        self.timers.clear(live.host_deadline)
        self._withdraw(live)
        for seat in sorted(live.seated):
            live.channels[seat].send(m.End(match=index, seat=seat, outcome=outcome))
        if isinstance(live.match.session, HostedSession):
            live.match.session.close()

    def _withdraw(self, live: LiveMatch) -> None:
        """Nobody wants the answers to its questions any more."""
        wanted: dict[Channel, list[int]] = {}
        for i, question in live.questions.items():
            question.live = None
            if not question.cancelled:
                question.cancelled = True
                wanted.setdefault(question.channel, []).append(i)
        live.questions.clear()
        for channel, ids in wanted.items():
            channel.send(m.Cancel(ids=ids))


def place_of(question: Question) -> Place:
    """Where in its match it was asked."""
    return Place(question.request.tick, question.request.attempt)


def suspects_on(channel: Channel, live: LiveMatch, questions: Sequence[Question]) -> dict[int, Place]:
    """The seats of a match that a worker may have ended at: those that were opened or asked and did not answer."""
    out = {seat: OPENING for seat in live.seated - live.opened if live.channels[seat] is channel}
    for question in questions:
        if question.request.seat not in out:
            out[question.request.seat] = place_of(question)
    return out
