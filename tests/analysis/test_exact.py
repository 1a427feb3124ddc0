"""Exploitability is what the literature has, and returns without luck have the same mean with less variance."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyspiel
import pytest
from open_spiel.python import policy as tabular
from open_spiel.python.algorithms import exploitability as solver
from rich.console import Console

from arena.analysis.exact import Counts, read_exact, without_luck
from arena.analysis.kept import check_analysis, write_analysis
from arena.analysis.outcomes import read_outcomes
from arena.analysis.summary import analyse
from arena.cli.ranking import print_ranking
from arena.lineup import build_plan
from arena.play import run_plan
from arena.plugins import game_class, resolve
from arena.record.reader import Run
from arena.report.page import one_run
from arena_games.cards.exact import ExactCards, Tree
from arena_games.holdem.exact import equities
from arena_games.spiel import Hand
from scripts.eval.leagues import league


def tree_of(name: str) -> Tree:
    game = game_class(name)(2, {})
    found = resolve(game.exact)(game)
    assert isinstance(found, ExactCards)
    return found._tree


@pytest.fixture(scope="module")
def kuhn() -> Tree:
    return tree_of("kuhn")


@pytest.fixture(scope="module")
def leduc() -> Tree:
    return tree_of("leduc")


def test_uniform_play_is_as_exploitable_as_the_literature_says(kuhn: Tree, leduc: Tree) -> None:
    """NashConv 11/12 at Kuhn and 4.747222 at Leduc: OpenSpiel's tests of exploitability."""
    assert kuhn.uniform() == pytest.approx(11 / 24)
    assert leduc.uniform() == pytest.approx(4.747222222222222 / 2)


def answers(tree: Tree, chances: tabular.TabularPolicy, many: int) -> Counts:
    """Each action as often as it is likely."""
    rows = {where: chances.action_probability_array[chances.state_lookup[where]] for where in tree._legal}
    return {where: {at: round(many * row[at]) for at in tree._legal[where]} for where, row in rows.items()}


def test_the_exploitability_of_a_policy_is_that_of_openspiels_own(kuhn: Tree) -> None:
    engine, chance = pyspiel.load_game("kuhn_poker(players=2)"), np.random.default_rng(1)
    table = tabular.TabularPolicy(engine)
    table.action_probability_array[:] = chance.dirichlet((1, 1), len(table.action_probability_array))
    counts = answers(kuhn, table, 10**7)
    found = kuhn.response([counts, counts])
    assert found.value == pytest.approx(solver.exploitability(engine, table), abs=1e-6)
    assert found.held_out == pytest.approx(found.value)
    assert (found.unseen, found.states) == (0, 12)


def test_an_equilibrium_is_not_exploitable_and_has_the_games_value(kuhn: Tree) -> None:
    """The first player of Kuhn poker loses 1/18 a hand (Kuhn 1950)."""
    engine, third = pyspiel.load_game("kuhn_poker(players=2)"), 1 / 3
    table = tabular.TabularPolicy(engine)  # the equilibrium in which the first player bets no bluff: alpha is 0
    bets: dict[str, float] = dict.fromkeys(("0", "1", "2", "0pb", "0b", "1p"), 0)
    bets |= {"1pb": third, "2pb": 1, "0p": third, "2p": 1, "1b": third, "2b": 1}
    for where, chance in bets.items():
        table.action_probability_array[table.state_lookup[where]] = (1 - chance, chance)
    counts = answers(kuhn, table, 3 * 10**6)
    assert kuhn.response([counts, counts]).value == pytest.approx(0, abs=1e-6)
    assert kuhn._values[()][0] == pytest.approx(-1 / 18, abs=1e-4)


def test_unseen_states_are_counted_and_taken_as_uniform(leduc: Tree) -> None:
    found = leduc.response([{}, {}])
    assert (found.unseen, found.states) == (936, 936)
    assert found.value == pytest.approx(leduc.uniform())


