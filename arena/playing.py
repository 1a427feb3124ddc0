"""Playing: the matches in play, their seats and the requests under way. The Scheduler makes the decisions.

Only what has changed is looked at: matches are `touched` when something came in for them, and what may fall due waits
in Timers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import msgspec

from arena.channel import Channel, WorkerPool
from arena.errors import GameError
from arena.hosted import HostedSession
from arena.live_match import DryTurn, LiveMatch, Question
from arena.log import EndLine
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, OpenSeat, Outcome, Request
from arena.plan import MatchPlan, MatchResult, Plan
from arena.protocol import messages as m
from arena.questions import Questions
from arena.realtime import Clock, RealtimeMatch, match_class
from arena.record.writer import Recorder
from arena.retry import OPENING, RetryPolicy
from arena.session import GameSession, LocalSession
from arena.spectators import SpectatorFeed
from arena.timers import Timers
from arena.turns import TurnFeed


class Playing:
    """Opens, queries, advances and closes matches."""

    def __init__(
        self,
        plan: Plan,
        workers: WorkerPool,
        retry: RetryPolicy,
        recorder: Recorder | None,
        observer: Observer,
        turns: TurnFeed,
        on_over: Callable[[MatchResult], None],
        now: Callable[[], float],
    ) -> None:
        """`on_over` is called with the end of each match. `now()` is the time, as time.monotonic gives it."""
        self.timers = Timers(now)
        self.questions = Questions(self.timers)
        self.matches: dict[int, LiveMatch] = {}
        self.newest = 0  # id of the last request that was sent
        self._plan = plan
        self._retry = retry
        self._recorder = recorder
        self._observer = observer
        self._turns = turns
        self._on_over = on_over
        self._ids = workers.ids
        self.spectators = SpectatorFeed(plan, workers.spectators, self._ids)
        self._touched: dict[LiveMatch, None] = {}
        self._failed = False  # a game failed since the last `advance`: its match waits to be seated again
        self.on_game_error: Callable[[LiveMatch, str], None] = lambda live, text: None

    def touch(self, live: LiveMatch) -> None:
        """Mark a match that may have new requests or be ready."""
        self._touched[live] = None

    # --- from the first OPEN to the last tick ----------------------------------------------------------------------

    def begin(
        self,
        plan: MatchPlan,
        channels: tuple[Channel, ...],
        host: Channel | None,
        *,
        alone: bool = False,
        dry: DryTurn | None = None,
    ) -> None:
        """Open the seats and reset the game."""
        entries = self._plan.seated(plan)
        names = [entry.name for entry in entries]
        views = [entry.views if entry.aside is None else entry.views | entry.aside for entry in entries]
        planned = self._plan.games[plan.game]
        game = planned.make()
        session: GameSession = LocalSession(game, views)
        if host is not None:
            session = HostedSession(game, planned.name, views, plan.index, host, self._ids)
        card = game.card()
        charges = self._retry.charges(plan)
        match = match_class(self._plan.limits)(
            plan,
            session,
            names,
            self._plan.limits,
            logged=self._recorder is not None and dry is None,
            turns=self._turns.wanted and dry is None,
            shown={seat: entry.views for seat, entry in enumerate(entries) if entry.aside is not None},
        )
        live = self.matches[plan.index] = LiveMatch(match, card, entries, channels, host, charges, alone, dry)
        if self._plan.limits.pace == "realtime" and card.seconds is not None and dry is None:
            live.clock = Clock(card.seconds)
        if dry is None:
            for seat in range(len(channels)) if not alone else ():
                if seat not in charges or charges[seat].place != OPENING:
                    self._open(live, seat)
            self.spectators.open(match, channels, host)
            self._observer.started(match)
            self._turns.began(plan)
        if self._played(live, match.start):
            self.follow(live)

    def _played(self, live: LiveMatch, act: Callable[[], None]) -> bool:
        """Advance a match by `act`; False if its game failed, and it is out of play."""
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
        entry = live.entries[seat]
        live.seated.add(seat)
        live.channels[seat].send(
            OpenSeat(
                match=plan.index,
                seat=seat,
                operator=entry.name,
                card=live.card,
                views=entry.views,
                seed=self._plan.operator_seed(plan, seat),
                seats=live.match.names_for(seat),
                pace=self._plan.limits.pace,
                tokens=self._turns.wanted,
            )
        )

    def send(self) -> None:
        """Send the requests that workers take now: one ACT for each channel."""
        for channel, waiting in self.questions.take().items():
            requests = [self._sent(live, channel, request) for live, request in waiting]
            channel.send(m.Act(requests=requests))

    def queue(self, live: LiveMatch) -> None:
        """Queue the requests of a match."""
        for request in live.match.requests():
            seat = request.seat
            if live.dry is not None and live.dry.seat is None:
                live.dry.seat = seat
            if live.dry is not None and seat != live.dry.seat:
                # This seat has no operator; the last action is the least likely to end a game.
                decision = Decision(answer=request.observation.legal[-1])
            elif (charge := live.charges.get(seat)) is not None and (request.tick, request.attempt) >= charge.place:
                decision = Decision(fault=charge.fault, detail=charge.detail)
            else:
                self.questions.put(live, request)
                continue
            if not self.feed(live, seat, decision):
                return

    def _sent(self, live: LiveMatch, channel: Channel, request: Request) -> Request:
        """Returns the request to send now, with its id and budget; its clocks begin."""
        if request.seat not in live.seated:
            self._open(live, request.seat)
        limits = self._plan.limits
        human = live.entries[request.seat].kind.interactive
        self.newest = next(self._ids)
        budget = limits.human_timeout if human else None
        request = msgspec.structs.replace(request, id=self.newest, budget=budget)
        # A person's clock is kept by their worker: it begins when the person sees the request.
        now = self.timers.now()
        question = Question(request, channel, live, now, live.match.names[request.seat])
        self.questions.sent(question, None if human else now + limits.deadline)
        if live.dry is None:
            self._observer.asked(live.match, request)
        return request

    def advance(self) -> bool:
        """Queue what matches ask, and apply the tick of each whose seats are all in.

        Whether there is more to do before one waits.
        """
        touched, self._touched = self._touched, {}
        advanced, self._failed = self._failed, False
        for live in touched:
            if not live.over:
                self.queue(live)
            if live.over or live.failures or not self._tick_over(live) or not live.match.ready:
                continue
            if self._played(live, live.match.advance):
                self.follow(live)
            advanced = True
        return advanced

    def _tick_over(self, live: LiveMatch) -> bool:
        """Whether the time of the tick is over, where there is a clock."""
        clock = live.clock
        if clock is None:
            return True
        match, over = live.match, list[bool]()
        assert isinstance(match, RealtimeMatch)
        # The game's rule for seats that are late may fail.
        return self._played(live, lambda: over.append(clock.over(match, self.timers.now()))) and over[0]

    def follow(self, live: LiveMatch) -> None:
        """Record the result of the game's step, unless its host has not returned it."""
        match = live.match
        self.watch_host(live)
        if match.waits_for_game:
            return
        if live.dry is None:
            self._note(live)
        if not live.begun:
            live.begun = True
            self.timers.clear(live.host_deadline)  # the deadline of the first reply is longer
        if match.outcome is not None and live.dry is not None:
            # The game ended before this seat was asked: take the next seat that is asked.
            live.dry.seat = None
            self.void(live, match.outcome)
        elif match.outcome is not None:
            self.finish(live, match.outcome)
        else:
            self.touch(live)
            self.queue(live)

    def _note(self, live: LiveMatch) -> None:
        if live.match.ledger is not None and live.match.outcome is not None:
            self._turns.over(live.match.episode())  # they are kept before the log says that the match is over
        if self._recorder is not None:
            self._recorder.journal(live.match.plan.index, live.match.take_lines())
        if not live.begun:
            return
        self._observer.ticked(live.match)
        self.spectators.changed(live.match)
        if live.clock is not None:
            live.clock.next(self.timers.now())
            assert live.clock.until is not None
            self.timers.set(live.tick_end, live.clock.until)

    def watch_host(self, live: LiveMatch) -> None:
        """Set a deadline for a host that has not replied."""
        session = live.match.session
        if isinstance(session, HostedSession) and session.since is not None and live.host_deadline.due is None:
            self.timers.set(live.host_deadline, session.since + self.host_time(live))

    def host_time(self, live: LiveMatch) -> float:
        """Seconds in which a game host must reply: more for the first reply, which may import a library."""
        limits = self._plan.limits
        return limits.deadline if live.begun else max(limits.making, limits.deadline)

    # --- the end ---------------------------------------------------------------------------------------------------

    def finish(self, live: LiveMatch, outcome: Outcome) -> None:
        """The match is over."""
        self.spectators.close(live.match, self.timers.now(), outcome)  # while its host still has the game
        self._close(live, outcome)
        if self._recorder is not None:
            self._recorder.end(live.match.plan.index)
        self._retry.forget(live.match.plan)
        self._on_over(MatchResult(live.match.plan, outcome.status, outcome.returns))
        self._observer.ended(live.match, outcome)

    def void(self, live: LiveMatch, outcome: Outcome) -> None:
        """End a try that does not count."""
        self.spectators.close(live.match, 0.0)
        self._close(live, outcome)

    def discard(self, match: Match) -> None:
        """Discard the lines of a try that does not count; the timing file has the reason already."""
        if self._recorder is not None:
            self._recorder.void(match.plan.index)

    def give_up(self, match: Match, reason: str) -> None:
        """Leave a match that is out of play unresolved."""
        index = match.plan.index
        self._turns.void(match.plan, reason)
        if self._recorder is not None:
            end = EndLine(match=index, status="unresolved", ticks=0, reason=reason)
            self._recorder.journal(index, [match.head, end])
            self._recorder.end(index)
        self._retry.forget(match.plan)
        self._on_over(MatchResult(match.plan, "unresolved", None))
        self._observer.unresolved(match, reason)

    def _close(self, live: LiveMatch, outcome: Outcome) -> None:
        del self.matches[live.match.plan.index]
        self.timers.clear(live.tick_end)
        self.timers.clear(live.host_deadline)
        for question in live.close(outcome):
            if question.due is None:  # a person's: nothing else would end the wait for a worker that does not confirm
                self.timers.set(question, self.timers.now() + self._plan.limits.deadline)
