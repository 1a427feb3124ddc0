"""What an evaluation would take, before it is played. Each number says where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from arena.errors import ArenaError
from arena.game import Views
from arena.plan import HERE, MatchPlan, Plan, PlannedGame
from arena.record.reader import Run
from arena.schedule import PlannedMatches, planned
from arena.session import LocalSession
from arena.sync import SyncMatch

SAMPLED = 3  # matches of chance by which decisions are counted
COUNTED = 100_000  # most matches that are read of the plan
MOST = 20_000  # most decisions of a sampled match


@dataclass(slots=True)
class Estimate:
    """Of one operator, or of all."""

    matches: int = 0
    decisions: float | None = 0.0  # None: unknown
    seconds: float | None = None  # of its answers, one after the other
    tokens: float | None = None
    price: float | None = None


@dataclass(slots=True)
class Forecast:
    """Of a plan."""

    matches: int | None  # None: until its schedule ends
    operators: dict[str, Estimate]
    sources: list[str] = field(default_factory=list)  # sentences


def forecast(plan: Plan, like: Run | None = None) -> Forecast:
    """Counts matches by the plan, decisions by matches of chance, and takes times and tokens from `like`, a run of the
    same operators, if there is one."""
    rates = [_decisions(game) for game in plan.games]
    out = Forecast(plan.matches, {entry.name: Estimate() for entry in plan.pool})
    for game, rate in zip(plan.games, rates, strict=True):
        out.sources.append(
            f"{game.given}: {rate:.1f} decisions of a seat in a match, the mean of {SAMPLED} matches of chance"
            if rate is not None
            else f"{game.given}: it cannot be played in this process, so decisions are not counted"
        )
    for match in _matches(plan):
        for slot in match.lineup:
            one, rate = out.operators[plan.pool[slot].name], rates[match.game]
            one.matches += 1
            one.decisions = None if one.decisions is None or rate is None else one.decisions + rate
    if plan.matches is None or plan.matches > COUNTED:
        out.sources.append("the schedule decides how long it is played: the numbers are those of its first matches")
    if like is not None:
        _take(out, like)
    else:
        out.sources.append("times and tokens: give --like RUN, a run of the same operators, to know them")
    return out


def _matches(plan: Plan) -> list[MatchPlan]:
    """As far as they can be known without results."""
    found: PlannedMatches = planned(plan)
    out: list[MatchPlan] = []
    while len(out) < COUNTED and (match := found.peek()) is not None:
        out.append(match)
        found.take()
    return out


def _decisions(game: PlannedGame) -> float | None:
    """Mean decisions of a seat in a match of chance."""
    if game.runtime not in (None, HERE):
        return None
    counted = []
    for number in range(SAMPLED):
        try:
            made, chance = game.make(), Random(number)
            match = SyncMatch(LocalSession(made, (Views(),) * made.seats), made.seats, number.to_bytes(16, "big"))
            decisions = 0
            while not match.over and decisions < MOST:
                for seat, observation in match.waiting.items():
                    match.answer(seat, chance.choice(observation.legal) if observation.legal else None)
                    decisions += 1
        except ArenaError:
            return None
        counted.append(decisions / made.seats)
    return math.fsum(counted) / len(counted)


def _take(out: Forecast, like: Run) -> None:
    times, prices = like.times(), like.prices()
    for name, one in out.operators.items():
        known = times.of(name)
        if not known.answers or one.decisions is None:
            out.sources.append(f"{name}: {like.folder} has no answers of it")
            continue
        share = one.decisions / known.answers
        one.seconds, one.tokens = share * known.seconds, share * known.tokens
        price = prices.get(name)
        one.price = share * known.cost(price) if price is not None else None
    out.sources.append(f"times, tokens and prices an answer: as in {like.folder}; answers overlap, so a run is shorter")
