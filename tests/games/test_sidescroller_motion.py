"""How the sidescroller moves: walls, jumps, enemies, pits, coins."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena_games.lanes.actions import MACRO
from arena_games.lanes.lane import Button
from arena_games.sidescroller.level import build, level
from arena_games.sidescroller.physics import (
    BOTTOM,
    FALL,
    HIGH,
    JUMPS,
    RUN,
    WIDE,
    A,
    B,
    Foe,
    World,
)
from arena_games.sidescroller.tiles import ABOVE, ROWS, SHIFT, SOLID, STRIDE, TILE, UNIT, Kind, Tile, cell

LEVELS = st.tuples(st.integers(0, 300), st.integers(1, 5))
HELD = st.lists(st.tuples(st.sampled_from([int(b) for b in MACRO.values()]), st.integers(1, 24)), max_size=60)


def world(number=1, difficulty=3):
    return World(level(number, difficulty))


@settings(max_examples=40, deadline=None)
@given(LEVELS, HELD)
def test_nobody_is_ever_in_a_wall_nor_too_fast(at, held):
    it = World(build(*at, 0))
    runner = it.runners[0]
    for buttons, frames in held:
        for _ in range(frames):
            before = runner.x
            it.hold(buttons, 1)
            assert abs(runner.x - before) <= RUN
            assert -max(lift for _, lift, _, _ in JUMPS) <= runner.vy <= FALL
            assert 0 <= runner.x <= it.level.edge - WIDE
            for x in (runner.x, runner.x + WIDE - 1):
                for y in (runner.y, runner.y + HIGH - 1):
                    assert not it.level.solid[(x >> SHIFT << STRIDE) + (y >> SHIFT) + ABOVE]


@settings(max_examples=20, deadline=None)
@given(LEVELS, HELD)
def test_a_copy_goes_on_alike_and_apart(at, held):
    one = World(build(*at, 0))
    for buttons, frames in held[: len(held) // 2]:
        one.hold(buttons, frames)
    two, before = one.copy(), one.numbers()
    for buttons, frames in held:
        two.hold(buttons, frames)
    assert one.numbers() == before
    for buttons, frames in held:
        one.hold(buttons, frames)
    assert one.numbers() == two.numbers()


def rise(frames, run=0, before=0):
    """How many pixels a jump that is held for so many frames gains."""
    it = World(build(1, 1, 0))
    it.hold(Button.RIGHT | run, before)
    start = it.runners[0].y
    best = 0
    for frame in range(60):
        it.hold((Button.RIGHT if before else 0) | run | (A if frame < frames else 0), 1)
        best = max(best, start - it.runners[0].y)
    return best // UNIT


def test_a_longer_held_jump_is_higher():
    heights = [rise(frames) for frames in (1, 8, 16, 40)]
    assert heights == sorted(set(heights))
    assert 4 * TILE < heights[-1] < 5 * TILE


def test_a_running_jump_is_higher_than_a_standing_one():
    assert rise(40, run=B, before=45) > rise(40) + TILE // 2


def test_a_held_button_jumps_once():
    it = World(build(1, 1, 0))
    it.hold(A, 200)
    assert it.runners[0].standing


def test_the_same_pressed_shortly_before_landing_jumps():
    it = World(build(1, 1, 0))
    it.hold(A, 4)
    while it.runners[0].y + it.runners[0].vy * 2 + HIGH < it.level.start[1] * UNIT or it.runners[0].vy < 0:
        it.hold(0, 1)
    it.hold(A, 5)
    assert it.runners[0].vy < 0


def test_walking_into_a_pit_kills():
    it = World(next(made for number in range(50) if pit(made := build(number, 1, 0))))
    runner = it.runners[0]
    first = pit(it.level)
    row = next(row for row in range(ROWS) if it.level.solid[cell(first - 1, row)])
    runner.x, runner.y = (first - 1 << SHIFT), (row << SHIFT) - HIGH
    it.spawned = len(it.level.enemies)
    it.hold(Button.RIGHT, 300)
    assert runner.over == "died"
    assert runner.y >= BOTTOM


def pit(it):
    """The first column without ground."""
    return next((column for column in range(it.columns) if it.tiles[cell(column, ROWS - 1)] < SOLID), 0)


def beside(kind, above):
    """A world in which an enemy stands in front of the runner, or below it."""
    it = World(build(1, 1, 0))
    it.spawned = len(it.level.enemies)
    runner = it.runners[0]
    it.foes = [Foe(0, kind, runner.x + (0 if above else 20 * UNIT), runner.y)]
    if above:
        runner.y -= 40 * UNIT
    return it


@pytest.mark.parametrize("kind", list(Kind))
def test_an_enemy_kills_from_the_side(kind):
    it = beside(kind, above=False)
    it.hold(Button.RIGHT, 60)
    assert it.runners[0].over == "died"


@pytest.mark.parametrize("kind", [Kind.BEETLE, Kind.SNAIL])
def test_an_enemy_is_stomped_from_above(kind):
    it = beside(kind, above=True)
    it.hold(0, 20)
    assert it.foes[0].flat
    assert it.runners[0].over is None
    assert it.runners[0].score > 0


def test_an_urchin_cannot_be_stomped():
    it = beside(Kind.URCHIN, above=True)
    it.hold(0, 30)
    assert it.runners[0].over == "died"


def test_snails_turn_at_edges_and_beetles_fall():
    it = next(made for number in range(50) if pit(made := build(number, 1, 0)))
    first = pit(it)
    ground = next(row for row in range(ROWS) if it.solid[cell(first - 1, row)])
    ends = {}
    for kind in (Kind.SNAIL, Kind.BEETLE):
        foe = Foe(0, kind, (first - 2 << SHIFT), ground * TILE * UNIT - 14 * UNIT)
        foe.vx = abs(foe.vx)
        for frame in range(400):
            foe.move(frame, it.solid, it.edge)
            if foe.y >= BOTTOM:
                break
        ends[kind] = foe.y >= BOTTOM
    assert ends == {Kind.SNAIL: False, Kind.BEETLE: True}


def test_a_coin_is_taken_once():
    it = world()
    at = next(at for at in it.level.prizes if it.level.tiles[at] == Tile.COIN)
    it.take(it.runners[0], at)
    it.take(it.runners[0], at)
    assert it.runners[0].coins == 1
