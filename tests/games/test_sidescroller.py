"""The sidescroller conforms; its levels can be finished, follow from the seed, and are kept apart by set."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from arena.canonical import generator, key
from arena.errors import InputError
from arena.game import Move, Views
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena.train.lesson import Went
from arena_games.lanes.actions import MACRO
from arena_games.sidescroller import draw, scenery, search
from arena_games.sidescroller.lane import obstacles_of
from arena_games.sidescroller.level import FEWEST, MOST, build, can_be_finished, later_candidates, level, own_difficulty
from arena_games.sidescroller.physics import (
    HIGH,
    WIDE,
    Foe,
    Runner,
    World,
)
from arena_games.sidescroller.rules import SETS, Sidescroller, drawn
from arena_games.sidescroller.teacher import bold, lessons, visited
from arena_games.sidescroller.tiles import ABOVE, ROWS, SHIFT, TILE, UNIT, Kind, Tile, cell

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


# Levels.


@pytest.mark.parametrize("number", [7, 10_500, 20_999, *list(later_candidates())[::150]])
def test_a_level_is_its_first_candidate_that_can_be_finished(number):
    difficulty = own_difficulty(number)
    earlier = [build(number, difficulty, candidate) for candidate in range(later_candidates().get(number, 0))]
    assert not any(map(can_be_finished, earlier))
    assert can_be_finished(level(number, difficulty))
    assert level(number, difficulty).tiles == build(number, difficulty, len(earlier)).tiles


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


# What is said of it.


def at(it, column, row):
    """What a runner sees that stands in this column on this row."""
    runner = Runner(column << SHIFT, (row << SHIFT) - HIGH)
    it.runners = [runner]
    return obstacles_of(it, runner)


def test_pits_and_walls_ahead_are_as_the_tiles_say():
    seen = set()
    for number in range(20):
        it = World(build(number, 3, 0))
        for column in range(2, it.level.columns - 12):
            row = next((row for row in range(ROWS) if it.level.solid[cell(column, row)]), None)
            if row is None:
                continue
            obstacles = at(it, column, row)
            ahead = range(column + 1, column + 9)
            pits = [c - column - 1 for c in ahead if not any(it.level.solid[cell(c, r)] for r in range(row, ROWS))]
            walls = [c - column - 1 for c in ahead if it.level.solid[cell(c, row - 1)]]
            assert obstacles.pit == (pits[0] if pits else None)
            assert obstacles.wall == (walls[0] if walls else None)
            seen |= {("pit", obstacles.pit), ("wall", obstacles.wall)}
    assert len(seen) > 12


def test_the_nearest_enemy_ahead_is_named():
    it = World(build(1, 1, 0))
    runner = it.runners[0]
    it.foes = [Foe(0, Kind.SNAIL, runner.x + WIDE + far * TILE * UNIT, runner.y) for far in (5, 2, -6)]
    assert obstacles_of(it, runner).enemy == 2
    it.foes[1].flat = 1
    assert obstacles_of(it, runner).enemy == 5


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
            assert ("way is free" in thought) == (facts["pit"] == facts["enemy"] == facts["wall"] == "none")
            assert ("In the air" in thought) == (facts["ground"] == "no")
            assert ("ump" in thought) == ("jump" in lesson.answer)
    assert len(said) >= 2


@pytest.mark.parametrize("difficulty", [1, 5])
def test_the_teacher_reaches_the_flag(difficulty):
    it = World(level(2, difficulty))
    while it.runners[0].over is None:
        it.hold(search.BUTTONS[search.advise(it)], search.SKIP)
    assert it.runners[0].over == "flag"


def test_what_is_good_leads_on_to_the_flag_without_a_stop():
    """With nothing but running and jumping, wherever the teacher itself is."""
    it, both = World(level(2, 3)), 0
    while it.runners[0].over is None:
        first, good, decides = search.lesson(it)
        assert first in good
        assert set(good) <= {search.RUN, search.RUN_JUMP}
        target = it.runners[0].x + search.AHEAD
        for action in good:
            there = search.held(it, action, search.SKIP)
            assert search.way(there, target, search.SKIP, search.bold) < search.NO_WAY
        assert not (decides and len(good) > 1)
        both += len(good) == 2
        it.hold(search.BUTTONS[first], search.SKIP)
    assert it.runners[0].over == "flag"
    assert both > 10  # often it makes no difference


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


def test_what_else_a_picture_shows_is_told_in_digits():
    """The row of the runner, then the height of the ground of every column, and a star where an enemy is."""
    (first, *_) = lessons(generator(key("told")))
    row, *columns = re.findall(r"\*?\d", first.shown)
    assert len(columns) == 16
    assert row == columns[3]  # it stands there
    every = "".join(lesson.shown for lesson in lessons(generator(key("told"))))
    assert " 0" in every
    assert "*" in every


def test_a_lesson_decides_where_the_button_does_something_and_one_action_alone_leads_on():
    """Nothing does a button that is still held as the player lands."""
    every = [lesson for number in range(4) for lesson in lessons(generator(key("decides", number)))]
    deciding = [lesson for lesson in every if lesson.decides]
    assert {lesson.answer for lesson in deciding} == {"right run", "right run jump"}
    landed = [
        one for one in every if one.observation.facts["ground"] == "yes" and "jump" in one.observation.facts["last"]
    ]
    assert landed
    assert not any(lesson.decides for lesson in landed)
    assert len(deciding) < len(every) / 2


def test_the_teacher_jumps_wherever_that_is_as_good_as_to_run():
    game = Sidescroller(1, {"level": 7})
    game.reset(bytes(16))
    world = game.lane(0).world
    first, good, _ = search.lesson(world)
    assert (first, set(good)) == (search.RUN, {search.RUN, search.RUN_JUMP})
    (lesson, *_) = visited(Went({"level": 7}, 1, bytes(16), [{0: search.RUN}] * 12, (0,)))
    assert lesson.answer == "right run jump"


def test_a_lane_is_corrected_as_if_nobody_played_beside_it():
    """A lane that is over has no turn, and another one goes on."""
    chance = np.random.default_rng(3)
    game, ticks = Sidescroller(2, {"level": 7, "horizon": 60, "stuck": 4}), []
    result = game.reset(bytes(16))
    while result.ended == "none":
        ticks.append({seat: (0, int(chance.integers(5)))[seat] for seat in game.due})
        result = game.step({seat: Move(action) for seat, action in ticks[-1].items()})
    assert len(ticks[0]) == 2
    assert len(ticks[-1]) == 1
    alone = [{0: acted[1]} for acted in ticks]
    both = visited(Went(game.options, 2, bytes(16), ticks, (1,)))
    one = visited(Went(game.options, 1, bytes(16), alone, (0,)))
    told = [[(lesson.thought, lesson.answer, lesson.shown) for lesson in some] for some in (both, one)]
    assert told[0] == told[1]
    assert told[0]


def test_a_match_of_another_frame_skip_is_corrected_at_that_skip():
    """What is decided is held for as long as the match held it."""
    went = Went({"level": 13, "skip": 4}, 1, bytes(16), [{0: search.RUN}] * 22, (0,))
    told = {(str(lesson.observation.facts), lesson.answer) for lesson in visited(went)}

    def right(skip: int) -> set[tuple[str, str]]:
        game = Sidescroller(1, went.options)
        game.reset(went.seed)
        out = set()
        for acted in went.ticks:
            advice = search.lesson(game.lane(0).world, skip)
            out |= set() if advice is None else {(str(game.facts(0)), game.card().actions[bold(advice)])}
            game.step({0: Move(acted[0])})
        return out

    assert told <= right(4)
    assert not told <= right(search.SKIP)


def test_a_match_of_other_actions_is_not_corrected():
    """A search's second action is a pair of buttons there."""
    with pytest.raises(InputError, match="was played with @actions=buttons"):
        next(visited(Went({"level": 7, "actions": "buttons"}, 1, bytes(16), [{0: 1}], (0,))))


def test_64_lanes_of_as_many_levels_draw_their_scenery_once():
    lanes = [Sidescroller(1, {"level": number}) for number in range(64)]
    kept = (draw._of_column, scenery.pieces, scenery.ground)

    def look() -> list[int]:
        for lane in lanes:
            lane.step({0: Move(0)})
            lane.observe(0, Views(image=(128, 128)))
        return [one.cache_info().misses for one in kept]

    for lane in lanes:
        lane.reset(seed(0))
    assert look() == look()
