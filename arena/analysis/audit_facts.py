"""What an audit reads of a run, and how it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from arena.analysis.answers import AnswerReader, Answers
from arena.analysis.outcomes import OutcomeReader, Outcomes
from arena.canonical import digest
from arena.figures import plural
from arena.log import Line, MatchLine
from arena.record.given import titles
from arena.record.head import Head
from arena.record.reader import Run
from arena.record.rerun import Rerun, usable_rerun
from arena.spilled import Spilled

MOST = 10  # findings of one question that are listed


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was found."""

    text: str  # a sentence with the number
    advice: str = ""  # what to do
    warning: bool = False  # the table misleads without it; else it is a fact to know
    game: str = ""
    operators: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()  # turns of the log, or counts
    numbers: dict[str, float] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One question and what the run says to it."""

    name: str
    question: str
    answer: str  # in short
    known: bool = True  # False: the run cannot tell, and `answer` says why
    findings: list[Finding] = []


@dataclass(slots=True)
class Facts:
    """What was read of a run."""

    head: Head
    outcomes: Outcomes
    starts: npt.NDArray[np.uint64]  # a digest of the state in which each match began
    answers: dict[tuple[int, str], Answers]  # by game and operator
    rerun: Rerun | None
    no_rerun: str | None = None  # what is wrong with the file of it

    @property
    def games(self) -> list[tuple[int, str, Outcomes]]:
        """Number, name and outcomes of each game that was played."""
        found = [(index, name, self.outcomes.of_game(index)) for index, name in enumerate(titles(self.head.games))]
        return [(index, name, outcomes) for index, name, outcomes in found if len(outcomes)]


class FactsReader:
    """Notes the facts of the matches that it is given."""

    def __init__(self, run: Run) -> None:
        self.answers = AnswerReader()
        self._run = run
        self._outcomes = OutcomeReader(run)
        self._starts = Spilled("Q")

    def note(self, lines: Sequence[Line]) -> None:
        """The lines of a whole match. RecordError, in words, where it is none of the plan."""
        self._outcomes.note(lines)
        head = lines[0]
        assert isinstance(head, MatchLine)
        self._starts.append(int(digest(head.state_hash)[:16], 16))
        for line in lines:
            self.answers.note(line)

    def facts(self) -> Facts:
        """Of the matches until now, with what the run's folder has of asking again."""
        rerun = usable_rerun(self._run.folder)
        return Facts(self._run.head, self._outcomes.outcomes(), self._starts.values(), self.answers.answers, *rerun)


def read_facts(run: Run) -> Facts:
    """One pass over the log. RecordError where it is damaged."""
    reader = FactsReader(run)
    for lines in run.played():
        reader.note(lines)
    return reader.facts()


class Said(msgspec.Struct):
    answer: str
    findings: list[Finding] = []
    known: bool = True


def said(findings: Iterable[Finding], none: str, some: str = "") -> Said:
    """`none`: the answer if there are no findings; `some`: with the number of warnings in front if there are."""
    found = list(findings)
    warnings = sum(finding.warning for finding in found)
    if not found:
        return Said(none)
    text = some or f"{plural(len(found), 'finding')}, {warnings or 'none'} of them to be looked at"
    if len(found) > MOST:
        text += f"; the first {MOST} are listed"
    found.sort(key=lambda finding: not finding.warning)
    return Said(text, found[:MOST])


def unknown(why: str) -> Said:
    return Said(why, known=False)


def p_text(value: float) -> str:
    return "below 0.001" if value < 0.001 else f"{value:.2g}"
