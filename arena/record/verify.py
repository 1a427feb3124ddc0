"""Re-execution: plays every match again from its log and compares every line.

The same Match is used as in play, fed with the recorded answers. So a changed answer, action, hash, reward or
result is found, at the match and tick where it first shows. Who chose an answer cannot be proved from a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from arena import plugins
from arena.errors import RecordError
from arena.game import Game, Views
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, schedule
from arena.record.lines import EndLine, Line, MatchLine, TurnLine
from arena.record.reader import Run


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold. `match` and `tick` are -1 where they do not apply."""

    match: int
    tick: int
    text: str

    def __str__(self) -> str:
        where = f"match {self.match}, " if self.match >= 0 else ""
        where += f"tick {self.tick}: " if self.tick >= 0 else ""
        return where + self.text


@dataclass(slots=True)
class Report:
    """What verification found. It passed when there are no problems; pictures are counted apart from rules."""

    matches: int = 0
    ticks: int = 0
    turns: int = 0
    unresolved: int = 0
    problems: list[Problem] = field(default_factory=list)
    pictures: list[Problem] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.problems and not self.pictures


def verify(run: Run) -> Report:
    """Re-execute every match of `run`. RecordError when this installation cannot (a game or version is missing)."""
    game = _game(run)
    views = {operator["name"]: msgspec.convert(operator["views"], Views) for operator in run.head["operators"]}
    limits = msgspec.convert(run.head["limits"], dict[str, int | None])
    rules = Limits(max_ticks=limits["max_ticks"], reasks=limits["reasks"] or 0)
    planned = schedule(game, run.head["seed"], run.head["matches"])
    report = Report()
    for expected, lines in zip(planned, run.matches(), strict=False):
        names = tuple(run.operators[slot] for slot in expected.slots)
        _verify_match(Match(expected, game, names, [views[name] for name in names], rules), lines, report)
    missing = len(planned) - report.matches
    if missing > 0:
        journals = f"; {len(run.in_flight())} are journaled in open/" if run.in_flight() else ""
        report.problems.append(Problem(-1, -1, f"{missing} of {len(planned)} planned matches are missing{journals}"))
    if sum(1 for _ in run.matches()) > len(planned):
        report.problems.append(Problem(-1, -1, f"the log has more matches than the {len(planned)} planned"))
    if missing <= 0 and run.recorded_table() != run.table():
        report.problems.append(Problem(-1, -1, "results.json is not what the log gives"))
    return report


def _game(run: Run) -> Game:
    head = run.head["game"]
    try:
        game = plugins.game_class(head["name"])(len(run.operators), head["options"])
    except ValueError as error:
        raise RecordError(f"game {head['name']!r} does not take the recorded options: {error}") from error
    if game.spec.version != head["version"]:
        raise RecordError(
            f"the run was played with {head['name']} version {head['version']}; installed is {game.spec.version}. "
            "Install the agent-arena version that run.json names to verify it"
        )
    return game


def _verify_match(match: Match, lines: Sequence[Line], report: Report) -> None:
    report.matches += 1
    index = match.plan.index
    last = lines[-1]
    if not isinstance(last, EndLine):
        report.problems.append(Problem(index, -1, "the match has no end"))
        return
    match.start()
    if last.status == "unresolved":
        report.unresolved += 1
        _compare(index, match.take_lines(), lines[:-1], report)
        return
    turns = {(line.tick, line.seat, line.attempt): line for line in lines if isinstance(line, TurnLine)}
    at = 0
    while True:
        made = match.take_lines()
        if not _compare(index, made, lines[at : at + len(made)], report):
            return
        at += len(made)
        if match.outcome is not None:
            break
        while asks := match.asks():
            for ask in asks:
                turn = turns.get((ask.tick, ask.seat, ask.attempt))
                if turn is None:
                    report.problems.append(Problem(index, ask.tick, f"no answer of seat {ask.seat} is recorded"))
                    return
                match.feed(ask.seat, _decision(turn))
                report.turns += 1
        match.advance()
        report.ticks += 1
    if at != len(lines):
        report.problems.append(Problem(index, match.tick, f"{len(lines) - at} lines follow the end"))


def _decision(turn: TurnLine) -> Decision:
    told = {"thought": turn.thought, "raw": turn.raw, "usage": turn.usage}
    if turn.fault in ("timeout", "crashed"):
        return Decision(answer=turn.answer, fault=turn.fault, detail=turn.detail, **told)  # type: ignore[arg-type]
    return Decision(answer=turn.answer, **told)  # type: ignore[arg-type]


def _compare(index: int, made: Sequence[Line], recorded: Sequence[Line], report: Report) -> bool:
    """Whether re-execution can go on: it cannot after a difference in the rules."""
    if len(made) != len(recorded):
        report.problems.append(Problem(index, -1, f"{len(recorded)} lines are recorded where {len(made)} are due"))
        return False
    for new, old in zip(made, recorded, strict=True):
        if new == old:
            continue
        tick = getattr(old, "tick", 0 if isinstance(old, MatchLine) else -1)
        if type(new) is not type(old):
            report.problems.append(
                Problem(index, tick, f"a {type(old).__name__} is recorded where a {type(new).__name__} is due")
            )
            return False
        a, b = msgspec.to_builtins(new), msgspec.to_builtins(old)
        names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
        if names == ["observation_hash"] and _only_picture(a["observation_hash"], b["observation_hash"]):
            report.pictures.append(Problem(index, tick, f"the picture of seat {a['seat']} is drawn differently"))
            continue
        what = "; ".join(f"{name} is {b.get(name)!r}, re-execution gives {a.get(name)!r}" for name in names)
        report.problems.append(Problem(index, tick, what))
        return False
    return True


def _only_picture(new: dict[str, str], old: dict[str, str]) -> bool:
    return {k: v for k, v in new.items() if k != "image"} == {k: v for k, v in old.items() if k != "image"}
