"""How operators behave, beside what they score: actions, thoughts, time and tokens, agreement, progress.

One pass over the log and one over the timing file. Of a match there stay some numbers, whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from arena.analysis.answers import AnswerReader, Answers
from arena.evaluate.intervals import wilson
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.price import Price
from arena.record.given import titles
from arena.record.reader import Run
from arena.record.times import read_timing
from arena.spilled import Spilled

POINTS = 200  # of a progress curve, at most

_Key = tuple[int, str]  # game and operator


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of something that was measured `count` times."""

    count: int
    mean: float
    p50: float
    p90: float
    most: float


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """One operator at one game."""

    operator: str
    turns: int
    actions: dict[int, int]  # answers without a fault, by action
    faults: dict[str, int]
    seconds: Quantiles | None = None  # from question to answer, those of voided tries too
    thought: Quantiles | None = None  # characters of thought, of the turns that have one
    prompt_tokens: float | None = None  # a turn that used some
    completion_tokens: float | None = None
    cost: float | None = None  # a turn, by its price
    repeated: int = 0  # choices to a question that it had answered before
    same_again: int = 0  # of these, answered as the first time


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two operators who answered the same questions: one view of one hash, and the same legal actions."""

    one: str
    two: str
    questions: int
    same: int
    low: float  # 95% interval of the rate (Wilson), which takes questions as independent
    high: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of the rewards so far, over an operator's matches; a match that is over keeps what it has."""

    operator: str
    matches: int
    every: int  # ticks between two points; the first is after tick every - 1
    rewards: list[float]


class GameBehaviour(msgspec.Struct, frozen=True, kw_only=True):
    game: str
    rows: list[Behaviour]
    pairs: list[Pair]
    curves: list[Curve] = []  # of games whose rewards come before the end


def behaviour(run: Run) -> list[GameBehaviour]:
    """Of every game of a run. RecordError where its log is damaged."""
    answers, reader = AnswerReader(), BehaviourReader(run)
    for lines in run.played():
        for line in lines:
            answers.note(line)
            reader.note(line)
    return reader.behaviour(answers, read_timing(run.folder).seconds)


class BehaviourReader:
    """Notes, of the lines that it is given in the order of the log, what AnswerReader does not."""

    def __init__(self, run: Run) -> None:
        self._games = run.head.games
        self._thoughts: dict[_Key, Spilled] = {}
        self._tokens: dict[_Key, tuple[int, int, int]] = {}  # turns that used some, prompt, completion
        self._progress = [_Progress() for _ in self._games]
        self._game = 0

    def note(self, line: Line) -> None:
        if isinstance(line, TurnLine):
            if line.thought or line.usage is not None:
                self._turn(line)
            return
        if isinstance(line, MatchLine):
            self._game = line.game_index
        self._progress[self._game].note(line)

    def _turn(self, line: TurnLine) -> None:
        key = self._game, line.operator
        if line.thought:
            self._thoughts.setdefault(key, Spilled("f")).append(len(line.thought))
        if line.usage is not None:
            turns, prompt, completion = self._tokens.get(key, (0, 0, 0))
            self._tokens[key] = turns + 1, prompt + line.usage.prompt, completion + line.usage.completion

    def behaviour(self, answers: AnswerReader, seconds: Mapping[_Key, Spilled]) -> list[GameBehaviour]:
        """Of every game; with the answers of the same lines, and the seconds of each answer."""
        out = []
        for index, (game, title) in enumerate(zip(self._games, titles(self._games), strict=True)):
            rows = [
                self._row((index, operator.name), operator.price, found, seconds)
                for operator in game.operators
                if (found := answers.answers.get((index, operator.name))) is not None
            ]
            pairs = []
            for (one, two), both in sorted(answers.agreements(index).items()):
                low, high = wilson(both.same, both.questions)
                pairs.append(Pair(one=one, two=two, questions=both.questions, same=both.same, low=low, high=high))
            curves = list(self._progress[index].curves())
            out.append(GameBehaviour(game=title, rows=rows, pairs=pairs, curves=curves))
        return out

    def _row(self, key: _Key, price: Price | None, answers: Answers, seconds: Mapping[_Key, Spilled]) -> Behaviour:
        turns, prompt, completion = self._tokens.get(key, (0, 0, 0))
        return Behaviour(
            operator=key[1],
            turns=answers.turns,
            actions=dict(sorted(answers.actions.items())),
            faults=answers.faults,
            seconds=_quantiles(seconds.get(key)),
            thought=_quantiles(self._thoughts.get(key)),
            prompt_tokens=prompt / turns if turns else None,
            completion_tokens=completion / turns if turns else None,
            cost=None if price is None or not turns else price.of(prompt, completion, 0) / turns,
            repeated=answers.repeated,
            same_again=answers.repeated - answers.differed,
        )


def _quantiles(found: Spilled | None) -> Quantiles | None:
    if found is None:
        return None
    values = found.values().astype(np.float64)
    p50, p90 = np.quantile(values, (0.5, 0.9)).tolist()
    return Quantiles(count=len(values), mean=float(values.mean()), p50=p50, p90=p90, most=float(values.max()))


class _Progress:
    """Sums of the rewards by tick, at first of every one, and of fewer as matches get longer."""

    def __init__(self) -> None:
        self.every = 1
        self._sums: dict[str, list[float]] = {}  # of the gains between two points
        self._matches: dict[str, int] = {}
        self._seats: tuple[str, ...] = ()
        self._gains: list[tuple[int, tuple[float, ...]]] = []  # of the match that is read
        self._early = False  # a reward came before the last tick of a match

    def note(self, line: Line) -> None:
        match line:
            case MatchLine():
                self._seats, self._gains = line.seats, []
            case TickLine() if any(line.rewards):
                self._gains.append((line.tick, line.rewards))
            case EndLine() if line.returns is not None:
                self._end(line.ticks)

    def _end(self, ticks: int) -> None:
        while ticks > POINTS * self.every:
            self.every *= 2
            self._sums = {name: [sum(two) for two in _by_two(gains)] for name, gains in self._sums.items()}
        for seat, name in enumerate(self._seats):
            self._matches[name] = self._matches.get(name, 0) + 1
            sums = self._sums.setdefault(name, [])
            for tick, rewards in self._gains:
                point = tick // self.every
                sums.extend([0.0] * (point + 1 - len(sums)))
                sums[point] += rewards[seat]
        self._early = self._early or any(tick < ticks - 1 for tick, _ in self._gains)

    def curves(self) -> Iterator[Curve]:
        points = max(map(len, self._sums.values()), default=0)
        for name, gains in self._sums.items() if self._early else ():
            whole = np.cumsum([*gains, *[0.0] * (points - len(gains))]) / self._matches[name]
            yield Curve(operator=name, matches=self._matches[name], every=self.every, rewards=whole.round(6).tolist())


def _by_two(values: list[float]) -> Iterator[list[float]]:
    return (values[at : at + 2] for at in range(0, len(values), 2))
