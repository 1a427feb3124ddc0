"""Schedules: who meets whom, read from any place, and told the results in plan order."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import pytest

from arena.canonical import LARGEST
from arena.errors import InputError, RecordError
from arena.evaluate.rounds import Blocks, RoundRobin, combination
from arena.options import Option
from arena.plan import HEAR, Block, BlockIterator, MatchPlan, MatchResult, Schedule, Setting
from arena.schedule import PlannedMatches, seat_orders
from tests.toys import Lenient, Turns


def matches_of(
    schedule: Schedule, matches: int | None = None, part: range | None = None, done: Sequence[MatchResult] = ()
) -> PlannedMatches:
    games = [game(seats) for game, seats in zip((Turns, Lenient), schedule.setting.seats, strict=False)]
    return PlannedMatches(schedule, games, 5, matches, part=part, done=done)


def read(planned: PlannedMatches, most: int = 1000) -> list[MatchPlan]:
    out = []
    while len(out) < most and (plan := planned.peek()) is not None:
        out.append(plan)
        planned.take()
    return out


SETTINGS = [Setting(4, (2, 3), True), Setting(3, (2,), True), Setting(4, (2, 1), False), Setting(6, (2, 5), True)]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_round_has_every_combination_of_the_pool_at_every_game_in_every_seat_order(setting: Setting) -> None:
    schedule = RoundRobin(setting)
    met = Counter((plan.game, plan.lineup) for plan in read(matches_of(schedule, schedule.matches)))
    assert set(met.values()) == {1}
    for game, seats in enumerate(setting.seats):
        combinations = itertools.combinations(range(setting.operators), seats)
        orders = seat_orders(seats) if setting.mirror else seat_orders(seats)[:1]
        due = {tuple(one[slot] for slot in order) for one in combinations for order in orders}
        assert {lineup for at, lineup in met if at == game} == due


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_part_is_a_piece_of_the_whole(setting: Setting) -> None:
    whole = read(matches_of(RoundRobin(setting), 200))
    for first, last in [(0, 200), (1, 7), (33, 34), (150, 500), (200, 300)]:
        assert read(matches_of(RoundRobin(setting), 200, range(first, last))) == whole[first:last]


def test_a_plan_of_any_length_is_read_from_any_place_at_once() -> None:
    schedule = RoundRobin(Setting(40, (6, 2), True))
    planned = matches_of(schedule, LARGEST, range(LARGEST - 3, LARGEST))
    assert [plan.index for plan in read(planned)] == [LARGEST - 3, LARGEST - 2, LARGEST - 1]
    assert planned.over


def test_no_two_blocks_of_a_round_meet_the_same_deal() -> None:
    deals = [(plan.block, plan.game, plan.seed) for plan in read(matches_of(RoundRobin(SETTINGS[0]), 200))]
    assert len({seed for _, _, seed in deals}) == len(set(deals)) == len({block for block, _, _ in deals})


def test_people_meet_no_deal_twice_and_every_line_up_takes_every_seat_in_turn() -> None:
    plans = read(matches_of(RoundRobin(Setting(4, (2,), False)), 12))
    assert len({plan.seed for plan in plans}) == 12
    assert Counter(plan.lineup for plan in plans) == Counter(itertools.permutations(range(4), 2))


def test_blocks_seat_everybody_and_refuse_a_larger_pool() -> None:
    schedule = Blocks(Setting(3, (3, 3), True))
    assert {tuple(sorted(plan.lineup)) for plan in read(matches_of(schedule, 24))} == {(0, 1, 2)}
    with pytest.raises(InputError, match="3 operators, and a game has 2 seats"):
        Blocks(Setting(3, (3, 2), True))


@pytest.mark.parametrize(("of", "size"), [(5, 2), (5, 5), (4, 1), (7, 3)])
def test_combinations_are_numbered_in_order(of: int, size: int) -> None:
    due = list(itertools.combinations(range(of), size))
    assert [combination(of, size, rank) for rank in range(len(due))] == due


# --- schedules that hear results ------------------------------------------------------------------------------------


class Race(Schedule):
    """The first two play until one leads by `gap`; then the winner meets the third, once."""

    hears = True
    options: ClassVar = {"gap": Option("int", 3, "points", 1)}

    def blocks(self, first: int = 0) -> BlockIterator:
        lead = 0.0
        while abs(lead) < self.values["gap"]:
            yield Block(0, (0, 1))
            yield Block(0, (0, 1))
            for _ in range(2):
                for result in (yield HEAR):
                    lead += result.of(0) - result.of(1)
        yield Block(0, (0 if lead > 0 else 1, 2))


def outcome(plan: MatchPlan) -> MatchResult:
    """As the first operator were a little better; it depends on nothing but the plan."""
    chance = random.Random(plan.index)
    return MatchResult(plan, "terminated", tuple(chance.random() + 0.3 * (slot == 0) for slot in plan.lineup))


def played(planned: PlannedMatches, at_once: int, seed: int = 0) -> list[MatchPlan]:
    """All of them, so many at once, each over at a drawn moment."""
    chance, out, on = random.Random(seed), [], []
    while on or not planned.over:
        while len(on) < at_once and (plan := planned.peek()) is not None:
            planned.take()
            out.append(plan)
            on.append(plan)
        planned.hear(outcome(on.pop(chance.randrange(len(on)))))
    return out


def race(**given: object) -> Race:
    return Race(Setting(3, (2,), True), given, "race")


def test_the_same_results_lead_to_the_same_matches_whatever_is_over_first() -> None:
    one = played(matches_of(race()), 1)
    assert len(one) > 8
    assert one[-1].lineup == (2, 0)
    for at_once in (2, 3, 16):
        assert played(matches_of(race()), at_once, seed=at_once) == one


def test_it_goes_on_from_any_set_of_results() -> None:
    whole = played(matches_of(race()), 1)
    for done in range(len(whole)):
        kept = [outcome(plan) for plan in whole[:done]]
        assert played(matches_of(race(), done=kept), 3) == whole[done:]
    beyond = [outcome(whole[0]), outcome(whole[2])]  # a match before it was in flight
    assert played(matches_of(race(), done=beyond), 3) == [whole[1], *whole[3:]]


def test_a_result_of_another_match_than_the_schedule_gives_is_refused() -> None:
    whole = played(matches_of(race()), 1)
    other = whole[1].__class__(1, 0, (0, 2), whole[1].seed)
    planned = matches_of(race(), done=[outcome(whole[0]), outcome(other)])
    with pytest.raises(RecordError, match=r"match 1 as .*operators 0, 2.*schedule gives .*operators 1, 0"):
        planned.peek()


def test_a_result_after_the_end_is_refused() -> None:
    whole = played(matches_of(race()), 1)
    late = MatchPlan(len(whole), 99, (0, 1), bytes(16))
    planned = matches_of(race(), done=[*map(outcome, whole), outcome(late)])
    with pytest.raises(RecordError, match=f"match {len(whole)}, which the schedule does not give"):
        planned.peek()


def test_a_limit_ends_it_although_it_waits() -> None:
    planned = matches_of(race(), matches=3)
    assert len(read(planned)) == 3
    assert planned.over


class Odd(Race):
    """Gives one thing that cannot be."""

    given: Block | None = HEAR

    def blocks(self, first: int = 0) -> BlockIterator:
        yield self.given


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"hears": False}, "must say `hears = True`"),
        ({}, "has heard of all that it gave"),
        ({"given": Block(1, (0, 1))}, "expected one of 1 games"),
        ({"given": Block(0, (0, 0))}, "different ones"),
        ({"given": Block(0, (0, 3))}, "of 3 operators"),
        ({"given": Block(0, (0,))}, "as it has seats"),
    ],
)
def test_what_a_schedule_cannot_give_is_said(facts: dict[str, object], said: str) -> None:
    schedule = type("Odd", (Odd,), facts)(Setting(3, (2,), True), {}, "odd")
    with pytest.raises(InputError, match=said):
        matches_of(schedule).peek()
