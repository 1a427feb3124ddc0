"""NumberLine, EZPoints, Points24 and blackjack conform, and their numbers are the published and computed ones."""

from __future__ import annotations

import copy
import itertools
import time
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
from arena_games.ezpoints import teacher as ezpoints
from arena_games.ezpoints.rules import EzPoints
from arena_games.jigsaw.rules import JigsawGame
from arena_games.maze.rules import MazeGame
from arena_games.numberline.rules import DOWN, UP, Line, NumberLine
from arena_games.points24 import rules as points24
from arena_games.points24.rules import Formula, Points24
from arena_games.points24.teacher import lessons, solved
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


def test_a_number_that_no_card_has_left_is_passed_over_at_the_end():
    """As published: there a blank is written for it."""
    rewards, it = written(["Kh", "4s", "5d", "Ac"], "( 9 10 - 4 ) 7 * ( 5 - 1 ) =")
    assert rewards == [0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 10]
    assert it.shown == "( _ 10 - 4 ) _ * ( 5 - 1 )"
    assert written(["Kh", "4s", "5d", "Ac"], "10 9 5 - 1 + 4 =")[0][-1] == -1  # two numbers in a row are no number


def test_advice_goes_on_after_a_number_that_no_card_has_left():
    _, it = written(["6s", "6h", "6d", "6c"], "( 9 6 + 6 ) 7")
    while not it.over:
        reward, _ = it.act(it.names.index(solved(it.facts())))
    assert reward == 10
    _, it = written(["6s", "6h", "6d", "6c"], " ".join(["9"] * 12))
    assert solved(it.facts()) == "6"
    _, it = written(["6s", "6h", "6d", "6c"], " ".join(["9"] * 13))  # of seven symbols and = six fit
    assert solved(it.facts()) == "="


def best(it):
    """The best that can still be got: nothing that is written pays before the end."""
    return 10.0 if solved(it.facts()) != "=" or it.right else -1.0


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("target", [24, 12])
def test_a_fault_costs_as_much_as_any_other_action(masked, target):
    game, cards = (Points24(1), ["6s", "6h", "6d", "6c"]) if target == 24 else (EzPoints(1), ["7s", "5h"])
    names, length = game.spec.actions.names, game.spec.horizon
    chance = generator(seed(target))
    for _ in range(30):
        it = Formula(cards, target, names, length, masked=masked)
        while not it.over:
            worths = {}
            for action in it.legal():
                then = copy.deepcopy(it)
                reward, _ = then.act(action)
                worths[action] = reward + (0 if then.over else best(then))
            assert worths[it.worst()] == min(worths.values()), it.shown
            advised = names.index(solved(it.facts()))
            it.act(advised if chance.random() < 0.7 else int(chance.choice(it.legal())))


def test_who_always_fails_gets_less_than_a_wrong_formula():
    for cards in (["6s", "6h", "6d", "6c"], ["As", "Ah", "Ad", "Ac"]):
        it, total = Formula(cards, 24, Points24.spec.actions.names, 20), 0.0
        while not it.over:
            total += it.act(it.worst())[0]
        assert total <= -19


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
    assert advice([4, 5, 6, 10], 24, found[3][:2]) != "="
    assert advice([4, 5, 6, 10], 24, [")"]) == "="


def written_in_full(numbers, brackets):
    """Every formula over the numbers in this order with exactly so many pairs of brackets, needed or not."""
    for cut, inside in itertools.product(range(1, len(numbers) + 1), range(brackets + 1)):
        if cut == 1 and not inside:
            firsts = [numbers[:1]]
        else:
            firsts = [("(", *one, ")") for one in written_in_full(numbers[:cut], inside - 1)] if inside else []
        if cut == len(numbers):
            yield from firsts if inside == brackets else ()
            continue
        rests = list(written_in_full(numbers[cut:], brackets - inside))
        for first, sign, rest in itertools.product(firsts, points24.SIGNS, rests):
            yield (*first, sign, *rest)


def advice(cards, target, tokens, room=20):
    """What the solver says after these symbols, where `room` of them fit, the `=` among them."""
    facts = {
        "numbers": ", ".join(map(str, cards)),
        "target": str(target),
        "formula": " ".join(tokens) or "empty",
        "symbols_left": str(room - len(tokens)),
    }
    return solved(facts)


def test_a_formula_with_needless_brackets_goes_on():
    assert advice([6, 6, 6, 6], 24, ["("]) == "6"
    assert advice([4, 6, 1, 1], 24, ["(", "4", "*", "6"]) == "+"  # + 1 - 1 )
    assert advice([4, 6, 1, 1], 24, ["(", "4", "*", "6", ")"]) == "+"
    assert advice([6, 6, 6, 6], 24, [*"(6)+((6+6))+6"]) == "="


@pytest.mark.parametrize(("numbers", "target"), [((2, 3, 4), 24), ((2, 2, 2), 2), ((3, 6, 8), 4)])
def test_advice_is_an_ending_exactly_where_brute_force_finds_one_and_the_shortest(numbers, target):
    """All prefixes of all formulas over three numbers with up to three pairs of brackets: some 10,000 each."""
    most = 2 * len(numbers) - 1 + 2 * 3  # symbols of the longest
    begun, least = set(), {}
    for order, brackets in itertools.product(set(itertools.permutations(map(str, numbers))), range(4)):
        for tokens in written_in_full(order, brackets):
            right = formula.value(tokens) == target
            for length in range(len(tokens) + 1):
                begun.add(tokens[:length])
                if right:
                    least[tokens[:length]] = min(least.get(tokens[:length], most), len(tokens))
    own = formula.solutions(tuple(sorted(numbers)), target, points24.SIGNS)
    for tokens in begun:
        said = advice(numbers, target, tokens, most + 1)
        if tokens not in least:
            assert said == "=", tokens
        elif said == "=":
            assert formula.value(tokens) == target, tokens
        elif not any(one[: len(tokens)] == tokens for one in own):
            assert least[(*tokens, said)] == least[tokens], tokens


