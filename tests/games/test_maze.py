"""Mazes conform, and their difficulty is exactly what was asked for."""

from __future__ import annotations

import hashlib
import time

import pytest

from arena.canonical import generator
from arena.game import Move, Views
from arena.operator import OpenSeat, Request
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.maze import grid, making
from arena_games.maze.baseline import choose, way
from arena_games.maze.grid import LADDER, NAMES, Level
from arena_games.maze.rules import TEXT, MazeGame, directions
from arena_operators.scripted.kind import ScriptedOperator


class TestMaze(GameSuite):
    cls = MazeGame
    options = ({}, {"answer": "way"}, {"size": 7, "length": 9, "turns": 4, "branches": 2})
    most_seats = 2


@pytest.mark.parametrize("level", LADDER, ids=lambda level: f"size {level.size}")
def test_difficulty_is_exactly_what_was_asked_for(level):
    """Every level of the ladder over 1,000 seeds: 1 to 5 s a level."""
    for number in range(1000):
        made = making.maze(level, generator(seed(number)))
        exact(made, level)
        joined = made.distances()
        assert all(made.open(cell) == [] or cell in joined for cell in every(level.size))


# SHA-256 over the mazes of 50 generators, as they were dealt before ways were searched for.
DEALT = ("c4b7a941066ee22b", "7b30efa0402cd229", "d61194f4c2077edb", "92be89a60ff89eb6", "9a68993498dd96ee")


@pytest.mark.parametrize(("level", "dealt"), list(zip(LADDER, DEALT, strict=True)), ids=str)
def test_the_ladder_deals_the_mazes_that_it_always_dealt(level, dealt):
    digest = hashlib.sha256()
    for number in range(50):
        made = making.maze(level, generator(seed(number)))
        digest.update(repr((made.size, made.way, sorted(made.doors))).encode())
    assert digest.hexdigest()[:16] == dealt


@pytest.mark.parametrize(
    "level",
    [
        Level(30, 200, 100, 5),
        Level(30, 200, 199, 5),  # turns at every step
        Level(30, 200, 7, 5),
        Level(30, 200, 10, 200),
        Level(30, 100, 50, 5),
        Level(15, 200, 60, 5),
        Level(8, 40, 10, 3),
        Level(8, 63, 30, 0),  # fills the square
        Level(5, 24, 12, 0),
        Level(2, 3, 2, 0),
    ],
    ids=str,
)
def test_dense_levels_are_found_exactly(level):
    MazeGame(1, {"size": level.size, "length": level.length, "turns": level.turns, "branches": level.branches})
    ways = set()
    for number in range(4):
        made = making.maze(level, generator(seed(number)))
        assert made == making.maze(level, generator(seed(number)))
        exact(made, level)
        ways.add(made.way)
    assert len(ways) > 1


def exact(made, level):
    joined = made.distances()
    assert len(set(made.way)) - 1 == len(made.way) - 1 == level.length == joined[made.way[0]]
    assert all(0 <= at < level.size for cell in made.way for at in cell)
    assert grid.turns(made.way) == level.turns
    assert grid.branches(made) == level.branches
    assert len(made.open(made.way[-1])) == 1  # no branch leaves the goal
    assert len(made.doors) // 2 == len(joined) - 1  # one way between any two cells


def test_a_way_that_chance_misses_is_the_known_one_turned_about(monkeypatch):
    level = Level(10, 99, 18, 0)
    known = making.require(level)
    monkeypatch.setattr(making, "_made", lambda level, chance: None)
    made = [making.maze(level, generator(seed(number))) for number in range(20)]
    for one in made:
        exact(one, level)
    assert {one.way for one in made} > {known}
    assert len({one.way for one in made}) <= 8


def every(size):
    return [(row, column) for row in range(size) for column in range(size)]


def test_seeds_draw_different_mazes():
    assert len({making.maze(LADDER[0], generator(seed(number))).doors for number in range(50)}) > 45


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 4, "turns": 4}, r"turns at most 3 times\. Take fewer turns or a longer way"),
        ({"size": 3, "length": 9, "turns": 5}, r"too few .*\. Take a larger size, a shorter way or fewer branches"),
        (
            {"size": 3, "length": 8, "turns": 1, "branches": 0},
            r"at most 4 steps long\. Take more turns or a larger size",
        ),
        (
            {"difficulty": 2, "size": 9, "length": 14, "turns": 6, "branches": 4},
            "difficulty=2 has no effect: size, length, turns, branches say all of it",
        ),
    ],
)
def test_what_no_maze_can_be_is_said(options, said):
    with pytest.raises(ValueError, match=said):
        MazeGame(1, options)


