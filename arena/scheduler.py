"""Scheduler: pumps many matches at once and gathers their questions by worker.

An infrastructure fault (a worker died, a deadline passed, a backend failed) voids the match and it is played again;
arena/retry.py decides what follows if that repeats. Nothing here depends on the order in which answers
arrive except the timing file.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from arena.channel import Channel, Died, Received, WorkerPool
from arena.errors import InputError, ProtocolError
from arena.failing import Failing, failure
from arena.hosted import HostedSession
from arena.live_match import DryTurn, HostDeadline, LiveMatch, Question, TickEnd
from arena.observer import Observer
from arena.plan import MatchPlan, Plan
from arena.playing import Playing
from arena.protocol import messages as m
from arena.record.times import turn_times
from arena.record.writer import Recorder
from arena.retry import OPENING, Failure, RetryPolicy
from arena.schedule import Matches, planned
from arena.turns import TurnFeed, TurnSink
from arena.upcoming import Upcoming

LAST_LOOK = 2.0  # seconds in which a game host must send the picture of the end of the last match
GRACE = m.Limits().grace  # seconds in which a CANCEL is confirmed


class Scheduler:
    """Plays all matches of a plan with a pool of workers. `run` returns when every match is resolved or given up."""

    def __init__(
        self,
        plan: Plan,
        workers: WorkerPool,
        *,
        concurrency: int = 1,
        recorder: Recorder | None = None,
        observer: Observer | None = None,
        matches: Matches | None = None,
        dry_turn: bool = False,
        sinks: Sequence[TurnSink] = (),
    ) -> None:
        """`matches`: of the plan, those that are to be played; None: all.

        `dry_turn`: every operator that is not a person answers a sample position before the first match.
        `sinks`: get the turns of every match that is played here.
        """
        if concurrency < 1:
            raise InputError(f"concurrency {concurrency}: expected at least 1")
        self._plan = plan
        self._workers = workers
        self._concurrency = concurrency
        self._recorder = recorder
        self._observer = observer or Observer()
        retry = RetryPolicy(plan)
        self._upcoming = Upcoming(matches or planned(plan), between=concurrency)
        turns = TurnFeed(sinks)
        self._playing = Playing(
            plan, workers, retry, recorder, self._observer, turns, self._upcoming.over, lambda: time.monotonic()
        )
        self._failing = Failing(
            plan,
            workers,
            self._playing,
            retry,
            self._upcoming,
            self._observer,
            self._time,
            dry_turn=dry_turn,
        )
        self.dropped = 0  # replies that matched no question

    def run(self) -> None:
        """Play. Raises WorkerError or InputError when a worker cannot be started or cannot play this game at all."""
        playing, feed = self._playing, self._playing.spectators
        realtime = self._plan.limits.pace == "realtime"
        self._observer.begins(playing.questions.loads)
        while playing.matches or not self._failing.over:
            self._seat_matches()
            advanced = playing.advance()
            if advanced and not realtime:
                continue
            # In realtime the next tick may be over already on a busy machine: answers are still read.
            playing.send()
            feed.show(time.monotonic())
            self._absorb(self._workers.poll(0 if advanced else self._patience()))
            self._watch_clocks()
        until = time.monotonic() + LAST_LOOK
        while feed.owed and (left := until - time.monotonic()) > 0:
            self._absorb(self._workers.poll(left))
        feed.finish()
        if not all(channel.ready for channel in self._workers.spectators()):
            self._observer.unseen("nobody watched: the run was over before the page was ready")

    # --- who plays -------------------------------------------------------------------------------------------------

    def _seat_matches(self) -> None:
        playing, failing = self._playing, self._failing
        if dry := failing.dry.waiting:
            self._seat_dry_turns(dry)
            return
        upcoming = self._upcoming
        while len(playing.matches) < self._concurrency:
            plan = upcoming.first(idle=not playing.matches)
            seats = self._seats(plan) if plan is not None else None
            if plan is None or seats is None:
                return
            upcoming.take(plan)
            playing.begin(plan, *seats, alone=upcoming.alone(plan))

    def _seat_dry_turns(self, waiting: list[tuple[MatchPlan, DryTurn]]) -> None:
        playing = self._playing
        if any(live.dry is None for live in playing.matches.values()):
            return
        for plan, turn in waiting:
            if plan.index not in playing.matches and (seats := self._seats(plan)) is not None:
                playing.begin(plan, *seats, dry=turn)

    def _seats(self, plan: MatchPlan) -> tuple[tuple[Channel, ...], Channel | None] | None:
        """The channels of the seats and of the game's host; None if one of them is not ready."""
        channels = tuple(self._workers.channel(entry) for entry in self._plan.seated(plan))
        runtime = self._plan.games[plan.game].runtime
        host = self._workers.host(runtime, plan.index) if runtime is not None else None
        ready = all(channel.ready and not self._failing.in_doubt(channel) for channel in channels)
        return (channels, host) if ready and (host is None or host.ready) else None

    # --- what comes in ---------------------------------------------------------------------------------------------

    def _absorb(self, events: list[Received | Died]) -> None:
        for event in events:
            if isinstance(event, Died):
                self._failing.died(event)
                continue
            match event.message:
                case m.Action():
                    self._answers(event.channel, event.message)
                case m.Opened():
                    live = self._playing.matches.get(event.message.match)
                    if live is not None and event.channel in live.channels:
                        live.opened.add(event.message.seat)
                case m.Stepped() | m.Parsed():
                    self._host_replied(event.channel, event.message)
                case m.Observed():
                    self._pictured(event.channel, event.message)
                case m.Watched():
                    self._playing.spectators.shown(event.channel, event.message)
                case m.Error():
                    self._refused(event.channel, event.message)
                case m.Status() if event.message.facts:
                    self._keep_facts(event.channel, event.message.facts)
                case _:
                    pass

    def _keep_facts(self, channel: Channel, facts: dict[str, str]) -> None:
        if self._recorder is not None:
            served = [entry.name for entry in self._plan.entries if self._workers.channel(entry) is channel]
            for name in dict.fromkeys(served):
                self._recorder.facts(name, facts)

    def _answers(self, channel: Channel, action: m.Action) -> None:
        now = time.monotonic()
        for answer in action.answers:
            question = self._playing.questions.get(answer.id)
            if question is None or action.session != channel.session or not _belongs(question, channel, answer):
                self._drop(channel, id=answer.id, match=answer.match, tick=answer.tick)
                continue
            if answer.cancelled and not question.cancelled:
                self._failing.kill(
                    channel, f"broke the protocol: it cancelled request {answer.id}, which the arena had not cancelled"
                )
                return
            live = question.live
            self._playing.questions.remove(question)
            if question.late:
                self._failing.confirmed(question)
            elif live is not None:
                self._answered(live, question, answer, now)

    def _answered(self, live: LiveMatch, question: Question, answer: m.Answer, now: float) -> None:
        seat, decision = answer.seat, answer.decision
        live.opened.add(seat)
        self._playing.touch(live)
        if decision is None:
            kind = answer.error or "backend"
            reason = f"{question.channel.name}: {answer.detail or kind}"
            self._failing.failed(live, seat, failure(question, kind, reason))
            return
        self._failing.answered(live, question, decision)
        if live.dry is not None:
            return
        if not self._playing.feed(live, seat, decision):
            return
        seconds = now - question.sent
        self._observer.answered(live.match, seat, decision, seconds)
        if self._recorder is not None:
            where = {"match": answer.match, "tick": answer.tick, "seat": seat, "attempt": answer.attempt}
            where["game"] = live.match.plan.game
            told = turn_times(live.match.names[seat], seconds, decision.usage)
            self._recorder.timing(type="turn", **where, **told)
        if live.failures:
            self._failing.void_when_answered(live)

    def _host_replied(self, channel: Channel, message: m.Stepped | m.Parsed) -> None:
        """Handle a game host's reply to a match."""
        live = self._playing.matches.get(message.match)
        session = live.match.session if live is not None and live.host is channel else None
        try:
            if not isinstance(session, HostedSession) or not session.reply(live.match, message):  # type: ignore[union-attr]
                self._drop(channel, id=message.id, match=message.match)
                return
        except ProtocolError as error:
            self._failing.kill(channel, f"broke the protocol: {error}")
            return
        assert live is not None
        if isinstance(message, m.Parsed):
            self._playing.touch(live)
        else:
            self._playing.follow(live)

    def _pictured(self, channel: Channel, message: m.Observed) -> None:
        """Handle a game host's picture for spectators."""
        try:
            if not self._playing.spectators.take(channel, message):
                self._drop(channel, id=message.id, match=message.match)
        except ProtocolError as error:
            self._failing.kill(channel, f"broke the protocol: {error}")

    def _refused(self, channel: Channel, error: m.Error) -> None:
        self._time("error", worker=channel.name, code=error.code, text=error.text, match=error.match)
        if error.code in ("malformed", "unexpected"):
            # It will not answer a message that it did not understand.
            self._failing.kill(channel, f"did not understand the arena: {error.text}")
        live = self._playing.matches.get(error.match) if error.match is not None else None
        if live is not None and channel is live.host:
            if error.code == "refused":
                raise InputError(f"the game cannot be played: {error.text}")
            self._failing.game_failed(live, error.text)
        elif live is not None and channel in live.channels:
            if error.code == "refused":
                raise InputError(f"operator {channel.name} cannot take seat {error.seat}: {error.text}")
            # A seat that could not be opened. `failed`: the operator raised, as it may do in every try.
            self_inflicted = error.code == "failed"
            failed = Failure("backend", OPENING, f"{channel.name}: {error.text}", self_inflicted)
            self._failing.failed(live, -1 if error.seat is None else error.seat, failed)

    def _drop(self, channel: Channel, **where: int) -> None:
        self.dropped += 1
        self._time("dropped", worker=channel.name, **where)

    # --- clocks ----------------------------------------------------------------------------------------------------

    def _patience(self) -> float | None:
        clocks = [due for due in (self._playing.timers.next, self._playing.spectators.until) if due is not None]
        return max(0.0, min(clocks) - time.monotonic()) if clocks else None

    def _watch_clocks(self) -> None:
        for due in self._playing.timers.take():
            match due:
                case TickEnd():
                    self._playing.touch(due.live)
                case HostDeadline():
                    self._host_due(due)
                case Question():
                    self._failing.overdue(due, GRACE)

    def _host_due(self, due: HostDeadline) -> None:
        live = due.live
        session = live.match.session
        if not isinstance(session, HostedSession) or session.since is None or live.host is None:
            return
        allowed = self._playing.host_time(live)
        if session.since + allowed <= self._playing.timers.now():
            waited = f"{allowed:g} s at tick {live.match.tick}"
            self._failing.kill(live.host, f"did not answer within {waited}: it hangs")
        else:
            self._playing.watch_host(live)

    def _time(self, kind: str, **what: object) -> None:
        if self._recorder is not None:
            self._recorder.timing(type=kind, **what)


def _belongs(question: Question, channel: Channel, answer: m.Answer) -> bool:
    return question.channel is channel and m.echoes(question.request, answer)
