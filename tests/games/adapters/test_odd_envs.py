"""Environments that bend their library's rules are played right, or refused in words that say what is wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gymnasium")
pytest.importorskip("pettingzoo")

from arena import plugins
from arena.canonical import generator, key
from arena.described import Question, Refusal, describe
from arena.errors import GameError
from arena.game import Game, Move, Views
from arena.log import Line, TickLine, TurnLine
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.session import LocalSession
from arena.supervisor.describe import ask
from arena_games.adapters import probe
from tests.games.adapters.odd_envs import HERE


def lines_of(game: Game, number: int) -> list[Line]:
    """One match by random legal actions."""
    views = Views(text=True, vector=game.spec.vector_shape is not None)
    plan = MatchPlan(number, 0, tuple(range(game.seats)), key("odd", number))
    match = Match(plan, LocalSession(game, [views] * game.seats), [*map(str, range(game.seats))], Limits())
    chance = generator(key("odd actions", number))
    match.start()
    while match.outcome is None:
        for question in match.requests():
            answer = int(chance.choice(question.observation.legal))
            match.feed(question.seat, Decision(answer=answer))
        match.advance()
    return match.take_lines()


def gym(name: str) -> type[Game]:
    return plugins.game_class(f"gymnasium:{HERE}:{name}-v0")


def zoo(kind: str) -> type[Game]:
    return plugins.game_class(f"pettingzoo:{HERE}(kind={kind})" if kind else f"pettingzoo:{HERE}")


REFUSED = {
    "NothingAllowed": "the mask of lane 0 allows no action although it must act (at tick 2 of a match",
    "LongMask": "expected 3 numbers, one an action",
    "ShortMask": "expected 3 numbers, one an action",
    "NotANumber": "an observation holds NaN",
    "Grows": "an observation has the shape (4,), float32; its space is Box(",
    "OutOfRange": "an observation is 4; its space is Discrete(4)",
    "NanReward": "rewards hold nan; expected a finite number a seat (at tick 2 of a match",
    "InfReward": "rewards hold inf",
    "TwoRewards": "the reward is array([1., 1.]); expected one number",
    "NoInfo": "it gave a ndarray; expected (observation, info), as Gymnasium has it since 0.26",
    "NoSeed": "its reset takes no seed; expected reset(*, seed=None, options=None)",
    "FourValues": "it gave 4 values; expected (observation, reward, terminated, truncated, info)",
    "OtherChance": "the same seed and the same actions gave two different matches: nobody could check a result",
    "Clock": "what it gives out depends on the time of day: nobody could check a result",
    "Raises": "KeyError: 'agent_0' (odd_envs.py, line ",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_played_is_refused_in_words(name: str) -> None:
    told = describe(Question(f"gymnasium:{HERE}:{name}-v0", 2, {}))
    assert isinstance(told, Refusal)
    assert told.error == "InputError"
    assert REFUSED[name] in told.text


def test_a_second_that_passes_between_two_matches_is_not_taken_for_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    real, trace, passed = time.time, probe._trace, [0]

    def later(*given: Any, **named: Any) -> Any:
        found = trace(*given, **named)
        passed[0] += 1
        return found

    monkeypatch.setattr(time, "time", lambda: real() + passed[0])
    monkeypatch.setattr(probe, "_trace", later)
    told = describe(Question(f"gymnasium:{HERE}:Clock-v0", 2, {}))
    assert isinstance(told, Refusal)
    assert "depends on the time of day" in told.text


PLAYED = ["RewardInAnArray", "Huge", "FromOne", "Words", "Parts", "PartsWithWords", "SeedOnce", "SeedByActing"]


@pytest.mark.parametrize("name", PLAYED)
def test_what_can_be_played_is_played_again_the_same(name: str) -> None:
    cls = gym(name)
    game, again = cls(2), cls(2)
    first = [lines_of(game, number) for number in (0, 1)]
    assert [lines_of(again, number) for number in (1, 0)] == first[::-1]
    assert [lines_of(game, number) for number in (0, 1)] == first  # the same object, used again
    assert {type(line) for line in first[0]} >= {TurnLine, TickLine}


def test_a_reward_in_an_array_of_one_is_its_number() -> None:
    game = gym("RewardInAnArray")(1)
    game.reset(bytes(16))
    assert game.step({0: Move(0)}).rewards == (1.5,)


def test_numbers_that_no_float32_holds_are_its_largest() -> None:
    game = gym("Huge")(1)
    game.reset(bytes(16))
    vector = game.observe(0, Views(vector=True)).vector
    assert vector is not None
    assert np.isfinite(vector).all()
    assert vector.max() == np.finfo(np.float32).max


@pytest.mark.parametrize(
    ("name", "said", "vector"),
    [
        ("Words", "a troll, ", None),
        ("Parts", "place = [0, 0]; bag = [1, 2]; room = 3", (14,)),
        ("PartsWithWords", "room = 3; sign = 'keep out'", None),
    ],
)
def test_parts_are_named_and_texts_are_text(name: str, said: str, vector: Any) -> None:
    game = gym(name)(1)
    assert game.spec.vector_shape == vector
    game.reset(bytes(16))
    assert said in (game.observe(0, Views(text=True)).text or "")


def test_an_environment_that_repeats_only_when_it_is_new_is_new_in_every_match() -> None:
    assert gym("SeedOnce").fresh  # type: ignore[attr-defined]
    assert not gym("Huge").fresh  # type: ignore[attr-defined]


def test_a_seed_that_acts_only_by_other_actions_than_the_first_is_found() -> None:
    assert gym("SeedByActing").spec.seeded
    assert not gym("Parts").spec.seeded


def due_of(lines: Sequence[Line]) -> list[list[int]]:
    """The seats that acted, by tick."""
    turns = [line for line in lines if isinstance(line, TurnLine)]
    return [[turn.seat for turn in turns if turn.tick == tick] for tick in range(turns[-1].tick + 1)]


ALL, TWO = [0, 1, 2], [0, 1]
KINDS = {
    "": [ALL] * 6,
    "joins": [TWO] * 2 + [ALL] * 4,
    "dies": [ALL] * 3 + [[0, 2]] * 3,
    "stays listed": [ALL] * 3 + [[0, 2]] * 3,
    "mask": [ALL] * 6,
}


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_due_in_a_parallel_environment(kind: str) -> None:
    game = zoo(kind)(3)
    lines = lines_of(game, 0)
    assert due_of(lines) == KINDS[kind]
    assert lines_of(game, 0) == lines
    legal = {line.legal for line in lines if isinstance(line, TurnLine)}
    assert legal == {(0, 2) if kind == "mask" else (0, 1, 2)}


def test_who_has_not_joined_sees_nothing_and_is_not_out() -> None:
    game = zoo("joins")(3)
    game.reset(bytes(16))
    assert game.seats_out() == ()
    seen = game.observe(2, Views(text=True, vector=True))
    assert "not in the game yet" in (seen.text or "")
    assert seen.vector is not None
    assert not seen.vector.any()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("no mask", "the mask of a allows no action although it must act"),
        ("no infos", "it gave a dict; expected (observations, infos), each a dictionary by agent"),
        ("stranger", "agent 'z' is none of its possible_agents: a, b, c"),
    ],
)
def test_a_parallel_environment_that_cannot_be_played_is_refused_in_words(kind: str, said: str) -> None:
    told = describe(Question(f"pettingzoo:{HERE}(kind={kind})", 3, {}))
    assert isinstance(told, Refusal)
    assert said in told.text


def test_what_moved_out_of_pettingzoo_names_its_package() -> None:
    told = describe(Question("pettingzoo:mpe.simple_spread_v3", 3, {}))
    assert isinstance(told, Refusal)
    assert "pip install mpe2, then write pettingzoo:mpe2.simple_spread_v3" in told.text


def test_poker_for_three_can_be_had() -> None:
    """To deal anew what a player does not know ends the process there."""
    what = (
        "betting=limit,numPlayers=3,numRounds=4,blind=10 5 0,firstPlayer=3 1 1 1,numSuits=4,numRanks=13,numHoleCards=2,"
        "numBoardCards=0 3 1 1,raiseSize=10 10 20 20,maxRaises=3 4 4 4"
    )
    assert lines_of(plugins.game_class(f"openspiel:universal_poker({what})")(3), 0)


def test_an_engine_that_ends_its_process_ends_not_ours() -> None:
    """OpenSpiel crashes over these parameters."""
    with pytest.raises(GameError, match="cannot be made: its code was killed by SIGSEGV"):
        ask("openspiel:universal_poker(betting=nolimit,numPlayers=3,numRounds=4,blind=10 5 0)", 3, {}, 60.0)
