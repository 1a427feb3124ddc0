"""How PettingZoo's environments are driven, probed and refused."""

from __future__ import annotations

import importlib
import random

import numpy as np
import pytest

from arena.game import Move, Views
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.session import LocalSession
from arena.testing.game_suite import GameSuite
from arena.testing.playing import played, seed
from arena_games.adapters import zoo
from tests.games.adapters import toys


def wild(monkeypatch, env):
    """A game of an environment of a third party."""
    monkeypatch.setattr(zoo, "_module", lambda name: toys.module(env))
    zoo.make.cache_clear()
    return zoo.make("wild_v0")


class TestLeaving(GameSuite):
    """Agents leave at different times, see different amounts, and draw from the global generator."""

    ticks = 6

    @pytest.fixture(autouse=True)
    def _made(self, monkeypatch):
        self.made = wild(monkeypatch, toys.Leaving)

    def game(self, seats, options):
        return self.made(seats, options)


def test_who_left_is_not_due_and_narrow_views_are_filled_up(monkeypatch):
    game = wild(monkeypatch, toys.Leaving)(3)
    assert game.reset(seed(0)).due == (0, 1, 2)
    assert game.seats_out() == ()
    assert game.step({0: Move(0), 1: Move(0), 2: Move(1)}).due == (1, 2)
    assert game.seats_out() == (0,)
    narrow = game.observe(0, Views(vector=True)).vector
    assert narrow.shape == (3,)
    assert narrow[1:].tolist() == [0, 0]


class Costly(toys.Leaving):
    """Every step costs a point, whatever is done."""

    def step(self, actions):
        given, rewards, *rest = super().step(actions)
        return given, dict.fromkeys(rewards, -1.0), *rest


def test_a_fault_does_not_save_what_playing_on_would_cost(monkeypatch):
    game = wild(monkeypatch, Costly)(3)
    plan = MatchPlan(index=0, block=0, lineup=(0, 1, 2), seed=seed(0))
    match = Match(plan, LocalSession(game, [Views()] * 3), ["a", "b", "c"], Limits())
    match.start()
    while match.outcome is None:
        for ask in match.requests():
            match.feed(ask.seat, Decision(fault="crashed") if ask.seat == 2 else Decision(answer=0))
        match.advance()
    assert match.outcome.returns == (-1.0, -2.0, -3.0)


def test_actions_reach_the_environment_by_its_own_numbers(monkeypatch):
    game = wild(monkeypatch, toys.Leaving)(3)
    game.reset(seed(0))
    assert game.step({0: Move(0), 1: Move(1), 2: Move(1)}).rewards == (1.0, 0.0, 0.0)
    assert game.driver.env.taken == [{"a": 5, "b": 6, "c": 6}]


def test_another_seed_is_another_match_although_the_environment_ignores_it(monkeypatch):
    made = wild(monkeypatch, toys.Leaving)
    assert made.spec.seeded
    assert made(3).reset(seed(0)).state_hash != made(3).reset(seed(1)).state_hash


def test_making_and_playing_leave_the_global_generators_alone(monkeypatch):
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    for _ in played(wild(monkeypatch, toys.Leaving)(3), 0, 5):
        pass
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002


@pytest.mark.parametrize(("env", "why"), [(toys.Unseeded, "two different matches"), (toys.Continuous, "one of a list")])
def test_what_cannot_be_played_fairly_is_refused(monkeypatch, env, why):
    with pytest.raises(ValueError, match=why):
        wild(monkeypatch, env)


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("ches_v6", "Did you mean chess_v6"),
        ("chess_v5", "Did you mean chess_v6"),
        ("a b", "is not a module's name"),
        ("os.path", "is not a PettingZoo environment"),
        ("hanabi_v5(players=9)", "players.*9"),
        ("hanabi_v5(players=2", "closing bracket"),
        ("chess_v6(render_mode=human)", "set by the arena"),
        ("chess_v6(colour=red)", "colour"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(what, why):
    with pytest.raises(ValueError, match=why):
        zoo.make(what)


@pytest.mark.parametrize("what", ["texas_holdem_v4(num_players=3)", "tictactoe_v3", "leduc_holdem_v4", "rps_v2"])
def test_rewards_are_those_of_pettingzoos_own_loop(what):
    made = zoo.make(what)
    for number in range(4):
        moments = list(played(made(made.spec.seats[0]), number, 500))
        name, arguments = zoo.calls.parse(what)
        env = importlib.import_module(f"pettingzoo.classic.{name}").env(**arguments)
        agents, totals = env.possible_agents, dict.fromkeys(env.possible_agents, 0.0)
        env.reset(seed=int.from_bytes(seed(number)[:4], "little") >> 1)
        chosen = [move.action for moment in moments for _, move in sorted(moment.moves.items())]
        for agent in env.agent_iter():
            _, reward, terminated, truncated, _ = env.last()
            totals[agent] += reward
            env.step(None if terminated or truncated else chosen.pop(0))
        assert tuple(totals[agent] for agent in agents) == pytest.approx(moments[-1].result.returns)
