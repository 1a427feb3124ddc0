"""Games in which seats talk, as environments of other libraries."""

from __future__ import annotations

import pytest

pytest.importorskip("pettingzoo")
from pettingzoo.test import api_test, parallel_api_test

import arena
from arena.operator import Decision
from tests.talking_game import ASIDE, CLUE, TalkingGame


def test_a_seat_hears_and_says_in_gymnasium() -> None:
    env = arena.to_gymnasium(TalkingGame, 2, seat=1, opponents=lambda seen, card, chance: "it is a \x1bwarm one")
    _, info = env.reset(seed=1)
    assert info["heard"] == ((0, "it is a warm one"),)
    assert (info["free_text"], info["table_talk"]) == (0, ASIDE)
    assert "You do not know" in info["text"]
    assert env.observation_space.contains(env.reset(seed=1)[0])
    _, _, over, _, info = env.step(Decision(answer=4, say="thanks"))
    assert not over
    _, reward, over, _, info = env.step("red")
    assert over
    assert reward == info["returns"][1]


def test_a_text_that_is_too_long_is_the_fault_that_it_is_in_a_match() -> None:
    env = arena.to_gymnasium(TalkingGame, 2, seat=0)
    env.reset(seed=1)
    assert env.step("x" * (CLUE + 1))[-1]["fault"] == "unparsable"


def test_agents_talk_in_pettingzoo() -> None:
    env = arena.to_pettingzoo(TalkingGame, 3)
    env.reset(seed=1)
    assert env.infos["seat_0"]["free_text"] == CLUE
    env.step("a cold one")
    assert env.infos["seat_2"]["heard"] == ((0, "a cold one"),)
    env.step(4)
    env.step(Decision(answer=5, say="really?"))
    assert env.infos["seat_1"]["heard"] == ((2, "I doubt it"), (2, "really?"))


def test_agents_talk_in_a_parallel_environment() -> None:
    env = arena.to_pettingzoo(TalkingGame, 2, parallel=True)
    _, infos = env.reset(seed=1)
    assert infos["seat_0"]["free_text"] == CLUE
    _, _, _, _, infos = env.step({"seat_0": "green-ish", "seat_1": 0})
    assert infos["seat_1"]["heard"] == ((0, "green-ish"),)


def test_pettingzoo_takes_them_for_environments() -> None:
    api_test(arena.to_pettingzoo(TalkingGame, 2), num_cycles=20)
    parallel_api_test(arena.to_pettingzoo(TalkingGame, 3, parallel=True), num_cycles=20)


def test_games_without_talk_say_nothing_of_it() -> None:
    _, info = arena.to_gymnasium("leduc").reset(seed=1)
    assert sorted(info) == ["action_mask", "seat"]
