"""Re-execution: plays a recorded match again with its recorded answers, one step at a time.

The same Match is used as in play. `arena verify` compares every step with the log; `arena replay` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from arena import plugins
from arena.errors import GameError, InputError, RecordError
from arena.evaluate import schedules
from arena.game import Game, Views
from arena.hosted import HostedSession
from arena.log import EndLine, Line, MatchLine, TurnLine
from arena.match import Match
from arena.names import parse
from arena.operator import Decision, Request
from arena.plan import HERE, NOT_HOSTED, Limits, MatchPlan, Schedule, Setting
from arena.realtime import RealtimeMatch, match_class
from arena.record import kept
from arena.record.head import GameHead, Head, OperatorHead
from arena.record.reader import Run
from arena.schedule import PlannedMatches
from arena.session import LocalSession
from arena.supervisor.describe import game_of
from arena.supervisor.replay_host import ReplayHost


@dataclass(frozen=True, slots=True)
class Step:
    """The reset of a match, or one tick. Until the next step is taken, the match is right after it."""

    made: tuple[Line, ...]  # the lines of the re-execution
    recorded: tuple[Line, ...]  # the lines of the log; fewer if the log ends too early
    requests: tuple[Request, ...] = ()  # the next requests
    missing: Request | None = None  # a request without a recorded answer: no step follows

    @property
    def agrees(self) -> bool:
        """Whether re-execution agrees with the record, except for pictures: another drawing library may draw others."""
        return self.missing is None and [*map(without_picture, self.made)] == [*map(without_picture, self.recorded)]


class Replay:
    """The matches of a run, ready for re-execution. Raises RecordError if this installation cannot play them."""

    def __init__(self, run: Run, *, trust: bool = False) -> None:
        """`trust`: run code from the run folder although it was never played here."""
        self.run = run
        self.games = [recorded_game(head, run.folder, trust) for head in run.head.games]
        self.schedule = recorded_schedule(run.head, run.folder, trust)
        self._hosts: dict[str, ReplayHost] = {}  # by runtime; each is started on first use

    @property
    def end(self) -> int:
        """The number after the last planned match, or after the last played one if the plan has no end."""
        head = self.run.head
        return head.first + (self.run.logged if head.count is None else head.count)

    def views(self, plan: MatchPlan) -> dict[str, Views]:
        """What each operator was given in a match, by name."""
        return {operator.name: operator.views for operator in self.seated(plan)}

    def other_engines(self) -> list[str]:
        """A phrase for each engine whose version differs from the one that the run was played with."""
        out = []
        for head, (_, game, _) in zip(self.run.head.games, self.games, strict=True):
            then, here = head.engines, game.engine_versions()
            out += [
                f"{name} {then.get(name, '(not recorded)')}, here is {here.get(name, 'none')}"
                for name in sorted({*then, *here})
                if then.get(name) != here.get(name)
            ]
        return list(dict.fromkeys(out))

    def planned(self, part: range | None = None) -> PlannedMatches:
        """The matches as the schedule gives them."""
        head = self.run.head
        part = part or head.share
        games = [game for _, game, _ in self.games]
        skipped = head.plan.skipped
        return PlannedMatches(self.schedule, games, head.plan.seed, head.plan.matches, part=part, skipped=skipped)

    def match(self, plan: MatchPlan, *, turns: bool = False, alone: bool = True) -> Match:
        """The match as it was before its first tick.

        turns: it makes its turns anew. alone: it is over before the next one is made, and may use the same Game; in a
        host it always is.
        """
        name, game, runtime = self.games[plan.game]
        seated = self.seated(plan)
        names, views, limits = [o.name for o in seated], [o.views for o in seated], self.run.head.plan.limits
        if runtime is None:
            game = game if alone else type(game)(game.seats, game.options)
            return match_class(limits)(plan, LocalSession(game, views), names, limits, turns=turns)
        if runtime not in self._hosts:
            self._hosts[runtime] = ReplayHost(runtime)
        host = self._hosts[runtime]
        session = host.session(game, name, views, plan.index)
        match = match_class(limits)(plan, session, names, limits, turns=turns)
        host.play(match)
        return match

    def seated(self, plan: MatchPlan) -> list[OperatorHead]:
        """The operators of a match in seat order."""
        operators = self.run.head.games[plan.game].operators
        return [operators[slot] for slot in plan.lineup]

    def close(self) -> None:
        """End the game hosts, if there are any."""
        while self._hosts:
            self._hosts.popitem()[1].close()

    def recorded(self) -> Iterator[tuple[MatchPlan, list[Line]]]:
        """The played matches in plan order, then those that were in flight when the run stopped."""
        for lines in self.run.played():
            yield self.run.plan(lines[0]), lines
        for lines in self.run.in_play():
            yield self.run.plan(lines[0]), lines


def recorded_schedule(head: Head, folder: Path, trust: bool) -> Schedule:
    """The schedule of a run, unchanged. Raises RecordError if it cannot be loaded."""
    name = head.plan.schedule
    if name is not None and head.schedule is not None:
        found = kept.find(head.schedule, folder, "the schedule")
        kept.check_code(head.schedule, found, trust)
        name = str(replace(parse(name), kind=str(found)))
    seats, returns = tuple(game.seats for game in head.games), tuple(game.returns for game in head.games)
    persons = frozenset(at for at, one in enumerate(head.games[0].operators) if one.person is not None)
    setting = Setting(len(head.plan.operators), seats, bool(head.plan.mirror), returns, persons)
    try:
        found_schedule = schedules.find(name, setting)
    except InputError as error:
        raise RecordError(f"the run cannot be played again here: {error}") from error
    found_schedule.name = head.plan.schedule or found_schedule.name  # as it was then
    return found_schedule


def game_here(head: GameHead, folder: Path, trust: bool = False) -> tuple[str, dict[str, Any]]:
    """The name of a run's game, and its options, with the files that they name as they are found here. RecordError

    where one is not, or is a program that was never played here and is not trusted.
    """
    name = head.name
    if head.file is not None:
        found = kept.find(head.file, folder, head.name)
        kept.check_code(head.file, found, trust)
        name = str(replace(parse(head.name), kind=str(found)))
    options = dict(head.options)
    for word, file in head.files.items():
        found = kept.find(file, folder, f"{head.name}, {word}")
        if word in options:
            options[word] = str(found)
    return name, options


def recorded_game(head: GameHead, folder: Path, trust: bool, *, to_go_on: bool = False) -> tuple[str, Game, str | None]:
    """The name of a run's game, the game as it was, and the runtime that hosts it. RecordError where that cannot be.

    A file of the game's is the original as long as it is the same, else the copy in the run's `folder`. To go on, it is
    hosted as it was; to be played again, ours is played here, where it needs no runtime of its own.
    """
    name, options = game_here(head, folder, trust)
    asked = head.runtime
    try:
        if asked is None if to_go_on else asked in (None, HERE) and not plugins.is_foreign(name):
            asked = NOT_HOSTED
        game, runtime = game_of(name, head.seats, options, asked, Limits().deadline)
    except ValueError as error:
        raise RecordError(f"game {head.name!r} does not take the recorded options: {error}") from error
    except (InputError, GameError) as error:
        raise RecordError(f"the run cannot be played again here: {error}") from error
    if game.spec.version != head.version:
        raise RecordError(
            f"the run was played with {head.name} version {head.version}; installed is {game.spec.version}. "
            "Install the agent-arena that run.json names to play it again"
        )
    return name, game, runtime


def without_picture(line: Line) -> Line:
    """The line without its picture's hash."""
    if not isinstance(line, TurnLine) or "image" not in line.observation_hash:
        return line
    rest = {view: value for view, value in line.observation_hash.items() if view != "image"}
    return msgspec.structs.replace(line, observation_hash=rest)


