"""Numbers that need the rules of a game: how exploitable an operator is, and returns without the luck of the cards.

They are computed from matches that are played again from the log (arena/record/replay.py), of games that say how
(`Game.exact`).

Luck: what the outcomes of chance gave each seat beside their expectation, by the values of a reference strategy. Its
mean is 0 whoever plays and whatever the reference, so a return less its luck has the same mean, and a smaller variance
the closer the reference is to how it went: the chance terms of AIVAT (N. Burch, M. Schmid, M. Moravcik, M. Bowling,
AIVAT: A New Variance Reduction Technique for Agent Evaluation in Imperfect Information Games, AAAI 2018). Its terms of
decisions need the operators' own probabilities, which a log does not have.

Exploitability: what a best response wins a hand, the mean over seats (half of NashConv). The policy is that of the
actions that were taken, by information state. Where nothing was seen all legal actions are equally likely. A best
response to a policy that was estimated also answers its errors, so its value is too high in the mean; one that is
learnt of half of the matches and plays the other half is too low: W.-K. Mak, D. P. Morton, R. K. Wood, Operations
Research Letters 24 (1999), 47-56. Of `random` the policy is known, and both are the exact value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from arena import plugins
from arena.analysis.outcomes import Outcomes
from arena.game import Game
from arena.log import EndLine
from arena.record.reader import Run
from arena.record.replay import Replay, execute

Floats = npt.NDArray[np.float64]
Counts = dict[str, dict[int, int]]  # by information state: how often each action was taken


class Decision(NamedTuple):
    """One action that was taken."""

    seat: int
    state: str  # what the seat knew: equal strings for equal knowledge
    action: int


class Response(NamedTuple):
    """What best responses win, in the game's unit a hand."""

    value: float  # learnt of all matches, and against them
    held_out: float  # learnt of one half, and against the other
    unseen: int  # information states in which nothing was seen
    states: int  # all information states


class Exact(Protocol):
    """What `Game.exact` gives for a game, which plays no part in it; None where it cannot be computed."""

    def luck(self, game: Game) -> Sequence[float]:
        """By seat, in the unit of a return: of the match that this game has just played."""

    def decisions(self, game: Game) -> Iterable[Decision]:
        """Of the same match, faults as what they were played as."""

    def response(self, halves: Sequence[Counts]) -> Response:
        """Best responses to the policy that took these actions, in the two halves of the matches."""

    def uniform(self) -> float:
        """What a best response wins against any legal action with the same chance."""


class Exploitability(msgspec.Struct, frozen=True, kw_only=True):
    """What a best response wins against an operator, in the game's unit a hand."""

    value: float  # too high in the mean, unless `exact`
    held_out: float  # too low in the mean, unless `exact`
    exact: bool  # the policy is known, and not estimated
    decisions: int  # that it was estimated from
    unseen: int  # information states without a decision, of `states`: taken as uniform
    states: int


@dataclass(frozen=True, slots=True)
class ExactFacts:
    """Of a whole run."""

    luck: Floats  # (matches, seats): nan where it is not known
    exploitability: dict[tuple[int, int], Exploitability]  # by game and operator


def read_exact(run: Run, outcomes: Outcomes) -> ExactFacts:
    """Plays all matches again, of games that have exact numbers. RecordError where this installation cannot."""
    luck = np.full_like(outcomes.returns, np.nan)
    counts: dict[tuple[int, int], tuple[Counts, Counts]] = {}
    with closing(Replay(run)) as replay:
        makers = [_exact(game) if runtime is None else None for _, game, runtime in replay.games]
        for number, lines in enumerate(run.played()):
            plan, end = run.plan(lines[0]), lines[-1]
            exact, game = makers[plan.game], replay.games[plan.game][1]
            if exact is None or not isinstance(end, EndLine) or end.returns is None:
                continue
            for _ in execute(replay.match(plan), lines):
                pass
            luck[number, : game.seats] = exact.luck(game)
            for made in exact.decisions(game):
                halves = counts.setdefault((plan.game, plan.lineup[made.seat]), ({}, {}))
                seen = halves[plan.block % 2].setdefault(made.state, {})
                seen[made.action] = seen.get(made.action, 0) + 1
    found = {}
    for (index, who), halves in counts.items():
        exact, kind = makers[index], run.head.games[index].operators[who].kind
        assert exact is not None
        found[index, who] = _exploitability(exact, halves, known=kind == "random")
    return ExactFacts(luck, found)


def _exact(game: Game) -> Exact | None:
    made: Exact | None = plugins.resolve(game.exact)(game) if game.exact is not None else None
    return made


def _exploitability(exact: Exact, halves: tuple[Counts, Counts], *, known: bool) -> Exploitability:
    found = exact.response(halves)
    value, held_out = (exact.uniform(),) * 2 if known else (found.value, found.held_out)
    decisions = sum(sum(seen.values()) for half in halves for seen in half.values())
    return Exploitability(
        value=value, held_out=held_out, exact=known, decisions=decisions, unseen=found.unseen, states=found.states
    )


def without_luck(outcomes: Outcomes, index: int, facts: ExactFacts) -> Outcomes | None:
    """The outcomes of one game with returns less their luck; None where it is not known."""
    rows = outcomes.game == index
    mine = outcomes.of_game(index)
    luck = facts.luck[rows][:, : mine.returns.shape[1]]
    if not len(mine) or np.isnan(luck[mine.resolved]).any():
        return None
    return replace(mine, returns=mine.returns - luck)