@pytest.mark.parametrize("number", range(40))
def test_whoever_has_begun_a_right_formula_is_led_to_its_end(number):
    """Any prefix of a right formula over four cards with needless brackets, as long as the formula may be."""
    chance, game = generator(seed(number)), Points24(1, {"solvable": "only"})
    made = game.deal(chance)
    own = formula.solutions(tuple(sorted(made.numbers)), 24, points24.SIGNS)
    tokens = list(own[int(chance.integers(len(own)))])
    for _ in range(int(chance.integers(1, 5))):
        spans = list(itertools.combinations(range(len(tokens) + 1), 2))
        for at in chance.permutation(len(spans)):
            start, end = spans[at]
            longer = [*tokens[:start], "(", *tokens[start:end], ")", *tokens[end:]]
            if len(longer) < made.length and formula.value(longer) == 24:
                tokens = longer
                break
    for length in range(len(tokens) + 1):
        it = Formula(made.cards, 24, made.names, made.length)
        for symbol in tokens[:length]:
            it.act(it.names.index(symbol))
        while not it.over:
            reward, _ = it.act(it.names.index(solved(it.facts())))
        assert reward == 10, (tokens[:length], it.shown)


@pytest.mark.parametrize(
    ("cards", "tokens"),
    [
        ([6, 6, 6, 6], "( )"),
        ([6, 6, 6, 6], "( 6 ("),
        ([6, 6, 6, 6], "6 6"),
        ([6, 6, 6, 6], "( -"),
        ([6, 6, 6, 6], "6 )"),
        ([3, 3, 8, 8], "( 8 / ( 3 - 3 )"),  # a division by 0
        ([3, 3, 8, 8], "( 8 + 8"),
        ([6, 6, 6, 6], "( ( ( ( ( ( ("),  # seven brackets and four numbers take 21 symbols
        ([1, 1, 1, 1], "("),
    ],
)
def test_what_nothing_leads_out_of_is_ended(cards, tokens):
    assert advice(cards, 24, tokens.split()) == "="


def test_a_plan_in_a_lesson_is_the_rest_of_a_right_formula():
    chance, plans = np.random.default_rng(5), 0
    for lesson in itertools.chain.from_iterable(lessons(chance) for _ in range(40)):
        facts, plan = lesson.observation.facts, lesson.thought.rpartition(". ")[2]
        if ", then" in plan:
            symbols = plan.removeprefix("Next is ").removesuffix(" =.").replace(", then", "").split(" ")
            begun = [one for one in facts["formula"].split(" ") if one not in ("empty", points24.GAP)]
            assert symbols[0] == lesson.answer
            assert formula.value([*begun, *symbols]) == 24
            plans += 1
        else:
            assert plan == ("I end it." if lesson.answer == "=" else f"Next is {lesson.answer}.")
    assert plans > 60


def test_as_many_brackets_as_fit_are_closed():
    assert advice([6, 6, 6, 6], 24, ["("] * 6) == "6"


def test_advice_comes_at_once():
    """A corrector asks at every step."""
    deals, spent, states = 8, 0.0, 0
    for number in range(deals):
        chance = generator(seed(1000 + number))
        made = Points24(1, {"solvable": "only"}).deal(chance)
        hand = list(map(str, chance.permutation(made.numbers)))
        for tokens in (["("], ["(", "("], ["(", hand[0]], ["(", hand[0], ")"], ["(", hand[0], "-", hand[1], ")"]):
            formula.solutions(tuple(sorted(made.numbers)), 24, points24.SIGNS)  # known by then
            began = time.process_time()
            advice(made.numbers, 24, tokens)
            spent, states = spent + time.process_time() - began, states + 1
    assert spent / states < 0.2  # seconds; the bound is for slow machines


@pytest.mark.parametrize("first", ["7", "5"])
def test_in_ezpoints_advice_goes_on_from_either_card(first):
    game = EzPoints(1)
    it = Formula(["7s", "5h"], 12, game.spec.actions.names, 5)
    it.act(it.names.index(first))
    while not it.over:
        reward, _ = it.act(it.names.index(ezpoints.solved(it.facts())))
    assert reward == 10
    for tokens, said in (("7 *", "="), ("7 + 5", "="), ("7", "+"), ("+", "=")):
        it = Formula(["7s", "5h"], 12, game.spec.actions.names, 5)
        for symbol in tokens.split():
            it.act(it.names.index(symbol))
        assert ezpoints.solved(it.facts()) == said


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


def test_a_seat_that_is_done_is_out_while_the_others_go_on():
    game = NumberLine(2)
    game.reset(seed(3))
    assert game.seats_out() == ()
    one = game._puzzles[0]
    while game.seats_out() == ():
        worst = one.worst()
        result = game.step({0: Move(1 - worst), 1: Move(worst)})
    assert game.seats_out() == (0,)
    assert result.due == (1,)


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
