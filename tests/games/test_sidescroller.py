"""The sidescroller conforms; its levels can be finished, follow from the seed, and are kept apart by set."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from arena.game import Views
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from games.lanes.actions import MACRO
from games.lanes.lane import Button
from games.sidescroller import draw, search
from games.sidescroller.lane import now_of
from games.sidescroller.level import FEWEST, MOST, build, level
from games.sidescroller.physics import (
    BOTTOM,
    FALL,
    HIGH,
    JUMPS,
    RUN,
    WIDE,
    A,
    B,
    Foe,
    Runner,
    World,
)
from games.sidescroller.rules import SETS, Sidescroller, drawn
from games.sidescroller.teacher import lessons
from games.sidescroller.tiles import ABOVE, ROWS, SHIFT, SOLID, STRIDE, TILE, UNIT, Kind, Tile, cell

LEVELS = st.tuples(st.integers(0, 300), st.integers(1, 5))
HELD = st.lists(st.tuples(st.sampled_from([int(b) for b in MACRO.values()]), st.integers(1, 24)), max_size=60)


class TestSidescroller(GameSuite):
    cls = Sidescroller
    options = (
        {"horizon": 20},
        {"actions": "buttons", "set": "heldout", "difficulty": 5, "horizon": 20},
        {"level": 7, "horizon": 20},  # the seed changes nothing then, and the spec says so
    )
    matches = 2
    ticks = 10
    test_golden_playthroughs_are_as_they_were = None  # test_golden.py plays those of every game

    def games(self):
        for seats, options in zip((1, 3, 2), self.options, strict=True):
            yield Sidescroller(seats, options)


def world(number=1, difficulty=3):
    return World(level(number, difficulty))


# Levels.


@settings(max_examples=15, deadline=None)
@given(LEVELS)
def test_the_proof_leads_to_the_flag(at):
    it = level(*at)
    played = World(it)
    for action in it.proof:
        assert played.runners[0].over is None
        played.hold(search.BUTTONS[action], search.SKIP)
    assert played.runners[0].over == "flag"
    assert FEWEST <= len(it.proof) <= MOST


@settings(max_examples=15, deadline=None)
@given(LEVELS)
def test_a_level_follows_from_its_number(at):
    first, again = build(*at, 0), build(*at, 0)
    assert (first.tiles, first.enemies, first.theme) == (again.tiles, again.enemies, again.theme)


def test_levels_differ():
    assert len({build(number, 3, 0).tiles for number in range(50)}) == 50


@settings(max_examples=15, deadline=None)
@given(LEVELS)
def test_enemies_stand_on_something_and_in_nothing(at):
    it = build(*at, 0)
    for _, x, foot in it.enemies:
        column, row = x // TILE, foot // TILE
        assert it.solid[cell(column, row)]
        assert not it.solid[cell(column, row - 1)]


def test_a_harder_level_has_more_enemies_and_pits():
    def measure(difficulty):
        made = [build(number, difficulty, 0) for number in range(30)]
        return (
            sum(len(it.enemies) for it in made),
            sum(it.tiles[cell(column, ROWS - 1)] != Tile.GROUND for it in made for column in range(it.columns)),
        )

    easy, hard = measure(1), measure(5)
    assert easy[0] < hard[0]
    assert easy[1] < hard[1]


def test_a_candidate_that_nobody_can_finish_is_not_given_out(monkeypatch):
    tried = []

    def solve(made):
        tried.append(made.tiles)
        return None if len(tried) < 3 else (0,) * FEWEST

    monkeypatch.setattr(search, "solve", solve)
    given_out = level.__wrapped__(5, 2)
    assert len(set(tried)) == 3
    assert given_out.tiles == tried[-1]


def test_a_wall_too_high_is_not_solvable():
    it = level(4, 2)
    solid = bytearray(it.solid)
    for row in range(-ABOVE, ROWS):
        solid[cell(40, row)] = 1
    closed = type(it)(**{name: getattr(it, name) for name in it.__slots__} | {"solid": bytes(solid)})
    assert search.solve(closed) is None


# Sets and seeds.


def test_no_level_is_in_two_sets():
    numbers = [number for numbers in SETS.values() for number in numbers]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("name", SETS)
def test_a_set_gives_only_its_levels(name):
    options = {"set": name, "level": None, "difficulty": 0}
    numbers = {drawn(options, seed(number)).number for number in range(12)}
    assert numbers <= set(SETS[name])
    assert len(numbers) > 6


def test_a_seed_means_a_level_and_the_difficulty_follows_from_its_number():
    game = Sidescroller(1)
    seen = []
    for _ in range(2):
        game.reset(seed(3))
        seen.append(game.level)
    assert seen[0] is seen[1]
    assert seen[0].difficulty == 1 + seen[0].number % 5


def test_all_lanes_play_the_same_level_from_the_same_start():
    game = Sidescroller(3)
    game.reset(seed(1))
    first, *others = [game.observe(seat, Views(vector=True, text=True)).hashes() for seat in range(3)]
    assert others == [first, first]


# Motion.


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


# What is said of it.


def at(it, column, row):
    """The facts of a runner that stands in this column on this row."""
    runner = Runner(column << SHIFT, (row << SHIFT) - HIGH)
    it.runners = [runner]
    return now_of(it, runner)


def test_pits_and_walls_ahead_are_as_the_tiles_say():
    seen = set()
    for number in range(20):
        it = World(build(number, 3, 0))
        for column in range(2, it.level.columns - 12):
            row = next((row for row in range(ROWS) if it.level.solid[cell(column, row)]), None)
            if row is None:
                continue
            now = at(it, column, row)
            ahead = range(column + 1, column + 9)
            pits = [c - column - 1 for c in ahead if not any(it.level.solid[cell(c, r)] for r in range(row, ROWS))]
            walls = [c - column - 1 for c in ahead if it.level.solid[cell(c, row - 1)]]
            assert now.pit == (pits[0] if pits else None)
            assert now.wall == (walls[0] if walls else None)
            seen |= {("pit", now.pit), ("wall", now.wall)}
    assert len(seen) > 12


def test_the_nearest_enemy_ahead_is_named():
    it = World(build(1, 1, 0))
    runner = it.runners[0]
    it.foes = [Foe(0, Kind.SNAIL, runner.x + WIDE + far * TILE * UNIT, runner.y) for far in (5, 2, -6)]
    assert now_of(it, runner).enemy == 2
    it.foes[1].flat = 1
    assert now_of(it, runner).enemy == 5


# Lessons.


def test_thoughts_are_true():
    chance = np.random.default_rng(0)
    said = set()
    for _ in range(2):
        for lesson in itertools.islice(lessons(chance), 80):
            facts, thought = lesson.observation.facts, lesson.thought
            for what in ("pit", "enemy", "wall"):
                if found := re.search(rf"{what} ahead, (\d+) tile", thought, re.IGNORECASE):
                    assert found[1] == facts[what]
                    assert int(facts[what]) == min(
                        int(facts[w]) for w in ("pit", "enemy", "wall") if facts[w] != "none"
                    )
                    said.add(what)
            assert ("Nothing ahead" in thought) == (facts["pit"] == facts["enemy"] == facts["wall"] == "none")
            assert ("In the air" in thought) == (facts["ground"] == "no")
            assert ("ump" in thought) == ("jump" in lesson.answer)
    assert len(said) >= 2


@pytest.mark.parametrize("difficulty", [1, 5])
def test_the_teacher_reaches_the_flag(difficulty):
    it = World(level(2, difficulty))
    while it.runners[0].over is None:
        it.hold(search.BUTTONS[search.advise(it)], search.SKIP)
    assert it.runners[0].over == "flag"


# Pictures.


@settings(max_examples=15, deadline=None)
@given(LEVELS, HELD)
def test_the_grey_picture_is_what_pillow_makes_of_the_coloured_one(at, held):
    it = World(build(*at, 0))
    for buttons, frames in held:
        it.hold(buttons, frames)
    now = draw.snapshot(it)
    assert np.array_equal(draw.luma(now), Image.fromarray(draw.draw(now)).convert("L"))


def test_only_what_is_near_is_drawn():
    it = World(build(1, 1, 0))
    runner = it.runners[0]
    before = draw.draw(draw.snapshot(it))
    it.foes = [Foe(0, Kind.SNAIL, runner.x + 400 * UNIT, runner.y)]
    assert np.array_equal(draw.draw(draw.snapshot(it)), before)
    it.foes[0].x = runner.x + 40 * UNIT
    assert not np.array_equal(draw.draw(draw.snapshot(it)), before)
