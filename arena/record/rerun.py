"""Asking the operators of a run again: how often each decides what the log says that it decided.

Whole matches are drawn from the log by a seed, until they hold as many questions as are wanted. Each is re-executed
with its recorded answers; its operators are given their seats, seeds and observations as they were, and asked every
question in order, so that who remembers the match, as a history or in notes, remembers the same one. What they answer
is compared and goes no further. Several matches are under way at once, as in play.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from arena.canonical import generator, key
from arena.channel import Channel, Died
from arena.errors import ArenaError, RecordError
from arena.evaluate.intervals import wilson
from arena.hosted import HostedSession
from arena.lineup import build_lineup
from arena.log import Line, TurnLine
from arena.match import Match
from arena.operator import Decision, OpenSeat, Request
from arena.plan import Entry, MatchPlan, operator_seed
from arena.protocol import messages as m
from arena.record import kept
from arena.record.disk import Disk
from arena.record.documents import read_json
from arena.record.head import OperatorHead
from arena.record.reader import Run
from arena.record.replay import Replay, questions
from arena.record.resume import MASK, check_version, found_operator
from arena.record.turns import store_of
from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.worker_pool import ProcessWorkers

USUAL = 16  # matches at once, or as many as the workers take questions
NOT_ASKED = ("timeout", "crashed", "backend")  # faults of turns that may have no answer of the operator
MOST_SHOWN = 5  # differences that are told of an operator


@dataclass(slots=True)
class Agreement:
    """One operator."""

    operator: str
    determinism: str
    asked: int = 0  # questions that it answered again
    same: int = 0  # of them, those that it decided as it did in the run
    unanswered: int = 0  # its service failed
    differences: list[str] = field(default_factory=list)  # the first of them, in words
    absent: str | None = None  # why it was not asked, or not to the end

    @property
    def interval(self) -> tuple[float, float]:
        """95%, of the rate."""
        return wilson(self.same, self.asked)

    @property
    def broken(self) -> bool:
        """It was to be deterministic, and is not."""
        return self.determinism == "deterministic" and self.same < self.asked


@dataclass(slots=True)
class Rerun:
    """The result."""

    seed: int
    matches: int  # that were drawn
    of: int  # that there are
    agreements: list[Agreement]

    @property
    def passed(self) -> bool:
        """Somebody was asked, and nobody who is deterministic differed."""
        return any(one.asked for one in self.agreements) and not any(one.broken for one in self.agreements)


def write_rerun(folder: Path, found: Rerun) -> None:
    """Keep it in a run folder, in place of an earlier one. OSError where that cannot be written."""
    Disk().replace_json(folder / "rerun.json", found)


def read_rerun(folder: Path) -> Rerun | None:
    """The last one that was kept; None if there is none. RecordError if it is damaged."""
    try:
        return read_json(folder / "rerun.json", Rerun)
    except FileNotFoundError:
        return None


def usable_rerun(folder: Path) -> tuple[Rerun | None, str | None]:
    """As `read_rerun`; of a damaged file none, and what is wrong with it, in words."""
    try:
        return read_rerun(folder), None
    except RecordError as error:
        return None, str(error)


def rerun(run: Run, count: int, *, seed: int = 0, trust: bool = False) -> Rerun:
    """Ask again about whole matches with `count` questions or more, drawn by `seed`. Call it for a run that verifies.

    RecordError where nobody can be asked again: of another version of the arena, or in realtime, where it depended on
    the clock what was asked. `trust` as for `verify`: it also starts the programs that the run's operators are.
    """
    check_version(run.head)
    if run.head.plan.limits.pace == "realtime":
        raise RecordError(f"{run.folder} was played in realtime: what was asked, and when, depended on the clock")
    heads = run.head.games[0].operators
    agreements = {head.name: Agreement(head.name, head.determinism) for head in heads}
    with (
        tempfile.TemporaryDirectory(prefix="arena-rerun-") as logs,
        Interrupts() as interrupts,
        closing(Replay(run, trust=trust)) as replay,
    ):
        entries = _entries(run, replay, agreements, trust)
        with closing(Hub(Path(logs), None, interrupts)) as hub:
            asking = _Asking(run, replay, hub, entries, agreements)
            chosen, of = _chosen(run, {name for _, name in asking.channels}, count, seed)
            asking.ask(chosen)
            hub.complete = True
    return Rerun(seed, len(chosen), of, list(agreements.values()))


def _entries(
    run: Run, replay: Replay, agreements: Mapping[str, Agreement], trust: bool
) -> dict[tuple[int, str], Entry]:
    """Who can be asked again, by game and name; of the others the agreement says why not."""
    out = {}
    for number, (game, (_, facts, _)) in enumerate(zip(run.head.games, replay.games, strict=True)):
        for head, text in zip(game.operators, run.head.plan.operators, strict=True):
            try:
                if MASK in map(str, head.options.values()):
                    raise RecordError("it was given a secret, which no run records")
                for file in head.files:
                    kept.check_code(file, kept.find(file, run.folder, head.name), trust)
                (entry,) = build_lineup(facts, [found_operator(head, text, run)])
                if entry.kind.interactive:
                    raise RecordError("a person is not asked again")
                now = entry.kind.fingerprint(facts.spec, entry.what, entry.options)
                if entry.at is None and sorted(now.values()) != sorted(head.fingerprint.values()):
                    raise RecordError("its files are not those that it was played with")
                out[number, head.name] = replace(entry, name=head.name, views=head.views)
            except ArenaError as error:
                agreements[head.name].absent = _why(head, error)
    return out


def _why(head: OperatorHead, error: ArenaError) -> str:
    return "a person is not asked again" if head.kind == "human" else str(error)


def _chosen(run: Run, operators: set[str], count: int, seed: int) -> tuple[set[int], int]:
    """The matches that are drawn, and how many there are with a question to one of `operators`."""
    counts = {}
    for lines in run.played():
        asked = sum(isinstance(line, TurnLine) and line.operator in operators and _counts(line) for line in lines)
        if asked:
            counts[run.plan(lines[0]).index] = asked
    order = list(counts)
    generator(key("rerun", seed)).shuffle(order)
    sums = itertools.accumulate((counts[match] for match in order), initial=0)
    return {match for match, before in zip(order, sums, strict=False) if before < count}, len(order)


def _counts(turn: TurnLine) -> bool:
    return not turn.late and turn.fault not in NOT_ASKED


@dataclass(slots=True, eq=False)
class _Live:
    """A match that is under way, and the questions that it waits for."""

    match: Match
    steps: Iterator[list[tuple[Request, TurnLine]]]
    channels: dict[int, Channel]  # by seat: of those who are asked
    owed: dict[int, tuple[Request, TurnLine]] = field(default_factory=dict)  # by id
    missed: set[int] = field(default_factory=set)  # seats with a question that got no answer: they are asked no more


class _Asking:
    """Sends questions and compares the answers."""

    def __init__(
        self,
        run: Run,
        replay: Replay,
        hub: Hub,
        entries: Mapping[tuple[int, str], Entry],
        agreements: Mapping[str, Agreement],
    ) -> None:
        """Starts the workers. Those that are not ready are out, and their agreements say why."""
        self.channels: dict[tuple[int, str], Channel] = {}  # by game and name
        self._run = run
        self._replay = replay
        self._hub = hub
        self._agreements = agreements
        self._limits = run.head.plan.limits
        self._tokens = store_of(run.folder).is_file()
        self._ids = itertools.count(1)
        self._queues: dict[Channel, deque[tuple[_Live, int]]] = {}
        self._under_way: dict[Channel, dict[int, tuple[_Live, float]]] = {}  # by id, and when it is too late
        started: dict[str, Channel] = {}
        for place, entry in entries.items():
            try:
                if entry.worker_key not in started:
                    same = [one for one in entries.values() if one.worker_key == entry.worker_key]
                    started[entry.worker_key] = ProcessWorkers(hub, same).channel(entry)
                self.channels[place] = started[entry.worker_key]
            except ArenaError as error:
                agreements[entry.name].absent = str(error)
        for channel in started.values():
            self._queues[channel], self._under_way[channel] = deque(), {}
        while any(not channel.ready for channel in self._queues):
            self._hear()

    def ask(self, chosen: set[int]) -> None:
        """Ask every question of these matches."""
        takes = sum(channel.max_in_flight for channel in self._queues)
        # Matches of one game in a host share it, so they are played one after another.
        hosted = any(runtime is not None for _, _, runtime in self._replay.games)
        most = 1 if hosted else max(USUAL, takes)
        waiting = (lines for lines in self._run.played() if self._run.plan(lines[0]).index in chosen)
        under_way = 0
        done = False
        while under_way or not done:
            while under_way < most and not done and self._queues:
                lines = next(waiting, None)
                done = lines is None
                if lines is not None:
                    live = self._begin(self._run.plan(lines[0]), lines)
                    under_way += self._goes_on(live)
            if not self._queues:
                return
            self._send()
            under_way -= self._hear()

    def _begin(self, plan: MatchPlan, lines: list[Line]) -> _Live:
        heads = self._replay.seated(plan)
        match = self._replay.match(plan, alone=False)
        live = _Live(match, questions(match, lines), {})
        card = self._replay.games[plan.game][1].card()
        for seat, head in enumerate(heads):
            channel = self.channels.get((plan.game, head.name))
            if channel is None:
                continue
            live.channels[seat] = channel
            opening = OpenSeat(
                match=plan.index,
                seat=seat,
                operator=head.name,
                card=card,
                views=head.views,
                seed=operator_seed(self._run.head.plan.seed, plan, seat),
                seats=match.names_for(seat),
                tokens=self._tokens,
            )
            channel.send(opening)
        return live

    def _goes_on(self, live: _Live) -> bool:
        """Ask what comes next in this match; whether it waits for an answer, else it is over."""
        for group in live.steps:
            for request, turn in group:
                channel = live.channels.get(request.seat)
                if channel in self._queues and request.seat not in live.missed and _counts(turn):
                    number = next(self._ids)
                    live.owed[number] = msgspec.structs.replace(request, id=number), turn
                    self._queues[channel].append((live, number))
            if live.owed:
                return True
        outcome = live.match.outcome
        assert outcome is not None
        for seat, channel in live.channels.items():
            channel.send(m.End(match=live.match.plan.index, seat=seat, outcome=outcome))
        return False

    def _send(self) -> None:
        late = time.monotonic() + self._limits.deadline
        for channel, queue in self._queues.items():
            asked, out = [], self._under_way[channel]
            while queue and (not channel.max_in_flight or len(out) < channel.max_in_flight):
                live, number = queue.popleft()
                out[number] = live, late
                asked.append(live.owed[number][0])
            if asked:
                channel.send(m.Act(requests=asked))

    def _hear(self) -> int:
        """Take what came in; how many matches are over with it."""
        over = 0
        dues = [late for asked in self._under_way.values() for _, late in asked.values()]
        patience = max(0.0, min(dues) - time.monotonic()) if dues else None
        for event in self._hub.poll(patience):
            channel = event.channel
            if channel not in self._queues:
                continue
            if isinstance(event, Died):
                over += self._lost(channel, event.reason)
            elif isinstance(event.message, m.Action):
                over += sum(self._answered(channel, answer) for answer in event.message.answers)
            elif isinstance(event.message, m.Error) and event.message.match is not None:  # it takes no such seat
                over += self._lost(channel, event.message.text)
        now = time.monotonic()
        for channel, asked in list(self._under_way.items()):
            if any(late <= now for _, late in asked.values()):
                over += self._lost(channel, f"it did not answer within {self._limits.deadline:g} s")
        return over

    def _answered(self, channel: Channel, answer: m.Answer) -> bool:
        """Whether its match is over with that."""
        live, _ = self._under_way[channel].pop(answer.id, (None, 0.0))
        if live is None:
            return False
        request, turn = live.owed.pop(answer.id)
        agreement = self._agreements[turn.operator]
        if answer.decision is None:
            agreement.unanswered += 1
            live.missed.add(request.seat)
        else:
            _compare(live.match, request, turn, answer.decision, agreement)
        return not live.owed and not self._goes_on(live)

    def _lost(self, channel: Channel, why: str) -> int:
        """This worker is asked no more; how many matches are over with that."""
        for (_, name), one in list(self.channels.items()):
            if one is channel:
                self._agreements[name].absent = why
        self.channels = {place: one for place, one in self.channels.items() if one is not channel}
        waiting = [(live, number) for number, (live, _) in self._under_way.pop(channel).items()]
        waiting += self._queues.pop(channel)
        for live, number in waiting:
            del live.owed[number]
        stopped = {live for live, _ in waiting if not live.owed}
        return sum(not self._goes_on(live) for live in stopped)


def _compare(match: Match, request: Request, turn: TurnLine, decision: Decision, agreement: Agreement) -> None:
    then = (turn.fault,) if turn.fault is not None else (None, turn.action, turn.say if turn.action is None else None)
    now = _outcome(match, request, turn, decision)
    agreement.asked += 1
    if then == now:
        agreement.same += 1
    elif len(agreement.differences) < MOST_SHOWN:
        where = f"match {match.plan.index}, tick {turn.tick}, seat {turn.seat}"
        was, found = turn.answer, decision.answer if decision.fault is None else decision.fault
        agreement.differences.append(f"{where}: decided {_told(was)}, now {_told(found)}")


def _outcome(match: Match, request: Request, turn: TurnLine, decision: Decision) -> tuple[object, ...]:
    """What the game makes of a decision: a fault, or an action or words."""
    if decision.fault is not None:
        return (decision.fault,)
    session = match.session
    if isinstance(session, HostedSession) and session.own_parser:  # its host would be asked as in the match
        same = decision.answer == turn.answer and turn.fault is None
        return (None, turn.action, turn.say if turn.action is None else None) if same else (None, decision.answer)
    parsed = session.parse(request.seat, decision.answer)
    assert parsed is not None
    move, fault, _ = parsed
    return (fault,) if move is None else (None, move.action, move.say)


def _told(answer: object) -> str:
    text = "nothing" if answer is None else repr(answer)
    return text if len(text) <= 60 else text[:57] + "..."
