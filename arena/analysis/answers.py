"""What operators answered, counted in one pass over the log: by action, by fault, and where two saw the same.

Two answers are to the same question where a view that both were given has one hash and the same actions are legal. The
first MOST questions of a game are remembered; memory grows no further, and what repeats later still counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from arena.log import Line, MatchLine, TurnLine

MOST = 100_000  # different questions of a game that are remembered
MOST_ACTIONS = 10_000  # different actions of an operator that are counted apart
EXAMPLES = 5  # places that are kept of each thing

Question = tuple[str, str, tuple[int, ...]]  # a view, its hash, the legal actions


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A turn of the log."""

    match: int
    tick: int
    seat: int

    def __str__(self) -> str:
        return f"match {self.match}, tick {self.tick}, seat {self.seat}"


@dataclass(frozen=True, slots=True)
class Example:
    """A fault."""

    place: Place
    detail: str | None  # what it was about


@dataclass(slots=True)
class Answers:
    """Of one operator at one game."""

    turns: int = 0  # answers; each attempt, and none that was late
    choices: int = 0  # answers without a fault where two actions or more were legal
    actions: dict[int, int] = field(default_factory=dict)  # of all answers without a fault: how often each
    chosen: dict[int, int] = field(default_factory=dict)  # of the choices: how often each, until there are two
    first: int = 0  # choices that were the first legal action
    last: int = 0  # and the last one
    faults: dict[str, int] = field(default_factory=dict)  # by kind
    examples: dict[str, list[Example]] = field(default_factory=dict)  # the first faults of each kind
    questions: int = 0  # different ones among the choices, as far as they are remembered
    repeated: int = 0  # choices to a question that it had answered before
    differed: int = 0  # of these, otherwise than the first time
    difference: tuple[Place, Place] | None = None  # the first two answers to one question that differ


@dataclass(slots=True)
class Agreement:
    """Of two operators at one game: the questions that both answered, by their first answers."""

    questions: int = 0
    same: int = 0


class AnswerReader:
    """Counts the lines that it is given, in the order of the log."""

    def __init__(self) -> None:
        self.answers: dict[tuple[int, str], Answers] = {}  # by game and operator
        self._first: dict[int, dict[Question, dict[str, tuple[int, Place]]]] = {}  # by game
        self._match = self._game = 0

    def note(self, line: Line) -> None:
        if isinstance(line, MatchLine):
            self._match, self._game = line.match, line.game_index
        elif isinstance(line, TurnLine) and not line.late:
            self._turn(line)

    def _turn(self, line: TurnLine) -> None:
        key = self._game, line.operator
        of = self.answers.get(key)
        if of is None:
            of = self.answers[key] = Answers()
        of.turns += 1
        if line.fault is not None:
            of.faults[line.fault] = of.faults.get(line.fault, 0) + 1
            examples = of.examples.setdefault(line.fault, [])
            if len(examples) < EXAMPLES:
                examples.append(Example(Place(self._match, line.tick, line.seat), line.detail))
            return
        action = line.action
        if action is None:
            return
        if action in of.actions or len(of.actions) < MOST_ACTIONS:
            of.actions[action] = of.actions.get(action, 0) + 1
        if len(line.legal) < 2:
            return
        of.choices += 1
        if action in of.chosen or len(of.chosen) < 2:
            of.chosen[action] = of.chosen.get(action, 0) + 1
        of.first += action == line.legal[0]
        of.last += action == line.legal[-1]
        for number, (view, seen) in enumerate(line.observation_hash.items()):
            self._asked(of if number == 0 else None, line, action, (view, seen, line.legal))

    def _asked(self, of: Answers | None, line: TurnLine, action: int, question: Question) -> None:
        known = self._first.setdefault(self._game, {})
        answered = known.get(question)
        if answered is None:
            if len(known) >= MOST:
                return
            answered = known[question] = {}
        before = answered.get(line.operator)
        if before is None:
            answered[line.operator] = action, Place(self._match, line.tick, line.seat)
        if of is None:
            return
        if before is None:
            of.questions += 1
            return
        of.repeated += 1
        if before[0] != action:
            of.differed += 1
            if of.difference is None:
                of.difference = before[1], Place(self._match, line.tick, line.seat)

    def agreements(self, game: int) -> dict[tuple[str, str], Agreement]:
        """By pair, names ascending; only pairs that answered a question both."""
        out: dict[tuple[str, str], Agreement] = {}
        for answered in self._first.get(game, {}).values():
            if len(answered) < 2:
                continue
            for one, two in itertools.combinations(sorted(answered), 2):
                pair = out.setdefault((one, two), Agreement())
                pair.questions += 1
                pair.same += answered[one][0] == answered[two][0]
        return out


def read_answers(lines: Iterable[Line]) -> AnswerReader:
    """Counts all `lines`."""
    reader = AnswerReader()
    for line in lines:
        reader.note(line)
    return reader
