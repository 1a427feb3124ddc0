"""How often the questions of an audit that test find something in honest runs, and in runs that are not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from arena.analysis import designs
from arena.analysis.audit import audit_facts
from arena.analysis.audit_meetings import LEVEL
from arena.analysis.pairs import pairs
from tests.analysis.kit import facts, margins

RUNS = 400
# At a true rate of LEVEL, 400 runs have more than 11 false alarms with a chance of 0.1% (binomial).
MOST = 11


@pytest.mark.parametrize(
    ("seats", "rounds", "how"),
    [
        (2, 2, {"unresolved": 0.05}),  # twelve blocks
        (2, 10, {"ties": 1.0}),
        (3, 5, {"unresolved": 0.1}),
        (2, 10, {"mirror": False}),
    ],
)
def test_an_honest_run_has_few_false_alarms(seats: int, rounds: int, how: dict[str, float]) -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(RUNS):
        strengths = rng.normal(0, 0.5, 4)
        found = audit_facts(facts(margins(strengths, rounds, seed=rng, seats=seats, **how)))
        tested = [answer for answer in found.answers if answer.name in ("seats", "cycles")]
        alarms += sum(len(answer.findings) for answer in tested)
    assert alarms <= MOST
    assert LEVEL == 0.01


@pytest.mark.parametrize("rounds", [3, 20])
def test_a_twin_is_found_different_as_often_as_is_stated(rounds: int) -> None:
    rng = np.random.default_rng(13)
    alarms = 0
    for _ in range(RUNS):
        base = facts(margins((0.4, 0.4, 0.0), rounds * 4, seed=rng, lineups=[(0, 1)]))
        base.head = msgspec.structs.replace(base.head, plan=msgspec.structs.replace(base.head.plan, twins=(0, 1)))
        alarms += len(next(one for one in audit_facts(base).answers if one.name == "twins").findings)
    assert alarms <= MOST


def test_a_twin_that_is_treated_worse_is_found() -> None:
    base = facts(margins((1.5, 0.0), 60, seed=14))
    base.head = msgspec.structs.replace(base.head, plan=msgspec.structs.replace(base.head.plan, twins=(0, 1)))
    (finding,) = next(one for one in audit_facts(base).answers if one.name == "twins").findings
    assert finding.warning
    assert "op0 got +" in finding.text


def test_equal_operators_are_the_hardest_case_for_circles() -> None:
    rng = np.random.default_rng(8)
    runs = [margins(np.zeros(5), 12, seed=rng) for _ in range(200)]
    assert sum(len(designs.cycles(pairs(one), 5, LEVEL)[0]) for one in runs) <= 6


def test_a_seat_that_is_worth_something_is_found_with_its_worth() -> None:
    rng = np.random.default_rng(9)
    worth = np.array([0.5, -0.25, -0.25])
    effects = [designs.seat_effect(margins(rng.normal(0, 1, 4), 20, seed=rng, seats=3, seat=worth)) for _ in range(60)]
    assert all(found is not None for found in effects)
    inside = [(found.low <= worth) & (worth <= found.high) for found in effects if found is not None]
    assert 0.9 <= np.mean(inside) <= 0.99
    assert np.mean([found.p < LEVEL for found in effects if found is not None]) > 0.5


def test_seats_are_told_from_operators_where_seats_are_not_shared_equally() -> None:
    rng = np.random.default_rng(10)
    lineups = [(0, 1), (0, 1), (0, 1), (1, 0)]
    one = margins((2.0, 0.0), 200, seed=rng, lineups=lineups, mirror=False)
    found = designs.seat_effect(one)
    assert found is not None
    assert found.low[0] <= 0 <= found.high[0]


def test_who_never_changed_seats_cannot_be_told_from_the_seat() -> None:
    one = margins((1.0, 0.0), 30, seed=11, mirror=False)
    assert designs.seat_effect(one) is None


def test_rock_paper_scissors_is_a_circle() -> None:
    payoff = np.array([[0, 1, -1], [-1, 0, 1], [1, -1, 0]]) * 1.0
    one = margins(np.zeros(3), 60, seed=12, payoff=payoff)
    (cycle,), triples = designs.cycles(pairs(one), 3, LEVEL)
    assert triples == 1
    assert cycle.operators in {(0, 1, 2), (1, 2, 0), (2, 0, 1)}
