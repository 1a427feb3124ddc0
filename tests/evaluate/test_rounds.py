"""Schedules of evaluations: one against the field, the gauntlet, lanes of equal starts, and until it is known."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from arena.errors import InputError
from arena.evaluate.rounds import Field, Gauntlet, Lanes
from arena.evaluate.schedules import find
from arena.evaluate.until import Until
from arena.lineup import resolve
from arena.plan import MatchResult, PlanSpec, Setting
from arena.play import describe
from tests.test_schedule import matches_of, read


@pytest.mark.parametrize("who", [1, 3])
@pytest.mark.parametrize("setting", [Setting(4, (2, 3), True), Setting(4, (3,), False)])
def test_in_a_field_one_meets_every_combination_of_the_others(who, setting):
    schedule = Field(setting, {"who": who})
    round_ = read(matches_of(schedule, schedule.round))
    for game, seats in enumerate(setting.seats):
        met = {frozenset(plan.lineup) for plan in round_ if plan.game == game}
        others = [other for other in range(4) if other != who - 1]
        assert met == {frozenset((who - 1, *some)) for some in itertools.combinations(others, seats - 1)}


def test_a_gauntlet_meets_one_opponent_after_the_other_and_ends():
    schedule = Gauntlet(Setting(4, (2,), True), {"who": 2, "blocks": 3})
    played = read(matches_of(schedule, schedule.matches))
    assert [sorted({*plan.lineup} - {1}) for plan in played] == [[other] for other in (0, 2, 3) for _ in range(6)]
    assert len(played) == schedule.matches


def test_lanes_play_alone_from_equal_starts():
    schedule = Lanes(Setting(3, (1,), True))
    played = read(matches_of(schedule, 9))
    assert [plan.lineup for plan in played] == [(0,), (1,), (2,)] * 3
    assert [plan.block for plan in played] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len({plan.seed for plan in played}) == 3
    assert all(len({plan.seed for plan in played if plan.block == block}) == 1 for block in range(3))
    assert read(matches_of(Lanes(Setting(3, (1,), True)), 9, range(4, 8))) == played[4:8]


def test_alone_at_a_game_of_one_seat_operators_play_the_same_starts():
    assert isinstance(find(None, Setting(3, (1,), True)), Lanes)


def play(schedule, strengths, seed=0, most=100_000):
    """Matches of known strengths, which end in any order; those that were played, in plan order."""
    chance, planned, in_flight, out = random.Random(seed), matches_of(schedule), [], []
    while (in_flight or not planned.over) and len(out) < most:
        while len(in_flight) < 40 and (plan := planned.peek()) is not None:
            planned.take()
            in_flight.append(plan)
        plan = in_flight.pop(chance.randrange(len(in_flight)))
        luck = random.Random(plan.index).gauss(0, 1)
        gap = max(-10.0, min(10.0, strengths[plan.lineup[0]] - strengths[plan.lineup[1]] + luck))
        result = MatchResult(plan, "terminated", (gap / 2, -gap / 2))
        planned.hear(result)
        out.append(result)
    return sorted(out, key=lambda result: result.plan.index)


def test_a_run_ends_once_every_difference_is_known_well_enough_whatever_ends_first():
    setting = Setting(3, (2,), True, ((-5.0, 5.0),))
    runs = [play(Until(setting, {"width": "1.5"}), (1.0, 0.0, -1.0), seed) for seed in range(3)]
    assert runs[0] == runs[1] == runs[2]
    narrower = play(Until(setting, {"width": "0.75"}), (1.0, 0.0, -1.0))
    assert len(runs[0]) < 0.6 * len(narrower)
    assert narrower[: len(runs[0])] == runs[0]


def test_it_ends_after_the_most_rounds_where_nothing_is_known():
    setting = Setting(2, (2,), True)
    assert len(play(Until(setting, {"width": "0.000001", "rounds": "50"}), (0.0, 0.0))) == 100


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("until", Setting(2, (2,), True), "it needs a width, e.g. until@width=0.2"),
        ("until@width=0", Setting(2, (2,), True), "width=0: expected a number above 0"),
        ("until@width=1/2/3", Setting(3, (2, 3), True), "one for each of 2 games"),
        ("field@who=4", Setting(3, (2,), True), "who=4: the pool has 3 operators"),
        ("lanes", Setting(3, (2,), True), "every game must have one seat, and these have 2"),
        ("gauntlet", Setting(3, (1,), True), "has nobody to meet there"),
        ("gauntlte", Setting(3, (2,), True), "Did you mean gauntlet"),
    ],
)
def test_a_schedule_that_does_not_fit_says_why(name, setting, said):
    with pytest.raises(InputError, match=said.replace("?", r"\?").replace(".", r"\.")):
        find(name, setting)


def test_widths_are_of_the_games_in_their_order():
    schedule = Until(Setting(2, (2, 2), True), {"width": "0.5/2"})
    assert schedule._widths == [0.5, 2.0]
    assert math.isclose(Until(Setting(2, (2, 2), True), {"width": "0.5"})._widths[1], 0.5)


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("round_robin", "round_robin: 3 line-ups of 2 from a pool of 3"),
        ("field@who=2", "schedule field@who=2: who met whom"),
    ],
)
def test_a_table_counts_line_ups_only_where_all_of_them_met(schedule, said):
    plan = resolve(PlanSpec(games=("kuhn@seats=2",), operators=("random",) * 3, schedule=schedule))
    head = describe(plan)
    assert head.pairings(head.games[0]).startswith(said)


def test_listed_line_ups_are_played_as_they_are_listed():
    schedule = find("listed@blocks=0:2.0x2+0:1.2x1", Setting(3, (2,), False))
    played = read(matches_of(schedule, schedule.matches))
    assert [(plan.block, plan.lineup) for plan in played] == [(0, (2, 0)), (0, (2, 0)), (1, (1, 2))]
    assert played[0].seed == played[1].seed != played[2].seed


def test_a_word_that_lists_nothing_is_named():
    with pytest.raises(InputError, match="'0:1'"):
        find("listed@blocks=0:1.0x2+0:1", Setting(2, (2,), False))
