"""The race conforms; it is fair, zero-sum, and goes on whatever befalls the runners."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.canonical import generator
from arena.game import Move, Views, moves_of
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena.train.lesson import Went
from arena_games.lanes.actions import MACRO
from arena_games.lanes.thoughts import thought
from arena_games.race.rules import Race
from arena_games.race.teacher import alone, lessons, other, visited
from arena_games.race.world import AWAY, BACK, SHIELD, STUN, RaceWorld
from arena_games.sidescroller.level import build
from arena_games.sidescroller.physics import BOTTOM, HIGH, WIDE, A
from arena_games.sidescroller.search import RUN, STAY
from arena_games.sidescroller.tiles import ABOVE, ROWS, SHIFT, STRIDE, TILE, UNIT, cell

RIGHT = 0x80
HELD = st.lists(
    st.tuples(*[st.sampled_from([int(buttons) for buttons in MACRO.values()])] * 2, st.integers(1, 16)), max_size=50
)


class TestRace(GameSuite):
    cls = Race
    options = ({"horizon": 20}, {"actions": "buttons", "level": 3, "horizon": 20})
    zero_sum = True
    matches = 2
    ticks = 10
    test_golden_playthroughs_are_as_they_were = None  # test_golden.py plays those of every game


def world(number=1, difficulty=1):
    it = RaceWorld(build(number, difficulty, 0))
    it.spawned = len(it.level.enemies)
    return it


def rushed(*actions, **options):
    """A match in which both seats hold their action until it ends."""
    game = Race(2, {"level": 4, **options})
    result = game.reset(seed(0))
    rewards = np.zeros(2)
    while result.ended == "none":
        result = game.step(moves_of(dict(enumerate(actions))))
        rewards += result.rewards
    return result, rewards


# The result.


def test_who_got_further_wins_at_the_horizon():
    result, _ = rushed(STAY, RUN, horizon=30)
    assert (result.ended, result.returns) == ("truncated", (-1.0, 1.0))


def test_equal_runs_are_a_draw():
    result, _ = rushed(RUN, RUN, horizon=30)
    assert result.returns == (0.0, 0.0)


def test_the_rewards_add_up_to_the_result():
    result, rewards = rushed(RUN, STAY, horizon=30)
    assert rewards == pytest.approx(result.returns)


def test_a_lead_is_rewarded_at_once_and_never_as_much_as_the_win():
    game = Race(2, {"level": 4})
    game.reset(seed(0))
    rewards = [game.step({0: Move(RUN), 1: Move(STAY)}).rewards for _ in range(10)]
    assert all(first > 0 and first == -second for first, second in rewards[1:])
    assert sum(first for first, _ in rewards) < 0.5


@pytest.mark.parametrize("seat", [0, 1])
def test_the_first_at_the_flag_wins(seat):
    game = Race(2, {"level": 4})
    game.reset(seed(0))
    game.world.spawned = len(game.level.enemies)
    runner = game.world.runners[seat]
    runner.x, runner.y = game.level.goal - WIDE - 4 * TILE * UNIT, 0
    actions = {seat: RUN, 1 - seat: RUN}
    result = game.step(moves_of(actions))
    while result.ended == "none":
        result = game.step(moves_of(actions))
    assert result.ended == "terminated"
    assert result.returns[seat] == 1.0


def test_the_seats_may_be_swapped():
    """Whatever both do, the other way round it is the other's."""
    for number in range(4):
        chance = generator(seed(number))
        course = [tuple(int(a) for a in chance.integers(8, size=2)) for _ in range(40)]
        ends = []
        for order in (1, -1):
            game = Race(2, {"level": 10 + number})
            game.reset(seed(0))
            for actions in course:
                game.step(moves_of(dict(enumerate(actions[::order]))))
            ends.append([(runner.x, runner.y) for runner in game.world.runners][::order])
        assert ends[0] == ends[1]


# What befalls the runners.


def test_who_falls_is_away_and_comes_back_behind():
    it = world()
    it.run((100, 100), (RIGHT, 0))
    stood = it.extras[0].safe
    it.runners[0].y = BOTTOM
    it.run((1, 1), (0, 0))
    assert it.extras[0].away == AWAY
    it.run((AWAY - 1, AWAY - 1), (RIGHT, 0))
    assert it.extras[0].away == 1
    it.run((1, 1), (RIGHT, 0))
    runner = it.runners[0]
    assert it.extras[0].away == 0
    assert runner.over is None
    assert (runner.x >> SHIFT) == max(0, (stood >> SHIFT) - BACK)


def above_each_other():
    it = world()
    upper, lower = it.runners
    it.run((60, 60), (RIGHT, RIGHT))
    lower.x, lower.y, lower.vx = upper.x, upper.y, 0
    upper.y -= 30 * UNIT
    upper.vx = 0
    return it


