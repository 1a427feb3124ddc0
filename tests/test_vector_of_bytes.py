"""A vector view may be bytes with a scale that spec and card state: so it travels, and who reads it gets floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import arena
from arena.errors import GameError
from arena.game import Observation, Views, floats
from arena.log import Line
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.protocol import codec
from arena.protocol import messages as m
from arena.results import check_observation
from arena.session import LocalSession
from tests.games import lane_toy
from tests.games.lane_toy import ToyLanes
from tests.hosting_kit import HostChannel, hosted
from tests.toys import Turns

LANES = f"{lane_toy.__file__}:ToyLanes"
VIEWS = [Views(vector=True)] * 2
BYTES = np.arange(256, dtype=np.uint8).reshape(2, 128)


def test_floats_are_the_bytes_divided() -> None:
    out = floats(BYTES, 255)
    assert (out.dtype, out.shape, float(out.max())) == (np.float32, (2, 128), 1.0)
    assert np.array_equal(out, BYTES.astype(np.float32) / np.float32(255))


def test_a_vector_of_floats_is_given_as_it_is() -> None:
    vector = np.ones(3, np.float32)
    assert floats(vector, None) is vector


def test_no_vector_has_no_floats() -> None:
    with pytest.raises(ValueError, match="it was not agreed"):
        floats(None, 255)


@pytest.mark.parametrize(("game", "dtype"), [(ToyLanes, np.float32), (Turns, np.uint8)])
def test_the_kind_of_a_vector_is_what_the_spec_says(game: Any, dtype: Any) -> None:
    spec = game.spec
    seen = Observation(legal=(0,), vector=np.zeros(spec.vector_shape, dtype))
    with pytest.raises(GameError, match="expected an array of"):
        check_observation(seen, spec, Views(vector=True), due=True)


def played(session: Any, pump: Any = lambda match: None) -> tuple[list[Line], list[Any]]:
    match = Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits(max_ticks=6))
    match.start()
    pump(match)
    seen = []
    while match.outcome is None:
        for request in match.requests():
            seen.append(request.observation.vector)
            match.feed(request.seat, Decision(answer=1 + request.seat))
        match.advance()
        pump(match)
    return match.take_lines(), seen


def test_a_hosted_game_of_bytes_gives_the_lines_and_bytes_of_the_same_game_here() -> None:
    here, own = played(LocalSession(ToyLanes(2), VIEWS))
    there, passed_on = played(*hosted(ToyLanes(2), LANES, VIEWS, HostChannel()))
    assert there == here
    assert all(vector.dtype == np.uint8 for vector in passed_on)
    assert all(map(np.array_equal, passed_on, own))


def test_a_pixel_travels_as_one_byte() -> None:
    game = ToyLanes(1)
    game.reset(bytes(16))
    observation = game.observe(0, Views(vector=True))
    _, _, buffer = codec.encode(m.Observed(session="s", id=1, match=0, observation=observation))
    assert len(buffer) == 84 * 84 * 4


def test_exported_environments_give_floats() -> None:
    env = arena.to_gymnasium(ToyLanes, 1)
    seen, _ = env.reset(seed=1)
    assert (seen.dtype, env.observation_space.contains(seen), 0 < seen.max() <= 1) == (np.float32, True, True)
    both = arena.to_pettingzoo(ToyLanes, 2, parallel=True)
    given, _ = both.reset(seed=1)
    assert np.array_equal(given["seat_0"]["observation"], seen)
