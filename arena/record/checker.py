"""The check of one recorded match: it is played again, and every line compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from arena.errors import GameError
from arena.log import EndLine, Line, MatchLine, TurnLine
from arena.match import Match
from arena.plan import MatchPlan
from arena.record.reader import Run
from arena.record.replay import Replay, execute, without_picture
from arena.record.tools import MadeAgain, ToolReplay
from arena.record.turns import TurnReader, store_of


@dataclass(frozen=True, slots=True)
class Problem:
    """One failed check. `match` and `tick` are -1 if they do not apply."""

    match: int
    tick: int
    text: str

    def __str__(self) -> str:
        where = f"match {self.match}, " if self.match >= 0 else ""
        where += f"tick {self.tick}: " if self.tick >= 0 else ""
        return where + self.text


@dataclass(slots=True)
class Report:
    """The result of a verification. It passed if there are no problems; pictures are counted apart from rules."""

    planned: int | None = 0  # matches; None: as many as the schedule gives
    heard: bool = False  # the schedule heard results: it was read again with those of the log
    stopped: bool = False  # the run has no result table: it stopped early, or goes on
    matches: int = 0  # number of re-executed matches
    ticks: int = 0
    turns: int = 0
    unresolved: int = 0
    calls: int = 0  # of tools that were made again
    other_calls: int = 0  # of tools that were not: not installed here, or not repeatable
    engines: list[str] = field(default_factory=list)  # engines whose installed version differs
    problems: list[Problem] = field(default_factory=list)
    pictures: list[Problem] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """What was found in other matches, which come later in the log."""
        for name in ("matches", "ticks", "turns", "unresolved", "calls", "other_calls"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.problems += other.problems
        self.pictures += other.pictures

    @property
    def passed(self) -> bool:
        return not self.problems and not self.pictures


class Task(NamedTuple):
    """A match to check."""

    plan: MatchPlan
    lines: list[Line]


class Checker:
    """Checks matches of a run, one after the other."""

    def __init__(self, run: Run, replay: Replay) -> None:
        """`replay` is closed by the caller."""
        self.run = run
        self._replay = replay
        self._stored = TurnReader(run.folder) if store_of(run.folder).is_file() else None

    def check(self, task: Task) -> Report:
        """What re-execution of the match shows."""
        report, (plan, lines) = Report(), task
        match = self._replay.match(plan, turns=self._stored is not None)
        tools = ToolReplay(plan, self._replay.seated(plan), self.run.head.plan.seed)
        _verify_match(match, lines, tools, report)
        if self._stored is not None and match.outcome is not None and (flaw := self._stored.flaw(match.episode())):
            report.problems.append(Problem(plan.index, -1, flaw))
        return report

    def close(self) -> None:
        if self._stored is not None:
            self._stored.close()


def _verify_match(match: Match, lines: Sequence[Line], tools: ToolReplay, report: Report) -> None:
    report.matches += 1
    index = match.plan.index
    last = lines[-1]
    if not isinstance(last, EndLine):
        report.problems.append(Problem(index, getattr(last, "tick", 0), "the match has no end after this"))
        return
    try:
        _compare_match(match, lines, last, tools, report)
    except GameError as error:
        report.problems.append(Problem(index, match.tick, f"the game failed: {error}"))


def _compare_match(match: Match, lines: Sequence[Line], last: EndLine, tools: ToolReplay, report: Report) -> None:
    index, at = match.plan.index, 0
    for step in execute(match, lines):
        report.turns += sum(isinstance(line, TurnLine) for line in step.made)
        if step.missing is not None:
            tick, seat = step.missing.tick, step.missing.seat
            report.problems.append(Problem(index, tick, f"no answer of seat {seat} is recorded"))
            return
        if not _compare(match, step.made, step.recorded, report):
            return
        _compare_calls(index, tools.take(step), report)
        at += len(step.made)
    report.ticks += match.tick
    if last.status == "unresolved":
        report.unresolved += 1
        if (last.match, last.ticks, last.returns) != (index, 0, None):
            report.problems.append(Problem(index, 0, "an unresolved match has no ticks and no returns"))
    elif at != len(lines):
        report.problems.append(Problem(index, match.tick, f"{len(lines) - at} lines follow the end"))


def _compare_calls(index: int, calls: Iterable[MadeAgain], report: Report) -> None:
    """Notes what tools give otherwise than it is recorded."""
    for one in calls:
        if one.here is None:
            report.other_calls += 1
            continue
        report.calls += 1
        if one.here == one.recorded:
            continue
        seat, tool = one.turn.seat, one.recorded.tool
        if msgspec.structs.replace(one.here, picture=one.recorded.picture) == one.recorded:
            text = f"the picture that the tool {tool} gave seat {seat} is drawn differently"
            report.pictures.append(Problem(index, one.turn.tick, text))
            continue
        told = [call.text if call.error is None else call.error for call in (one.recorded, one.here)]
        text = f"the tool {tool} gave seat {seat} {told[0]!r}, re-execution gives {told[1]!r}"
        report.problems.append(Problem(index, one.turn.tick, text))


def _start(here: Sequence[str], recorded: Sequence[str]) -> str:
    """The difference of the two starts, whose events name the cartridge, level or stage."""
    then = ", ".join(event for event in recorded if event not in here) or "nothing"
    now = ", ".join(event for event in here if event not in recorded) or "nothing"
    return f"it was played with {then}, here there is {now}"


def _compare(match: Match, made: Sequence[Line], recorded: Sequence[Line], report: Report) -> bool:
    """Notes the differences. Returns whether re-execution can go on: not after a difference in the rules."""
    index = match.plan.index
    for new, old in zip(made, recorded, strict=False):
        if new == old:
            continue
        tick = getattr(new, "tick", match.tick)
        if without_picture(new) == without_picture(old):
            report.pictures.append(Problem(index, tick, f"the picture of seat {new.seat} is drawn differently"))  # type: ignore[union-attr]
            continue
        if type(new) is not type(old):
            report.problems.append(
                Problem(index, tick, f"a {type(old).__name__} is recorded where a {type(new).__name__} is due")
            )
            return False
        a, b = msgspec.to_builtins(new), msgspec.to_builtins(old)
        names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
        what = "; ".join(f"{name} is {b.get(name)!r}, re-execution gives {a.get(name)!r}" for name in names)
        if isinstance(new, MatchLine) and isinstance(old, MatchLine) and new.events != old.events:
            what = f"{_start(new.events, old.events)}. {what}"
        report.problems.append(Problem(index, tick, what))
        return False
    if len(made) != len(recorded):
        text = f"{len(recorded)} lines are recorded where {len(made)} are due"
        report.problems.append(Problem(index, match.tick, text))
        return False
    return True