def test_a_stomped_runner_is_stunned_and_cannot_act():
    it = above_each_other()
    frames = 0
    while not it.extras[1].stun:
        it.run((1, 1), (0, 0))
        frames += 1
        assert frames < 60
    assert it.runners[0].vy < 0  # it bounced
    assert it.extras[0].stun == 0
    at = it.extras[1].stun
    it.run((5, 5), (0, RIGHT | A))
    assert it.extras[1].stun == at - 5
    assert it.runners[1].vy >= 0


def test_a_stomped_runner_has_time_to_get_away():
    assert SHIELD > STUN
    it = above_each_other()
    it.extras[1].shield = SHIELD
    it.run((40, 40), (0, 0))
    assert it.extras[1].stun == 0


def test_runners_side_by_side_do_not_stomp_each_other():
    it = world()
    for _ in range(20):
        it.run((10, 10), (A, A))
        it.run((1, 1), (0, 0))
    assert [extra.shield for extra in it.extras] == [0, 0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 200), st.integers(1, 5), HELD)
def test_nobody_is_in_a_wall_nor_lost(number, difficulty, held):
    it = RaceWorld(build(number, difficulty, 0))
    for first, second, frames in held:
        it.run((frames, frames), (first, second))
        for runner, extra in zip(it.runners, it.extras, strict=True):
            if extra.away:
                continue
            assert runner.over is None
            for x in (runner.x, runner.x + WIDE - 1):
                for y in (runner.y, runner.y + HIGH - 1):
                    assert not it.level.solid[(x >> SHIFT << STRIDE) + (y >> SHIFT) + ABOVE]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 200), HELD)
def test_who_comes_back_stands_on_something(number, held):
    it = RaceWorld(build(number, 5, 0))
    for column in range(12, it.level.columns - 12):
        it.extras[0].safe = column << SHIFT
        it.put_back(0)
        runner = it.runners[0]
        assert runner.x >> SHIFT <= column
        assert it.level.solid[cell(runner.x >> SHIFT, runner.y + HIGH >> SHIFT)]
        assert 0 <= runner.y < ROWS * TILE * UNIT


# Views.


def test_each_seat_sees_itself_alike():
    """At equal places the pictures are equal: one policy can play both seats."""
    game = Race(2, {"level": 4})
    game.reset(seed(0))
    first, second = (game.observe(seat, Views(vector=True)).hashes() for seat in (0, 1))
    assert first == second
    game.step({0: Move(RUN), 1: Move(STAY)})
    swapped = Race(2, {"level": 4})
    swapped.reset(seed(0))
    swapped.step({0: Move(STAY), 1: Move(RUN)})
    for seat in (0, 1):
        views = Views(vector=True, image=(128, 128))
        assert game.observe(seat, views).hashes() == swapped.observe(1 - seat, views).hashes()


def test_the_other_is_told_of():
    game = Race(2, {"level": 4})
    game.reset(seed(0))
    for _ in range(12):
        game.step({0: Move(RUN), 1: Move(STAY)})
    assert "behind you" in game.observe(0, Views(text=True)).text
    assert "ahead of you" in game.observe(1, Views(text=True)).text
    game.world.runners[1].y = BOTTOM
    game.step({0: Move(STAY), 1: Move(STAY)})
    assert "out for a moment" in game.observe(0, Views(text=True)).text
    assert "You are out" in game.observe(1, Views(text=True)).text


# The teacher.


def test_the_teacher_tells_of_both_seats_and_says_what_is_true():
    told = list(lessons(generator(b"teacher".ljust(16))))
    assert {lesson.observation.facts["seat"] for lesson in told} == {"0", "1"}
    assert all(lesson.thought == thought(lesson.observation.facts, lesson.answer) for lesson in told)


def test_the_teacher_s_advice_is_that_for_a_runner_alone():
    game = Race(2, {"level": 4})
    game.reset(seed(0))
    for _ in range(10):
        game.step({0: Move(RUN), 1: Move(STAY)})
    single = alone(game.world, 0)
    assert single.runners[0].numbers() == game.world.runners[0].numbers()
    before = game.state_hash()
    single.hold(RIGHT, 60)
    assert game.state_hash() == before


@pytest.mark.parametrize(("columns", "expected"), [(2, "2"), (30, "none")])
def test_the_teacher_tells_the_column_of_the_other_runner(columns, expected):
    game = Race(2, {"level": 4})
    game.reset(seed(0))
    game.world.runners[1].x = columns * TILE * UNIT
    assert other(game, 0) == expected


def test_a_recorded_race_is_corrected_for_both_seats():
    ticks = [{0: RUN, 1: RUN}] * 12
    told = list(visited(Went({"level": 4}, 2, seed(0), ticks, (0, 1))))
    assert {lesson.observation.facts["seat"] for lesson in told} == {"0", "1"}
    of_one = list(visited(Went({"level": 4}, 2, seed(0), ticks, (1,))))
    assert {lesson.observation.facts["seat"] for lesson in of_one} == {"1"}
