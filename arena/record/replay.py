"""Re-execution: plays a recorded match again, fed with its recorded answers, one step at a time.

The same Match is used as in play. `arena verify` compares every step with the log; `arena replay` shows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from arena import commands, plugins
from arena.errors import GameError, InputError, RecordError
from arena.game import Game, Views
from arena.hosted import HostedSession
from arena.log import EndLine, Line, MatchLine, TurnLine
from arena.match import Match
from arena.names import parse
from arena.operator import Decision, Request
from arena.plan import HERE, NOT_HOSTED, Limits, MatchPlan, match_plan
from arena.realtime import RealtimeMatch, match_class
from arena.record import kept, shards
from arena.record.head import GameHead
from arena.record.reader import Run
from arena.session import LocalSession
from arena.supervisor.describe import game_of
from arena.supervisor.replay_host import ReplayHost


@dataclass(frozen=True, slots=True)
class Step:
    """The reset of a match, or one tick of it. While it is held, the match stands right after it."""

    made: tuple[Line, ...]  # what re-execution gives
    recorded: tuple[Line, ...]  # what stands in the log at its place; fewer lines when the log ends too early
    requests: tuple[Request, ...] = ()  # who is asked next
    missing: Request | None = None  # whose recorded answer was looked for in vain: nothing follows this step

    @property
    def agrees(self) -> bool:
        """Re-execution gives what was recorded. Pictures are left out: another drawing library may draw others."""
        return self.missing is None and [*map(without_picture, self.made)] == [*map(without_picture, self.recorded)]


class Replay:
    """The matches of a run, ready to be played again. RecordError when this installation cannot."""

    def __init__(self, run: Run, *, trust: bool = False) -> None:
        """`trust`: a game that came in the run folder may be run, although it was never played here."""
        self.run = run
        self._head = run.typed_head
        seats = len(self._head.operators)
        self._name, self.game, self._runtime = recorded_game(self._head.game, seats, run.folder, trust)
        self.matches = self._head.matches  # that were planned
        self._host: ReplayHost | None = None  # started when the first match is played in it
        self._limits = self._head.limits

    @property
    def views(self) -> dict[str, Views]:
        """What each operator of the line-up was given, by name."""
        return {operator.name: operator.views for operator in self._head.operators}

    def other_engines(self) -> list[str]:
        """How the versions of the game's engine differ from those that the run was played with, a phrase each."""
        then, here = self._head.game.engines, self.game.engine_versions()
        return [
            f"{name} {then.get(name, '(not recorded)')}, here is {here.get(name, 'none')}"
            for name in sorted({*then, *here})
            if then.get(name) != here.get(name)
        ]

    def planned(self, index: int) -> MatchPlan:
        """What match `index` was to be."""
        return match_plan(self.game, self._head.seed, index, mirror=self._head.mirror)

    def match(self, plan: MatchPlan) -> Match:
        """The match as it was before its first tick. All matches of a Replay share one game: play one at a time."""
        seated = [self._head.operators[slot] for slot in plan.lineup]
        names, views = [o.name for o in seated], [o.views for o in seated]
        cls = match_class(self._limits)
        if self._runtime is None:
            return cls(plan, LocalSession(self.game, views), names, self._limits)
        if self._host is None:
            self._host = ReplayHost(self._runtime)
        match = cls(plan, self._host.session(self.game, self._name, views, plan.index), names, self._limits)
        self._host.play(match)
        return match

    def close(self) -> None:
        """End the game host, if there is one."""
        if self._host is not None:
            self._host.close()

    def recorded(self) -> Iterator[tuple[MatchPlan, list[Line]]]:
        """The matches that were played, in plan order, then those that were in flight when the run stopped."""
        for number, lines in enumerate(self.run.played()):
            head = lines[0]
            yield self.planned(head.match if isinstance(head, MatchLine) else number), lines
        for index in self.run.in_flight():
            if lines := shards.read_journal(shards.journal(self.run.folder, index)):
                yield self.planned(index), lines


def recorded_game(
    head: GameHead, seats: int, folder: Path, trust: bool, *, to_go_on: bool = False
) -> tuple[str, Game, str | None]:
    """The name of a run's game, the game as it was, and the runtime that hosts it. RecordError where that cannot be.

    A file of the game's is the original as long as it is the same, else the copy in the run's `folder`. To go on, it is
    hosted as it was; to be played again, ours is played here, where it needs no runtime of its own.
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
    asked = head.runtime
    try:
        if asked is None if to_go_on else asked in (None, HERE) and not plugins.is_foreign(name):
            asked = NOT_HOSTED
        game, runtime = game_of(name, seats, options, asked, Limits().deadline)
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
    """The line without the hash of its picture."""
    if not isinstance(line, TurnLine) or "image" not in line.observation_hash:
        return line
    rest = {view: value for view, value in line.observation_hash.items() if view != "image"}
    return msgspec.structs.replace(line, observation_hash=rest)


def lines_of(run: Run, index: int) -> list[Line]:
    """The recorded lines of one match; of a match that was in flight when the run stopped, those that its journal has.

    RecordError when there is neither.
    """
    for lines in itertools.islice(run.matches(), index, None):
        return lines
    if lines := shards.read_journal(shards.journal(run.folder, index)):
        return lines
    raise RecordError(
        f"{run.folder} has no match {index}: `{commands.arena('verify', run.folder)}` says what is missing"
    )


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
        if isinstance(lines[0], MatchLine) and not lines[0].state_hash:  # the game's host never reset it
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
        match.requests()  # the questions that were asked again are answered too
        if not missing:
            match.advance()
            _wait_idle(match)


def _answer(match: Match, turns: dict[tuple[int, int, int], TurnLine]) -> Request | None:
    """Feed the answers that are recorded for this tick; the first request that has none."""
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
    """Wait for what a hosted game owes."""
    if isinstance(match.session, HostedSession):
        match.session.wait_idle()


def _decision(turn: TurnLine) -> Decision:
    told = {"thought": turn.thought, "raw": turn.raw, "usage": turn.usage, "say": _said(turn)}
    told["weights_version"] = turn.weights_version
    if turn.fault in ("timeout", "crashed") or (turn.fault is not None and turn.answer is None):
        return Decision(answer=turn.answer, fault=turn.fault, detail=turn.detail, **told)  # type: ignore[arg-type]
    return Decision(answer=turn.answer, **told)  # type: ignore[arg-type]


def _said(turn: TurnLine) -> str | None:
    """What was to be said beside the action. A turn without one has its words in its answer."""
    if turn.unsaid is not None:
        return turn.unsaid.text
    return None if turn.action is None else turn.say
