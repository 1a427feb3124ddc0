"""NumberLine, EZPoints, Points24 and blackjack conform, and their numbers are the published and computed ones."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from arena.canonical import generator
from arena.game import Move, Views
from arena.testing.game_suite import GameSuite
from arena.testing.playing import seed
from arena_games.blackjack import odds
from arena_games.blackjack.rules import HIT, STAND, Blackjack, Hand
from arena_games.ezpoints.rules import EzPoints
from arena_games.jigsaw.rules import JigsawGame
from arena_games.maze.rules import MazeGame
from arena_games.numberline.rules import DOWN, UP, Line, NumberLine
from arena_games.points24 import rules as points24
from arena_games.points24.rules import Formula, Points24
from arena_games.puzzles import formula


class TestNumberLine(GameSuite):
    cls = NumberLine
    options = ({}, {"most": 9})
    most_seats = 3


class TestEzPoints(GameSuite):
    cls = EzPoints
    options = ({}, {"mask": True})
    most_seats = 3


class TestPoints24(GameSuite):
    cls = Points24
    options = ({}, {"solvable": "only", "mask": True})
    most_seats = 3


class TestBlackjack(GameSuite):
    cls = Blackjack
    options = ({}, {"natural": True})
    most_seats = 3


def written(cards, symbols, **how):
    """The rewards of writing these symbols, and the formula."""
    it = Formula(cards, 24, Points24.spec.actions.names, 20, **how)
    return [it.act(it.names.index(symbol))[0] for symbol in symbols.split()], it


@pytest.mark.parametrize(
    ("symbols", "last"),
    [
        ("( 10 - 4 ) * 4 =", -1),  # one card is left
        ("( 10 - 4 ) * ( 5 - 1 ) =", 10),
        ("10 + 4 * 5 - 1 =", -1),  # 29
        ("10 5 - 1 + 4 =", -1),  # two numbers in a row are no number
        ("=", -1),
    ],
)
def test_a_formula_is_right_if_it_takes_every_card_and_is_worth_24(symbols, last):
    rewards, it = written(["Kh", "4s", "5d", "Ac"], symbols)
    assert it.over
    assert rewards[-1] == last


def test_a_number_that_no_card_has_left_costs_a_point_and_a_place():
    rewards, it = written(["Kh", "4s", "5d", "Ac"], "4 4")
    assert rewards == [0, -1]
    assert it.shown == "4 _"


def test_with_a_mask_only_numbers_that_are_left_are_legal():
    _, it = written(["Kh", "4s", "4d", "Ac"], "4", masked=True)
    assert [it.names[at] for at in it.legal()] == ["1", "4", "10", "+", "-", "*", "/", "(", ")", "="]


def test_a_formula_that_gets_too_long_ends():
    rewards, it = written(["Kh", "4s", "5d", "Ac"], " ".join(["("] * 20))
    assert it.over
    assert rewards == [0] * 19 + [-1]


@pytest.mark.parametrize(("last", "reward"), [("=", 10), (")", -1)])
def test_the_last_symbol_that_fits_must_end_the_formula(last, reward):
    _, it = written(["Kh", "4s", "5d", "Ac"], "( ( ( ( ( 10 - 4 ) * ( 5 - 1 ) ) ) ) )")
    assert it.facts()["symbols_left"] == "1"
    assert it.act(it.names.index(last))[0] == reward
    assert it.over


def by_force(numbers):
    """Whether some order, operators and brackets make 24, in floats: all five ways to bracket four numbers."""
    with np.errstate(all="ignore"):
        do = [np.add, np.subtract, np.multiply, np.divide]
        for a, b, c, d in set(itertools.permutations(map(float, numbers))):
            for p, q, r in itertools.product(do, repeat=3):
                made = (
                    r(q(p(a, b), c), d),
                    r(p(a, q(b, c)), d),
                    q(p(a, b), r(c, d)),
                    p(a, r(q(b, c), d)),
                    p(a, q(b, r(c, d))),
                )
                if any(abs(one - 24) < 1e-6 for one in made):
                    return True
    return False


def test_20876_of_all_28561_deals_can_be_solved_by_the_solver_and_by_brute_force():
    deals = Counter(tuple(sorted(min(10, one) for one in ranks)) for ranks in itertools.product(range(1, 14), repeat=4))
    assert sum(deals.values()) == 28_561
    assert sum(count for numbers, count in deals.items() if points24.can_be_solved(numbers)) == 20_876
    assert all(points24.can_be_solved(numbers) == by_force(numbers) for numbers in deals)


def test_every_solution_is_one_and_what_is_begun_is_ended():
    found = formula.solutions((4, 5, 6, 10), 24, points24.SIGNS)
    assert found
    assert all(formula.value(tokens) == 24 for tokens in found)
    assert points24.next_symbol([4, 5, 6, 10], 24, points24.SIGNS, found[3][:2]) is not None
    assert points24.next_symbol([4, 5, 6, 10], 24, points24.SIGNS, [")"]) is None


def test_a_fraction_on_the_way_is_exact():
    assert formula.value(["8", "/", "(", "3", "-", "8", "/", "3", ")"]) == 24
    assert formula.solvable(tuple(map(Fraction, (3, 3, 8, 8))), 24, points24.SIGNS)


@pytest.mark.parametrize("game", [EzPoints, Points24])
def test_the_baseline_solves_what_can_be_solved(game):
    from arena_games.points24.baseline import choose

    made = game(1, {"solvable": "only"} if game is Points24 else {})
    for number in range(20):
        result = made.reset(seed(number))
        while result.due:
            action = choose(made.observe(0, Views(text=True)), made.card(), generator(seed(0)))
            result = made.step({0: Move(action)})
        assert result.returns == (10.0,)


def test_the_line_pays_for_the_target_and_costs_for_every_step_that_comes_no_nearer():
    it = Line(0, 2, 5)
    assert [it.act(action)[0] for action in (DOWN, UP, DOWN, UP, UP)] == [-1, 0, -1, 0, 1]
    assert it.over


@pytest.mark.parametrize("most", [2, 5])
def test_a_target_where_one_starts_becomes_the_published_one(most):
    """Target plus one modulo the largest number: never the largest itself, and never where one starts."""
    game, pairs = NumberLine(1, {"most": most}), list(itertools.product(range(most + 1), repeat=2))
    for start, target in pairs:
        drawn = iter((start, target))
        line = game.deal(SimpleNamespace(integers=lambda end, drawn=drawn: next(drawn)))
        assert line.number == start != line.target
        assert line.target == ((start + 1) % most if start == target else target)


def test_seats_solve_the_same_problem_and_wait_for_each_other():
    game = NumberLine(2)
    game.reset(seed(3))
    one, two = game._puzzles
    assert one.facts() == two.facts()
    away = one.worst()
    result = game.step({0: Move(away), 1: Move(1 - away)})
    assert result.rewards[0] == -1
    assert result.rewards[1] >= 0


def test_the_dealers_ends_are_those_that_are_played():
    ends = Counter()
    matches = 4000
    for number in range(matches):
        hand = Hand(generator(seed(number)), False)
        hand.dealer[0] = "6s"
        hand.act(STAND)
        ends[min(22, _total(hand.dealer))] += 1
    for end, probability in odds.dealer(6, False).items():
        error = (probability * (1 - probability) / matches) ** 0.5
        assert abs(ends[end] / matches - probability) < 4 * error, end


def _total(cards):
    low = sum(min(10, points24.RANKS.index(card[0]) + 1) for card in cards)
    return low + 10 if low <= 11 and any(card[0] == "A" for card in cards) else low


def test_nobody_stands_at_11_or_hits_at_hard_17():
    assert all(odds.hit(11, False, shown) > odds.stand(11, shown) for shown in range(1, 11))
    assert all(odds.hit(17, False, shown) < odds.stand(17, shown) for shown in range(1, 11))


def test_nothing_tells_the_dealers_other_card_before_the_end():
    game = Blackjack(1)
    for number in range(5):
        game.reset(seed(number))
        shown = []
        for other in ("As", "7d"):
            game._puzzles[0].dealer[1] = other
            shown.append(game.observe(0, Views(image=(128, 128), vector=True, text=True)).hashes())
        assert shown[0] == shown[1]


def test_a_fault_costs_what_the_worse_action_costs():
    hand = Hand(generator(seed(0)), False)
    hand.player = ["Ah", "Ks"]
    assert hand.worst() == HIT
    hand.player = ["5h", "4s"]
    assert hand.worst() == STAND


@pytest.mark.parametrize("cls", [NumberLine, EzPoints, Points24, Blackjack, MazeGame, JigsawGame])
def test_the_catalogue_tells_the_vector_view_of_the_default_options(cls):
    assert cls.spec.vector_shape == cls(1).spec.vector_shape
