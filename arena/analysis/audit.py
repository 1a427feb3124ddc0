"""The audit of a run: what a reviewer would ask, each question answered from the log in a plain sentence.

A question that tests (seats, cycles, twins) finds something in an honest run with a chance of at most 1% each,
whatever the number of games, seats and operators (Holm); tests/analysis/test_audit_errors.py simulates it. The other
thresholds are no tests: beyond them a reader of the table would be misled; each says how, where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from arena.analysis import audit_meetings as meetings
from arena.analysis import audit_play as play
from arena.analysis.audit_facts import Answer, Facts, Finding, Said, read_facts
from arena.plugins import require_modules
from arena.record.reader import Run


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """All questions."""

    run: str
    matches: int  # that are over
    planned: int | None  # None: as many as the schedule gives
    blocks: int
    answers: list[Answer]

    @property
    def warnings(self) -> list[Finding]:
        return [finding for answer in self.answers for finding in answer.findings if finding.warning]


def audit(run: Run, facts: Facts | None = None) -> Audit:
    """The audit of the matches that are over; `facts` of the run, if they are known, else its log is read.

    RecordError for a damaged log; MissingExtraError without SciPy.
    """
    require_modules("an audit", ["scipy"], "eval")
    return audit_facts(read_facts(run) if facts is None else facts, str(run.folder))


def audit_facts(facts: Facts, run: str = "") -> Audit:
    played = len(facts.outcomes) > 0
    nothing = Said("no match is over yet", known=False)
    asked = [(name, question, ask(facts) if played else nothing) for name, question, ask in QUESTIONS]
    answers = [
        Answer(name=name, question=question, answer=said.answer, known=said.known, findings=said.findings)
        for name, question, said in asked
    ]
    blocks = len(np.unique(facts.outcomes.block))
    matches, planned = len(facts.outcomes), facts.head.count
    return Audit(run=run, matches=matches, planned=planned, blocks=blocks, answers=answers)


QUESTIONS: Sequence[tuple[str, str, Callable[[Facts], Said]]] = (
    ("seats", "Does the seat decide?", meetings.seats),
    ("cycles", "Is there an order at all?", meetings.cycles),
    ("twins", "Is an equal operator found equal?", meetings.twins),
    ("connected", "Can everybody be compared?", meetings.connected),
    ("opponents", "Did all meet the same opponents?", meetings.opponents),
    ("ties", "How much was decided?", meetings.ties),
    ("unresolved", "Did everything count?", play.unresolved),
    ("faults", "Who made faults?", play.faults),
    ("varied", "Did operators answer to what they saw?", play.varied),
    ("repeats", "Did matches differ?", play.repeats),
    ("seeds", "Did seeds do anything?", play.seeds),
    ("again", "Would operators decide the same again?", play.again),
)
