"""Mazes conform, and their difficulty is exactly what was asked for."""

from __future__ import annotations

import pytest

from arena.canonical import generator
from arena.game import Move, Views
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.maze import grid
from arena_games.maze.baseline import choose, way
from arena_games.maze.grid import LADDER, NAMES, Level
from arena_games.maze.rules import MazeGame, directions


class TestMaze(GameSuite):
    cls = MazeGame
    options = ({}, {"answer": "way"}, {"size": 7, "length": 9, "turns": 4, "branches": 2})
    most_seats = 2


@pytest.mark.parametrize("level", LADDER, ids=lambda level: f"size {level.size}")
def test_difficulty_is_exactly_what_was_asked_for(level):
    for number in range(200):  # 1,000 seeds over the ladder
        made = grid.maze(level, generator(seed(number)))
        assert len(made.way) - 1 == level.length == made.distances()[made.way[0]]
        assert grid.turns(made.way) == level.turns
        assert grid.branches(made) == level.branches
        assert len(made.doors) // 2 == len(made.distances()) - 1  # one way between any two cells
        assert all(made.open(cell) == [] or cell in made.distances() for cell in every(level.size))


def every(size):
    return [(row, column) for row in range(size) for column in range(size)]


def test_seeds_draw_different_mazes():
    assert len({grid.maze(LADDER[0], generator(seed(number))).doors for number in range(50)}) > 45


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 4, "turns": 4}, "turns at most 3 times"),
        ({"size": 3, "length": 9, "turns": 2}, "too few"),
    ],
)
def test_what_no_maze_can_be_is_said(options, said):
    with pytest.raises(ValueError, match=said):
        MazeGame(1, options)


def test_a_maze_that_is_not_found_is_said():
    with pytest.raises(ValueError, match="no maze was found"):
        grid.maze(Level(3, 8, 1, 0), generator(seed(0)))


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


def test_words_and_letters_are_directions():
    assert directions("up, Right D l") == [0, 1, 2, 3]
    assert directions("UURRD") == [0, 0, 1, 1, 2]
    assert -1 in directions("north")
