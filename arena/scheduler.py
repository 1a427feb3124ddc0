"""Scheduler: pumps many matches at once and gathers their questions by worker.

An infrastructure fault (a worker died, a deadline passed, a backend failed) voids the match; it is played again at
most `limits.retries` times. Nothing here depends on the order in which answers arrive except the timing file.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass, field

from arena.channel import Channel, Crew, Died, Received
from arena.errors import GameError, InputError, ProtocolError, WorkerError, sentence
from arena.gallery import Gallery
from arena.hosted import HostedStage
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, Outcome, Request
from arena.pace import Clock
from arena.plan import Entry, MatchPlan, Plan
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.codec import Frames
from arena.record.lines import EndLine
from arena.record.writer import Recorder
from arena.stage import LocalStage, Stage
from arena.tries import Tries

LAST_LOOK = 2.0  # seconds in which a game host gives the picture of how the last match ended
GRACE = m.Limits().grace  # seconds in which a CANCEL is confirmed


@dataclass(slots=True)
class _Table:
    """A match in play, and the channels that serve its seats."""

    match: Match
    channels: tuple[Channel, ...]
    host: Channel | None  # of its game, if that is not here
    begun: bool = False  # the game was reset
    clock: Clock | None = None  # in realtime
    crashed: set[int] = field(default_factory=set)  # seats that are not asked: see Tries.crashed


@dataclass(slots=True)
class _Question:
    """One item under way. Its table is None once nobody wants the answer."""

    request: Request
    channel: Channel
    table: _Table | None
    sent: float
    deadline: float | None
    grace: bool = False  # the deadline passed, and a CANCEL waits for its confirmation


class Scheduler:
    """Plays all matches of a plan with a crew. `run` returns when every match is resolved or given up."""

    def __init__(
        self,
        plan: Plan,
        crew: Crew,
        *,
        concurrency: int = 1,
        recorder: Recorder | None = None,
        observer: Observer | None = None,
        done: Container[int] = (),
    ) -> None:
        """`done`: numbers of matches that are left out, because they were played before."""
        if concurrency < 1:
            raise InputError(f"concurrency {concurrency}: expected at least 1")
        self._plan = plan
        self._crew = crew
        self._concurrency = concurrency
        self._recorder = recorder
        self._observer = observer or Observer()
        self._schedule = (match for match in plan.schedule() if match.index not in done)
        self._waiting: deque[MatchPlan] = deque()  # what comes next; the schedule is read only as places get free
        self._tables: dict[int, _Table] = {}
        self._questions: dict[int, _Question] = {}
        self._ids = itertools.count(1)
        self._tries = Tries(plan)
        self._gallery = Gallery(plan, crew.spectators, self._ids)
        self._failed_starts: dict[str, int] = {}  # in a row, by worker name
        self._been_ready: set[str] = set()  # names of workers that died after they had been ready
        self._failed = False  # a game failed in this round: its match waits to be seated again
        self.dropped = 0  # replies that matched no question

    def run(self) -> None:
        """Play. Raises WorkerError or InputError when a worker cannot be started at all."""
        advanced = False
        while self._tables or self._next() is not None:
            self._seat_matches()
            self._ask()
            self._gallery.show(time.monotonic())
            if advanced and self._plan.limits.pace == "realtime":
                # Where a tick lasts no longer than one round of this loop (short ticks, pictures to be drawn, a busy
                # machine), the next one is over already: without this no answer would ever be read.
                self._absorb(self._crew.poll(0))
            advanced = self._advance_ready()
            if advanced or self._failed:
                self._failed = False
                continue
            self._absorb(self._crew.poll(self._patience()))
            self._watch_clocks()
        until = time.monotonic() + LAST_LOOK
        while self._gallery.owed and (left := until - time.monotonic()) > 0:
            self._absorb(self._crew.poll(left))
        self._gallery.finish()
        if not all(channel.ready for channel in self._crew.spectators()):
            self._observer.unseen("nobody looked on: the run was over before the page was ready")

    # --- seats and questions ---------------------------------------------------------------------------------------

    def _seat_matches(self) -> None:
        while len(self._tables) < self._concurrency and (plan := self._next()) is not None:
            if self._tables and any(
                self._tries.alone(p) for p in [plan, *(t.match.plan for t in self._tables.values())]
            ):
                return
            channels = tuple(self._crew.channel(slot) for slot in plan.slots)
            host = self._crew.host(plan.index)
            if not all(channel.ready and not self._in_doubt(channel) for channel in channels):
                return
            if host is not None and not host.ready:
                return
            self._waiting.popleft()
            self._seat(plan, channels, host)

    def _next(self) -> MatchPlan | None:
        """The match that is to be played next; None: there is none left."""
        if not self._waiting:
            self._waiting.extend(itertools.islice(self._schedule, 1))
        return self._waiting[0] if self._waiting else None

    def _in_doubt(self, channel: Channel) -> bool:
        """It missed a deadline and did not confirm the CANCEL yet."""
        return any(question.grace and question.channel is channel for question in self._questions.values())

    def _seat(self, plan: MatchPlan, channels: tuple[Channel, ...], host: Channel | None) -> None:
        lineup = [self._plan.lineup[slot] for slot in plan.slots]
        names = [entry.name for entry in lineup]
        views = [entry.views for entry in lineup]
        game = self._plan.make_game()
        stage: Stage = LocalStage(game, views)
        if host is not None:
            stage = HostedStage(game, self._plan.game_name, views, plan.index, host, self._ids)
        match = Match(plan, stage, names, self._plan.limits, logged=self._recorder is not None)
        card = game.card()
        table = _Table(match, channels, host, crashed=self._tries.crashed(plan))
        if self._plan.limits.pace == "realtime" and card.seconds is not None:
            table.clock = Clock(card.seconds)
        self._tables[plan.index] = table
        for seat, (entry, channel) in enumerate(zip(lineup, channels, strict=True)):
            if seat in table.crashed:
                continue
            channel.send(
                m.Open(
                    match=plan.index,
                    seat=seat,
                    operator=entry.name,
                    card=card,
                    views=entry.views,
                    seed=self._plan.operator_seed(plan, seat),
                    seats=tuple(names),
                    pace=self._plan.limits.pace,
                )
            )
        self._gallery.open(match, channels, host)
        self._observer.started(match)
        if self._played(table, match.start):
            self._follow(table)

    def _played(self, table: _Table, act: Callable[[], None]) -> bool:
        """Let a match go on; False when its game failed, and so the try is void."""
        try:
            act()
        except GameError as error:
            self._failed = True
            self._void(table, "game", str(error), None, own_doing=True)
            return False
        return True

    def _ask(self) -> None:
        """Send every new question, one ACT a channel."""
        batches: dict[Channel, list[Request]] = {}
        now = time.monotonic()
        for table in list(self._tables.values()):
            for ask in table.match.asks():
                if ask.seat in table.crashed:
                    given = Decision(fault="crashed", detail="it fails by itself in every try")
                    if not self._played(table, functools.partial(table.match.feed, ask.seat, given)):
                        break
                    continue
                channel = table.channels[ask.seat]
                human = self._entry(table, ask.seat).kind.interactive
                budget = self._plan.limits.human_timeout if human else None
                request = Request(
                    id=next(self._ids),
                    match=table.match.plan.index,
                    seat=ask.seat,
                    tick=ask.tick,
                    observation=ask.observation,
                    attempt=ask.attempt,
                    reason=ask.reason,
                    budget=budget,
                )
                # The clock of a person is their worker's: it begins when they see the question.
                deadline = None if human else now + self._plan.limits.deadline
                self._questions[request.id] = _Question(request, channel, table, now, deadline)
                batches.setdefault(channel, []).append(request)
                self._observer.asked(table.match, ask)
        for channel, requests in batches.items():
            channel.send(*codec.act(requests, channel.minor))

    def _advance_ready(self) -> bool:
        """Apply the tick of every match whose seats are all in; whether there was one."""
        now = time.monotonic()
        due = [table for table in list(self._tables.values()) if self._over(table, now)]
        ready = [table for table in due if table.match.ready]
        for table in ready:
            if self._played(table, table.match.advance):
                self._follow(table)
        return bool(ready)

    def _over(self, table: _Table, now: float) -> bool:
        """Whether the time of the tick is over, where there is a clock."""
        try:
            return table.clock is None or table.clock.over(table.match, now)
        except GameError as error:  # of its rule for seats that are late
            self._failed = True
            self._void(table, "game", str(error), None, own_doing=True)
            return False

    def _follow(self, table: _Table) -> None:
        """Note what the game did, unless its host still owes it."""
        match = table.match
        if match.waits_for_game:
            return
        self._journal(table)
        if table.begun:
            self._observer.ticked(match)
            self._gallery.changed(match)
            if table.clock is not None:
                table.clock.next(time.monotonic())
        table.begun = True
        if match.outcome is not None:
            self._finish(table, match.outcome)

    def _finish(self, table: _Table, outcome: Outcome) -> None:
        index = table.match.plan.index
        del self._tables[index]
        self._gallery.close(table.match, time.monotonic(), outcome)
        self._withdraw(table)
        self._release(table, outcome)
        if self._recorder is not None:
            self._recorder.end(index)
        self._observer.ended(table.match, outcome)

    # --- what comes in ---------------------------------------------------------------------------------------------

    def _absorb(self, events: list[Received | Died]) -> None:
        for event in events:
            if isinstance(event, Died):
                self._bury(event)
                continue
            match event.message:
                case m.Action():
                    self._answers(event.channel, event.message)
                case m.Stepped() | m.Shown() | m.Parsed():
                    self._staged(event.channel, event.message, event.buffers)
                case m.Observed():
                    self._pictured(event.channel, event.message, event.buffers)
                case m.Watched():
                    self._gallery.shown(event.channel, event.message)
                case m.Error():
                    self._refused(event.channel, event.message)
                case _:
                    pass

    def _answers(self, channel: Channel, action: m.Action) -> None:
        now = time.monotonic()
        for answer in action.answers:
            question = self._questions.get(answer.id)
            if question is None or action.session != channel.session or not _echoes(question, channel, answer):
                self.dropped += 1
                self._time("dropped", worker=channel.name, id=answer.id, match=answer.match, tick=answer.tick)
                continue
            del self._questions[answer.id]
            table = question.table
            if table is None:
                continue
            if answer.decision is None:
                kind = answer.error or "backend"
                self._void(table, kind, f"{channel.name}: {answer.detail or 'cancelled what was not'}", answer.seat)
                continue
            seconds = now - question.sent
            if not self._played(table, functools.partial(table.match.feed, answer.seat, answer.decision)):
                continue
            self._observer.answered(table.match, answer.seat, answer.decision, seconds)
            where = {"match": answer.match, "tick": answer.tick, "seat": answer.seat, "attempt": answer.attempt}
            self._time("turn", **where, operator=table.match.names[answer.seat], seconds=round(seconds, 6))

    def _staged(self, channel: Channel, message: m.Stepped | m.Shown | m.Parsed, buffers: Frames) -> None:
        """A game host says what a match asked it."""
        table = self._tables.get(message.match)
        stage = table.match.stage if table is not None and table.host is channel else None
        try:
            if not isinstance(stage, HostedStage) or not stage.reply(table.match, message, buffers):  # type: ignore[union-attr]
                self.dropped += 1
                self._time("dropped", worker=channel.name, id=message.id, match=message.match)
                return
        except ProtocolError as error:
            self._crew.kill(channel, f"broke the protocol: {error}")
            return
        if not isinstance(message, m.Parsed):
            assert table is not None
            self._follow(table)

    def _pictured(self, channel: Channel, message: m.Observed, buffers: Frames) -> None:
        """A game host gives a picture for who looks on."""
        try:
            if not self._gallery.take(channel, message, buffers):
                self.dropped += 1
                self._time("dropped", worker=channel.name, id=message.id, match=message.match)
        except ProtocolError as error:
            self._crew.kill(channel, f"broke the protocol: {error}")

    def _refused(self, channel: Channel, error: m.Error) -> None:
        self._time("error", worker=channel.name, code=error.code, text=error.text, match=error.match)
        if error.code in ("malformed", "unexpected"):
            # What it did not understand it will not answer.
            self._crew.kill(channel, f"did not understand the arena: {error.text}")
        table = self._tables.get(error.match) if error.match is not None else None
        if table is not None and channel is table.host:
            if error.code == "refused":
                raise InputError(f"the game cannot be played: {error.text}")
            self._void(table, "game", error.text, None, own_doing=True)
        elif table is not None and channel in table.channels:
            if error.code == "refused":
                raise InputError(f"operator {channel.name} cannot take seat {error.seat}: {error.text}")
            # A seat that could not be opened. `failed`: the operator raised, as it may do in every try.
            own_doing = error.code == "failed"
            self._void(table, "backend", f"{channel.name}: {error.text}", error.seat, own_doing)

    def _bury(self, died: Died) -> None:
        self._time("died", worker=died.channel.name, pid=died.channel.pid, reason=died.reason)
        self._gallery.forget(died.channel)
        if died.channel.role == "spectator":
            self._observer.unseen(f"nobody looks on: {died.channel.name} {died.reason}. The matches go on")
            return
        self._observer.worker_died(died.channel.name, died.reason)
        for i in [i for i, q in self._questions.items() if q.channel is died.channel]:
            del self._questions[i]
        for table in list(self._tables.values()):
            seats = [s for s, c in enumerate(table.channels) if c is died.channel and s not in table.crashed]
            if table.host is died.channel:
                self._void(table, "worker_died", f"{died.channel.name} {died.reason}", None, died.own_doing)
            elif seats:
                self._void(table, "worker_died", f"{died.channel.name} {died.reason}", seats[0], died.own_doing)
        self._restart(died)

    def _restart(self, died: Died) -> None:
        name = died.channel.name
        if died.was_ready:
            self._been_ready.add(name)
        failed = 0 if died.was_ready else self._failed_starts.get(name, 0) + 1
        self._failed_starts[name] = failed
        never_works = failed and died.own_doing and name not in self._been_ready
        if failed > self._plan.limits.retries or never_works:
            why = f"{sentence(died.reason)} Its log: {died.channel.log}" if died.channel.log else died.reason
            error = InputError if died.refused else WorkerError
            raise error(f"{died.channel.role} {name} cannot start: {why}")
        if self._tables or self._next() is not None:
            self._crew.replace(died.channel)

    # --- voids -----------------------------------------------------------------------------------------------------

    def _void(self, table: _Table, kind: str, reason: str, seat: int | None, own_doing: bool = False) -> None:
        plan = table.match.plan
        if kind == "game":
            when = f"at tick {table.match.tick}" if table.begun else "at its start"
            reason = f"{table.match.stage.spec.id} failed {when}: {reason}"
        del self._tables[plan.index]
        self._gallery.close(table.match, time.monotonic())
        self._withdraw(table)
        self._release(table, Outcome(status="voided", reason=f"{kind}: {reason}"))
        voids = self._tries.void(plan, kind, seat, own_doing)
        self._time("void", match=plan.index, attempt=voids, fault=kind, reason=reason)
        self._observer.voided(table.match, kind, reason)
        if self._recorder is not None:
            self._recorder.void(plan.index)
        if self._tries.again(plan):
            self._waiting.appendleft(plan)
        else:
            # What a game raises, it raises in every try alike: the log may say it.
            self._give_up(table, f"game: {reason}" if kind == "game" else f"{kind}: voided {voids} times")

    def _withdraw(self, table: _Table) -> None:
        """Nobody wants the answers to its questions any more."""
        wanted: dict[Channel, list[int]] = {}
        for i, question in self._questions.items():
            if question.table is table:
                question.table = None
                wanted.setdefault(question.channel, []).append(i)
        for channel, ids in wanted.items():
            channel.send(m.Cancel(ids=ids))

    def _give_up(self, table: _Table, reason: str) -> None:
        """The match stands as unresolved."""
        plan = table.match.plan
        if self._recorder is not None:
            end = EndLine(match=plan.index, status="unresolved", ticks=0, reason=reason)
            self._recorder.journal(plan.index, [table.match.head, end])
            self._recorder.end(plan.index)
        self._observer.unresolved(table.match, reason)

    def _release(self, table: _Table, outcome: Outcome) -> None:
        for seat, channel in enumerate(table.channels):
            if seat in table.crashed:
                continue
            channel.send(m.End(match=table.match.plan.index, seat=seat, outcome=outcome))
        if isinstance(table.match.stage, HostedStage):
            table.match.stage.close()

    # --- clocks ----------------------------------------------------------------------------------------------------

    def _patience(self) -> float | None:
        clocks = [q.deadline for q in self._questions.values() if q.deadline is not None]
        clocks += [t.clock.until for t in self._tables.values() if t.clock is not None and t.clock.until is not None]
        clocks += [self._gallery.until] if self._gallery.until is not None else []
        clocks += [since + self._host_time(table) for table, since in self._waiting_hosts()]
        return max(0.0, min(clocks) - time.monotonic()) if clocks else None

    def _watch_clocks(self) -> None:
        now = time.monotonic()
        for table, since in self._waiting_hosts():
            if since + self._host_time(table) <= now and table.host is not None:
                waited = f"{self._host_time(table):g} s at tick {table.match.tick}"
                self._crew.kill(table.host, f"did not answer within {waited}: it hangs")
        late = [q for q in self._questions.values() if q.deadline is not None and q.deadline <= now]
        for question in late:
            if self._questions.get(question.request.id) is not question:
                continue
            if question.grace:
                self._crew.kill(question.channel, "did not confirm a CANCEL in time: it hangs")
                continue
            question.grace = True
            question.deadline = now + GRACE
            if question.table is not None:
                waited = f"{question.channel.name} did not answer within {now - question.sent:.1f} s"
                self._void(question.table, "deadline", waited, question.request.seat)

    def _host_time(self, table: _Table) -> float:
        """Seconds in which a game host answers: more for the first word, which may import a library."""
        limits = self._plan.limits
        return limits.deadline if table.begun else max(limits.making, limits.deadline)

    def _waiting_hosts(self) -> list[tuple[_Table, float]]:
        """The tables whose game host owes something, and since when."""
        stages = [(table, table.match.stage) for table in self._tables.values() if table.host is not None]
        return [(t, s.since) for t, s in stages if isinstance(s, HostedStage) and s.since is not None]

    # --- small things ----------------------------------------------------------------------------------------------

    def _entry(self, table: _Table, seat: int) -> Entry:
        return self._plan.lineup[table.match.plan.slots[seat]]

    def _journal(self, table: _Table) -> None:
        if self._recorder is not None:
            self._recorder.journal(table.match.plan.index, table.match.take_lines())

    def _time(self, kind: str, **what: object) -> None:
        if self._recorder is not None:
            self._recorder.timing(type=kind, **what)


def _echoes(question: _Question, channel: Channel, answer: m.Answer) -> bool:
    asked = question.request
    return question.channel is channel and (answer.match, answer.seat, answer.tick, answer.attempt) == (
        asked.match,
        asked.seat,
        asked.tick,
        asked.attempt,
    )