def execute(match: Match, lines: Sequence[Line]) -> Iterator[Step]:
    """Play `match` with the answers recorded in `lines`: one Step for the reset, then one a tick.

    It goes on until the match is over, an answer is missing, or the caller stops (which it should at the first step
    that does not agree: what follows means nothing). A match that stayed unresolved has a reset and no tick. GameError
    when the game fails.
    """
    turns = {(line.tick, line.seat, line.attempt): line for line in lines if isinstance(line, TurnLine)}
    unresolved = bool(lines) and isinstance(lines[-1], EndLine) and lines[-1].status == "unresolved"
    try:
        match.start()
        _wait_idle(match)
    except GameError:
        if not unresolved:
            raise
    at = 0
    missing: Request | None = None
    if unresolved:
        made: tuple[Line, ...] = tuple(match.take_lines()) or (match.head,)
        if isinstance(lines[0], MatchLine) and not lines[0].state_hash:  # the game was never reset
            made = (msgspec.structs.replace(match.head, state_hash="", events=()),)
        yield Step(made, tuple(lines[:-1]))
        return
    while True:
        made = tuple(match.take_lines())
        requests = () if missing else tuple(match.requests())
        yield Step(made, tuple(lines[at : at + len(made)]), requests, missing)
        at += len(made)
        if missing or match.outcome is not None:
            return
        missing = _answer(match, turns)
        match.requests()  # repeated requests are answered as well
        if not missing:
            match.advance()
            _wait_idle(match)


