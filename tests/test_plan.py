"""Seeds and schedules: one deal for every permutation of a block, a key of its own for everything else."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from arena.lineup import build_plan
from arena.plan import MatchPlan, Plan
from arena.schedule import seat_orders
from tests.toys import GOOD, Lenient, Turns, matches_of, plan_of


def plan(seats: int = 3, **how: object) -> Plan:
    return plan_of(Turns, [GOOD] * seats, **{"matches": 24, **how})  # type: ignore[arg-type]


def blocks(todo: Plan) -> dict[int, list[MatchPlan]]:
    out: dict[int, list[MatchPlan]] = defaultdict(list)
    for match in matches_of(todo):
        out[match.block].append(match)
    return out


@pytest.mark.parametrize("seats", [1, 2, 3, 4])
def test_a_block_has_every_seat_permutation_once(seats: int) -> None:
    assert sorted(seat_orders(seats)) == sorted(itertools.permutations(range(seats)))


@pytest.mark.parametrize("seats", [5, 6])
def test_a_block_of_many_seats_has_every_rotation(seats: int) -> None:
    orders = seat_orders(seats)
    assert len(orders) == seats
    for seat in range(seats):
        assert sorted(order[seat] for order in orders) == list(range(seats))


@pytest.mark.parametrize("seats", [2, 3, 4])
def test_a_cut_block_begins_with_the_rotations(seats: int) -> None:
    for seat in range(seats):
        assert sorted(order[seat] for order in seat_orders(seats)[:seats]) == list(range(seats))


def test_all_matches_of_a_block_meet_the_same_deal_and_no_other_block_does() -> None:
    deals = [{match.seed for match in matches} for matches in blocks(plan()).values()]
    assert len(deals) == 4
    assert all(len(deal) == 1 for deal in deals)
    assert len(set.union(*deals)) == len(deals)


def test_a_deal_depends_on_the_seed_the_game_its_options_and_nothing_else() -> None:
    def first(todo: Plan) -> bytes:
        return matches_of(todo)[0].seed

    same = first(plan())
    assert first(plan(matches=1)) == same
    assert first(plan(deadline=1.0, retries=9, max_reasks=2, max_ticks=3)) == same
    others = [first(plan(seed=1)), first(plan(options={"rounds": 3})), first(plan_of(Lenient, [GOOD] * 3))]
    assert len({same, *others}) == 4


def test_an_operators_chance_is_its_own_in_every_match_and_seat() -> None:
    todo = plan()
    seeds = [todo.operator_seed(match, seat) for match in matches_of(todo) for seat in range(3)]
    assert len(set(seeds)) == len(seeds)
    assert plan(seed=1).operator_seed(matches_of(todo)[0], 0) not in seeds
    assert matches_of(todo)[0].seed not in seeds


def test_seeds_are_fixed_for_ever() -> None:
    """Recorded runs are re-executed by later versions, and by foreign workers: these bytes never change."""
    todo = plan()
    match = matches_of(todo)[7]
    assert (match.block, match.lineup) == (1, (1, 2, 0))
    assert match.seed.hex() == "325f547200112970e113f24825168366"
    assert todo.operator_seed(match, 1).hex() == "e50c1794144d025761f4041ebc00f087"


# --- people remember ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seats", [1, 2, 3, 4, 5])
def test_without_mirrored_deals_no_deal_comes_twice_and_the_seats_rotate(seats: int) -> None:
    todo = plan(seats, matches=24, mirror=False)
    matches = matches_of(todo)
    assert len({match.seed for match in matches}) == 24
    assert [match.block for match in matches] == list(range(24))
    for seat in range(seats):
        assert {match.lineup[seat] for match in matches[:seats]} == set(range(seats))
    assert all(match.lineup == matches[match.index % seats].lineup for match in matches)


@pytest.mark.parametrize(
    ("operators", "asked", "mirror"),
    [
        (["human:web", "random"], None, False),
        (["human:web", "random"], True, True),
        (["random", "random"], None, True),
    ],
)
def test_deals_are_mirrored_unless_a_person_sits_there(operators: list[str], asked: bool | None, mirror: bool) -> None:
    pytest.importorskip("aiohttp")
    assert build_plan("kuhn", operators, mirror=asked).mirror is mirror
