"""Failing: handles workers that die or hang, and requests that fail.

It takes matches out of play, asks RetryPolicy, and gives Upcoming the matches to play again. A worker is in
doubt from a missed deadline until it confirms the CANCEL; only then is it known whether it hangs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from arena.channel import Channel, Died, WorkerPool
from arena.dry import SAMPLES, DryTurns
from arena.errors import WorkerError, sentence
from arena.hosted import HostedSession
from arena.live_match import LiveMatch, Question
from arena.observer import Observer
from arena.operator import Decision, InfrastructureFault, Outcome
from arena.plan import Plan
from arena.playing import Playing
from arena.protocol import messages as m
from arena.retry import Failure, Position, RetryDecision, RetryPolicy, Void
from arena.upcoming import Upcoming
from arena.worker_records import WorkerRecords, log, with_log

NO_ANSWER = ("crashed", "timeout", "backend")  # faults that do not show that the operator still answers


class Failing:
    """The scheduler's other half: see the module."""

    def __init__(
        self,
        plan: Plan,
        workers: WorkerPool,
        playing: Playing,
        retry: RetryPolicy,
        upcoming: Upcoming,
        observer: Observer,
        note: Callable[..., None],
        *,
        dry_turn: bool,
    ) -> None:
        """`note(kind, **what)` writes a line into the timing file."""
        self.dry = DryTurns(plan, playing, upcoming.again)
        self._plan = plan
        self._workers = workers
        self._playing = playing
        self._retry = retry
        self._upcoming = upcoming
        self._observer = observer
        self._note = note
        self._late: dict[Channel, list[Question]] = {}  # the questions of workers that missed deadlines
        self._killed: set[Channel] = set()  # killed, and not yet reported dead
        playing.on_game_error = self.game_failed
        self._records = WorkerRecords(plan.limits)
        if dry_turn and not upcoming.empty:
            for game, slot in itertools.product(range(len(plan.games)), range(len(plan.pool))):
                self.dry.add(game, slot, first=True)

    @property
    def over(self) -> bool:
        """Whether nothing is left to play."""
        return not self.dry.waiting and self._upcoming.empty

    # --- answers ---------------------------------------------------------------------------------------------------

    def answered(self, live: LiveMatch, question: Question, decision: Decision) -> None:
        """A question got its decision."""
        self._records.answered(question.channel.name)
        if decision.fault not in NO_ANSWER:
            self._retry.answered(live.match.plan, question.request.seat, question.request.id)
        if live.dry is None:
            return
        if decision.fault in NO_ANSWER:
            self._dry_failed(live, f"{decision.fault}: {decision.detail}")
        else:
            self.dry.over(live, answered=True)

    def failed(self, live: LiveMatch, seat: int, failure: Failure) -> None:
        """A question of a seat, or its opening, failed. The match is void once its other questions are in."""
        if live.dry is not None:
            self._dry_failed(live, failure.reason)
            return
        if seat in live.seated:
            live.failures.setdefault(seat, failure)
            self.void_when_answered(live)
        else:
            self._void_one(live, Void(failure.kind, failure.reason))

    def void_when_answered(self, live: LiveMatch) -> None:
        """Void a match at which something failed, unless another seat still owes an answer that may fail as well.

        People are not waited for.
        """
        self._playing.queue(live)  # a seat that is asked again may fail as well
        if live.over:
            return
        for seat in live.asked - live.failures.keys():
            if not live.entries[seat].kind.interactive:
                return
        first = live.failures[min(live.failures)]
        self._void_one(live, Void(first.kind, first.reason, dict(live.failures)))

    def game_failed(self, live: LiveMatch, reason: str) -> None:
        """The game raised, or gave what cannot be."""
        if live.dry is not None:
            self._dry_failed(live, reason, of_game=True)
            return
        when = f"at tick {live.match.tick}" if live.begun else "at its start"
        self._void_one(live, Void("game", f"{live.match.session.spec.id} failed {when}: {reason}"))

    # --- deadlines -------------------------------------------------------------------------------------------------

    def in_doubt(self, channel: Channel) -> bool:
        """Whether this worker missed a deadline and has not confirmed the CANCEL."""
        return channel in self._late

    def overdue(self, question: Question, grace: float) -> None:
        """A request's deadline has passed; the second time, the time for confirming its CANCEL."""
        channel = question.channel
        if question.late:
            self.kill(channel, "did not confirm a CANCEL in time: it hangs")
            return
        question.late = True
        self._late.setdefault(channel, []).append(question)
        self._playing.timers.set(question, self._playing.timers.now() + grace)
        if not question.cancelled:
            question.cancelled = True
            channel.send(m.Cancel(ids=[question.request.id]))

    def confirmed(self, question: Question) -> None:
        """A late request was answered. A worker that has answered all its late requests is slow, but does not hang."""
        channel = question.channel
        if any(other.late for other in self._playing.questions.of(channel)):
            return
        late = self._late.pop(channel)
        self._count(channel, [one.request.match for one in late])
        for one in late:
            if one.live is not None and not one.live.over:
                self.failed(one.live, one.request.seat, failure(one, "deadline", f"{channel.name} {self._overdue}"))

    @property
    def _overdue(self) -> str:
        return f"did not answer within {self._plan.limits.deadline:g} s"

    # --- deaths ----------------------------------------------------------------------------------------------------

    def kill(self, channel: Channel, reason: str) -> None:
        """Kill a worker that hangs or broke the protocol. Its death counts as self-inflicted."""
        self._killed.add(channel)
        self._workers.kill(channel, reason)

    def died(self, died: Died) -> None:
        """A worker is gone: void its matches, and start another."""
        channel = died.channel
        self_inflicted = died.self_inflicted or channel in self._killed
        self._killed.discard(channel)
        self._note("died", worker=channel.name, pid=channel.pid, reason=died.reason)
        self._playing.spectators.forget(channel)
        if channel.role == "spectator":
            self._observer.unseen(f"nobody watches: {channel.name} {died.reason}. The matches go on")
            return
        self._observer.worker_died(channel.name, died.reason)
        affected = [live for live in self._playing.matches.values() if live.uses(channel)]
        suspects = self._suspects(channel, affected, f"{channel.name} {died.reason}", self_inflicted)
        self._late.pop(channel, None)
        suspected = sum(max(1, len(seats)) for seats in suspects.values())
        shared = (suspected if self_inflicted else len(affected)) > 1
        apart, others = [], []
        for live in affected:
            if live.dry is not None:
                if self_inflicted or live.seated or live.host is channel:
                    self._dry_failed(live, f"{channel.name} {died.reason}", of_game=live.host is channel)
                else:  # it was not even asked
                    self.dry.void(live)
                continue
            seats = {**live.failures, **suspects.get(live, {})}
            first = seats[min(seats)] if seats else None
            void = Void(
                first.kind if first else "worker_died",
                first.reason if first else f"{channel.name} {died.reason}",
                seats,
                self_inflicted=self_inflicted,
                suspect=live in suspects or bool(live.failures),
                shared=shared and not live.alone,
            )
            match self._void(live, void):
                case RetryDecision.TAKE_APART:
                    apart.append(live.match.plan)
                case RetryDecision.AGAIN | RetryDecision.CHARGE:
                    others.append(live.match.plan)
        self._upcoming.take_apart(apart, others, at_once=not self_inflicted)
        if self_inflicted and died.was_ready:
            self._count(channel, [live.match.plan.index for live in suspects])
        self._records.died(died, self_inflicted)
        if self._playing.matches or not self.over:
            self._workers.replace(channel)

    def _suspects(
        self, channel: Channel, affected: list[LiveMatch], reason: str, self_inflicted: bool
    ) -> dict[LiveMatch, dict[int, Failure]]:
        """The matches, each with its seats, that may have ended this worker. Removes the worker's requests."""
        lost = self._playing.questions.of(channel)
        for question in lost:
            self._playing.questions.remove(question)
        hung = [question for question in lost if question.late]
        out: dict[LiveMatch, dict[int, Failure]] = {}
        for live in affected:
            session = live.match.session
            if live.host is channel:
                if isinstance(session, HostedSession) and session.since is not None:
                    out[live] = {}
                continue
            asked = [question for question in hung or lost if question.live is live]
            if hung:
                places = {question.request.seat: question.place for question in asked}
            else:
                places = live.suspects(channel, asked)
            if places:
                kind: InfrastructureFault = "deadline" if hung else "worker_died"
                why = f"{channel.name} {self._overdue}" if hung else reason
                out[live] = {seat: Failure(kind, place, why, self_inflicted) for seat, place in places.items()}
        if not out:  # it died while idle: any of its matches may be the cause
            for live in affected:
                here = Position(live.match.tick, 0)
                seats = [seat for seat in live.seated if live.channels[seat] is channel]
                if seats:
                    out[live] = {seat: Failure("worker_died", here, reason, self_inflicted) for seat in seats}
        return out

    def _count(self, channel: Channel, matches: Sequence[int]) -> None:
        """A worker failed by itself. After too many matches in a row a dry turn tells whether it answers anything."""
        if channel.role != "operator":
            return
        self._records.failed(channel.name, matches)
        if self._records.fails_always(channel.name):
            for game, planned in enumerate(self._plan.games):
                for slot, entry in enumerate(planned.operators):
                    if self._workers.channel(entry) is channel:
                        self.dry.add(game, slot)
                        return

    # --- voids -----------------------------------------------------------------------------------------------------

    def _void_one(self, live: LiveMatch, void: Void) -> None:
        """Void a match for a reason that concerns no other."""
        if self._void(live, void) in (RetryDecision.AGAIN, RetryDecision.CHARGE, RetryDecision.TAKE_APART):
            self._upcoming.again(live.match.plan)

    def _void(self, live: LiveMatch, void: Void) -> RetryDecision:
        match, plan = live.match, live.match.plan
        # The reason may name a worker, and so the operator of another seat.
        told = void.kind if self._plan.limits.blind else f"{void.kind}: {void.reason}"
        self._playing.void(live, Outcome(status="voided", reason=told))
        decided = self._retry.void(plan, void, self._playing.newest)
        self._note("void", match=plan.index, attempt=self._retry.count(plan), fault=void.kind, reason=void.reason)
        self._observer.voided(match, void.kind, void.reason)
        self._playing.discard(match)
        # A game raises the same in every try.
        reason = f"{void.kind}: {void.reason}"
        if void.kind != "game":
            reason = f"every try failed, the last with {reason}"
        if decided is RetryDecision.CHECK and not self.dry.park(match, reason, void.seats):
            decided = RetryDecision.GIVE_UP
        if decided is RetryDecision.GIVE_UP:
            self._playing.give_up(match, reason)
        return decided

    # --- dry turns -------------------------------------------------------------------------------------------------

    def _dry_failed(self, live: LiveMatch, reason: str, *, of_game: bool = False) -> None:
        """A sample position was not answered: try the next one, if there is one."""
        turn = live.dry
        assert turn is not None
        if not self.dry.failed(live):
            return
        channel = self._workers.channel(self.dry.entry(turn))
        if of_game:
            return  # its matches will report it
        if turn.first:
            game = self._plan.games[turn.game].name
            raise WorkerError(
                f"operator {channel.name} cannot play {game}: {sentence(reason)} It was asked for its "
                f"move in {SAMPLES} sample positions before the first match, and gave none.{log(channel)}"
            )
        if self._records.fails_always(channel.name):
            raise WorkerError(
                f"operator {channel.name} failed by itself in {self._plan.limits.max_failures} matches in a row and "
                f"answers nothing any more. The last time: {with_log(reason, channel)}"
            )


def failure(question: Question, kind: InfrastructureFault, reason: str) -> Failure:
    """The failure of this request, in which no worker ended."""
    return Failure(kind, question.place, reason, self_inflicted=False)