def questions(match: Match, lines: Sequence[Line]) -> Iterator[list[tuple[Request, TurnLine]]]:
    """Play `match`, whose lines agree with re-execution, with the answers recorded in `lines`.

    Before each answer is given: the questions that wait for one, with the turns that they led to.
    """
    turns = {(line.tick, line.seat, line.attempt): line for line in lines if isinstance(line, TurnLine)}
    if isinstance(lines[-1], EndLine) and lines[-1].status == "unresolved":
        return
    match.start()
    _wait_idle(match)
    while match.outcome is None:
        while waiting := match.requests():
            asked = [(request, turns[request.tick, request.seat, request.attempt]) for request in waiting]
            yield asked
            for request, turn in asked:
                match.feed(request.seat, _decision(turn))
                _wait_idle(match)
        match.advance()
        match.take_lines()
        _wait_idle(match)


def _answer(match: Match, turns: dict[tuple[int, int, int], TurnLine]) -> Request | None:
    """Feed the recorded answers of this tick. Returns the first request that has none."""
    while match.waiting:
        for request in match.waiting:
            turn = turns.get((match.tick, request.seat, request.attempt))
            if turn is None or (turn.late and not (isinstance(match, RealtimeMatch) and match.late(request.seat))):
                return request
            if not turn.late:
                match.feed(request.seat, _decision(turn))
            _wait_idle(match)
    return None


def _wait_idle(match: Match) -> None:
    """Wait for the replies of a hosted game."""
    if isinstance(match.session, HostedSession):
        match.session.wait_idle()


def _decision(turn: TurnLine) -> Decision:
    told: dict[str, Any] = {"thought": turn.thought, "raw": turn.raw, "usage": turn.usage, "say": _said(turn)}
    told |= {"weights_version": turn.weights_version, "calls": turn.calls}
    if turn.fault in ("timeout", "crashed") or (turn.fault is not None and turn.answer is None):
        return Decision(answer=turn.answer, fault=turn.fault, detail=turn.detail, **told)  # type: ignore[arg-type]
    return Decision(answer=turn.answer, **told)


def _said(turn: TurnLine) -> str | None:
    """What was to be said beside the action. A turn without one has its words in its answer."""
    if turn.unsaid is not None:
        return turn.unsaid.text
    return None if turn.action is None else turn.say