@pytest.mark.parametrize(("name", "dealt"), [("kuhn", 2), ("leduc", 3)])
def test_luck_has_mean_0_over_all_deals_whoever_plays(name: str, dealt: int, kuhn: Tree, leduc: Tree) -> None:
    """An action by what the player holds: far from the reference."""
    tree = kuhn if name == "kuhn" else leduc
    engine = game_class(name)(2, {}).engine  # type: ignore[attr-defined]
    cards, total = range(engine.max_chance_outcomes()), np.zeros(2)
    deals = list(itertools.permutations(cards, dealt))
    for deal in deals:
        hand = Hand(engine, (*deal, *(card for card in cards if card not in deal)))
        while not hand.over:
            legal = hand.state.legal_actions()
            hand.apply(legal[hand.drawn[hand.player] % len(legal)])
        total += tree.luck(hand.log)
    assert total / len(deals) == pytest.approx((0, 0), abs=1e-12)


def test_an_evaluation_has_both_beside_the_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = build_plan("kuhn@seats=2", ["scripted", "random"], seed=1, matches=60)
    run_plan(plan, tmp_path / "run", concurrency=16)
    run = Run(tmp_path / "run")
    found = write_analysis(run, ("luck", "exploitability"))
    assert check_analysis(run) is None
    scripted, random = found.games[0].standings
    assert scripted.exploitability is not None
    assert random.exploitability is not None
    assert random.exploitability.exact
    assert random.exploitability.value == pytest.approx(11 / 24)
    assert scripted.exploitability.held_out <= scripted.exploitability.value
    assert scripted.exploitability.decisions > 60
    assert scripted.without_luck is not None
    assert scripted.without_luck.low < scripted.score.value < scripted.without_luck.high  # type: ignore[operator,union-attr]
    print_ranking(found, Console(width=160))
    shown = capsys.readouterr().out
    assert "0.458 (exact)" in shown
    assert "without luck" in shown
    page = one_run(run)
    assert "Luck and best responses" in page
    assert f'{scripted.without_luck.value!r}"' in page


def test_a_score_has_one_interval_in_tables_and_analysis(tmp_path: Path) -> None:
    plan = build_plan("kuhn@seats=2", ["scripted", "random"], seed=1, matches=12)
    run_plan(plan, tmp_path / "run", concurrency=4)
    (table,) = Run(tmp_path / "run").tables()
    for row, standing in zip(table.rows, write_analysis(Run(tmp_path / "run")).games[0].standings, strict=True):
        assert standing.score is not None
        assert (standing.score.low, standing.score.high) == pytest.approx((row.low, row.high))


def test_without_luck_matches_of_holdem_vary_less_and_sum_to_nothing(tmp_path: Path) -> None:
    plan = build_plan("holdem@seats=2@hands=1", ["scripted", "scripted"], seed=1, matches=100)
    run_plan(plan, tmp_path / "run", concurrency=16)
    run = Run(tmp_path / "run")
    outcomes = read_outcomes(run)
    fair = without_luck(outcomes, 0, read_exact(run, outcomes))
    assert fair is not None
    assert fair.returns.sum(1) == pytest.approx(outcomes.returns.sum(1), abs=1e-9)
    assert fair.returns.var() < outcomes.returns.var()


def test_equities_share_the_pot_and_move_as_a_fair_game() -> None:
    """Before a card comes the equity is the mean of that after it, over all cards that can come."""
    holes, board, live = [(51, 50), (0, 4), (20, 25)], (8, 12, 33, 40), (0, 2)
    before = equities(holes, board, live)
    rest = sorted(set(range(52)) - {card for hole in holes for card in hole} - set(board))
    assert before.sum() == pytest.approx(1)
    assert before[1] == 0
    assert np.mean([equities(holes, (*board, card), live) for card in rest], axis=0) == pytest.approx(before)


def test_of_a_game_that_does_not_know_its_odds_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_ranking(analyse(league((0.0, 0.5), 5), metrics=("luck",)), Console(width=160))
    assert "luck and exploitability: nothing at league" in capsys.readouterr().out