@pytest.mark.parametrize("level", [Level(4, 15, 14, 0), Level(8, 63, 62, 0), Level(30, 200, 199, 200)], ids=str)
def test_a_level_without_a_maze_is_refused_before_a_match(level):
    began = time.process_time()
    with pytest.raises(ValueError, match=r"no maze was found\. Take a larger size, a shorter length"):
        MazeGame(1, {"size": level.size, "length": level.length, "turns": level.turns, "branches": level.branches})
    assert time.process_time() - began < 5  # 0.3 s; the bound is for slow machines
    with pytest.raises(ValueError, match="no maze was found"):
        making.maze(level, generator(seed(0)))


@pytest.mark.parametrize("difficulty", [1, 2, 3, 4, 5])
def test_who_comes_to_the_goal_has_exactly_1(difficulty):
    """Parts of the way are fractions: as floating-point numbers ten tenths are less than 1."""
    game = MazeGame(1, {"difficulty": difficulty})
    result = game.reset(seed(difficulty))
    while result.ended == "none":
        result = game.step({0: Move(choose(game.observe(0, Views(text=True)), game.card(), generator(seed(0))))})
    assert result.returns == (1.0,)


def test_the_reward_is_the_part_of_the_way_and_walls_stop():
    game = MazeGame(1, {"difficulty": 1})
    result = game.reset(seed(1))
    puzzle = game._puzzles[0]
    shut = next(at for at in range(4) if at not in puzzle.maze.open(puzzle.at))
    assert game.step({0: Move(shut)}).rewards == (0.0,)
    while True:
        result = game.step({0: Move(choose(game.observe(0, Views(text=True)), game.card(), generator(seed(0))))})
        if result.ended != "none":
            break
        assert result.rewards == (0.25,)
    assert result.returns == (1.0,)


@pytest.mark.parametrize(
    ("spell", "score"),
    [
        (lambda names: " ".join(names), 1.0),
        (lambda names: "".join(name[0].upper() for name in names), 1.0),
        (lambda names: ", ".join(names[:-1]), 0.0),
        (lambda names: " ".join([*names, names[-1]]), 0.0),
        (lambda names: "I do not know", 0.0),
    ],
)
def test_a_whole_way_is_right_or_wrong(spell, score):
    game = MazeGame(1, {"answer": "way"})
    game.reset(seed(2))
    names = [NAMES[at] for at in way(game.observe(0, Views(text=True)).facts)]
    result = game.step({0: game.parse(0, spell(names))})
    assert result.ended == "terminated"
    assert result.returns == (score,)


def scripted(game):
    """What the operator `scripted` answers in seat 0."""
    views = Views(text=True)
    operator = ScriptedOperator()
    operator.open([OpenSeat(match=0, seat=0, operator="scripted", card=game.card(), views=views, seed=bytes(16))])
    return operator.act([Request(1, 0, 0, 0, game.observe(0, views))])[0].answer


@pytest.mark.parametrize("difficulty", range(1, 6))
def test_scripted_tells_the_whole_way(difficulty):
    game = MazeGame(1, {"answer": "way", "difficulty": difficulty})
    for number in range(20):
        game.reset(seed(number))
        result = game.step({0: game.parse(0, scripted(game))})
        assert (result.ended, result.returns) == ("terminated", (1.0,))


def test_the_longest_way_that_can_be_asked_for_fits_in_an_answer():
    assert len(" ".join(["right"] * int(MazeGame.spec.options["length"].high))) <= TEXT


@pytest.mark.parametrize(
    "said",
    [
        "up, Right D l",
        "URDL",
        "up -> right -> down -> left",
        "up; right;down ;left",
        "up\nright\r\ndown\tleft",
        "- up\n- right\n- down\n- left",
        "up-right-down-left",
        "`U R D L`.",
        " Up, right, down, left.\n",
    ],
)
def test_words_and_letters_are_directions(said):
    assert directions(said) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "said",
    [
        "north",
        "down 5 left 5 left 5 left 5",
        "R2D",
        "right x2",
        "1. right 2. down",
        "\u2192\u2192\u2193",  # arrows
        "right \u2192 down",  # which might be a step, or none
        "\uff32\uff32\uff24",  # full-width R, R and D
        "right, right; down!",
        "right. down.",
        "right > down",
        "(right down)",
        "\u0663",
    ],
)
def test_what_is_no_direction_is_not_passed_over(said):
    assert -1 in directions(said)


def test_a_way_with_numbers_between_its_directions_is_not_right():
    game = MazeGame(1, {"answer": "way"})
    game.reset(seed(2))
    names = [NAMES[at] for at in way(game.observe(0, Views(text=True)).facts)]
    result = game.step({0: game.parse(0, " ".join(f"{name} 5" for name in names))})
    assert result.returns == (0.0,)
