"""A vector that is exact in bytes travels so between processes; nobody who plays, logs or checks can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from arena.errors import ProtocolError
from arena.game import Observation, Scaled, Views
from arena.host_games import GameHost
from arena.log import Line, TurnLine
from arena.match import Match
from arena.operator import Decision
from arena.plan import Limits, MatchPlan
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.version import MINOR
from arena.session import LocalSession, TimeStep
from tests.games import lane_toy
from tests.games.lane_toy import ToyLanes
from tests.hosting_kit import HostChannel, hosted
from tests.protocol.samples import REQUEST

STEPS = np.arange(256, dtype=np.uint8).reshape(2, 128)
SEEN = Observation(legal=(0,), scaled=Scaled(STEPS, 255))
FLOATS = Observation(legal=(0,), vector=STEPS.astype(np.float32) / np.float32(255))
LANES = f"{lane_toy.__file__}:ToyLanes"
VIEWS = [Views(vector=True)] * 2


def sent(seen: Observation, minor: int) -> tuple[Observation, int]:
    """What an operator of that minor is shown, and the bytes that it took."""
    message, buffers = codec.act([msgspec.structs.replace(REQUEST, observation=seen)], minor)
    decoded, frames = codec.decode_to_worker([bytes(frame) for frame in codec.encode(message, buffers)])
    assert isinstance(decoded, m.Act)
    (request,) = codec.requests_of(decoded, frames)
    return request.observation, sum(map(len, buffers))


@pytest.mark.parametrize(("minor", "size"), [(MINOR, 256), (1, 1024), (0, 1024)])
def test_an_operator_is_shown_the_same_floats_however_they_came(minor: int, size: int) -> None:
    given, took = sent(SEEN, minor)
    assert given.vector is not None
    assert (given.vector.dtype, took) == (np.float32, size)
    assert given.hashes() == FLOATS.hashes()
    assert np.array_equal(given.vector, FLOATS.vector)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="read-only"):
        given.vector[0] = 1


def test_another_vector_may_be_put_in_the_place_of_what_came() -> None:
    given, _ = sent(SEEN, MINOR)
    other = np.ones(3, np.float32)
    assert msgspec.structs.replace(given, vector=other).vector is other
    assert msgspec.structs.replace(given, scaled=None).vector is None


def test_it_has_the_hash_of_its_floats() -> None:
    assert SEEN.hashes() == FLOATS.hashes()


@pytest.mark.parametrize(
    ("dtype", "shape", "scale"),
    [("|u1", (8,), None), ("|u1", (8,), 0), ("|u1", (8,), -1), ("|u1", (8,), 256), ("<f4", (2,), 255)],
)
def test_bytes_need_a_scale_and_floats_have_none(dtype: Any, shape: tuple[int, ...], scale: int | None) -> None:
    wire = m.WireObservation(vector=m.ArrayRef(0, dtype, shape), scale=scale)
    with pytest.raises(ProtocolError, match="bytes need one of 1 to 255, floats none"):
        codec.unpack_observation(wire, [bytes(8)])
    with pytest.raises(ProtocolError, match="floats none"):
        codec.unpack_observation(m.WireObservation(scale=255), [])


@pytest.mark.parametrize(("minor", "dtype"), [(MINOR, "|u1"), (1, "<f4")])
def test_a_host_sends_bytes_to_an_arena_that_knows_them(minor: int, dtype: str) -> None:
    said: list[Any] = []
    host = GameHost(lambda message, buffers=(): said.append(message))
    host.receive(m.Welcome(session="s", minor=minor), ())
    host.receive(m.OpenGame(id=1, match=0, game=LANES, seats=2, options={}, views=VIEWS, seed=bytes(16)), ())
    host.work()
    assert [view.observation.vector.dtype for view in said[-1].seats] == [dtype] * 2


def played(session: LocalSession | Any, pump: Any = lambda match: None) -> tuple[list[Line], list[Observation]]:
    match = Match(MatchPlan(0, 0, (0, 1), bytes(16)), session, ["a", "b"], Limits(max_ticks=6))
    match.start()
    pump(match)
    seen = []
    while match.outcome is None:
        for ask in match.asks():
            seen.append(ask.observation)
            match.feed(ask.seat, Decision(answer=1 + ask.seat))
        match.advance()
        pump(match)
    return match.take_lines(), seen


def test_a_hosted_game_of_bytes_gives_the_lines_of_the_same_game_here() -> None:
    here, floats = played(LocalSession(ToyLanes(2), VIEWS))
    session, pump = hosted(ToyLanes(2), LANES, VIEWS, HostChannel())
    session._wait = None  # as in play, where what is shown is only passed on
    there, passed_on = played(session, pump)
    assert there == here
    assert all(line.observation_hash for line in there if isinstance(line, TurnLine))
    assert all(seen.scaled is not None and seen.vector is None for seen in passed_on)
    assert [seen.hashes() for seen in passed_on] == [seen.hashes() for seen in floats]


def test_who_looks_at_a_hosted_match_is_given_floats() -> None:
    session, pump = hosted(ToyLanes(2), LANES, VIEWS, HostChannel())
    _, seen = played(session, pump)
    assert all(one.vector is not None and one.vector.dtype == np.float32 for one in seen)


def test_a_game_is_asked_for_bytes_only_where_a_vector_was_agreed_and_is_sent_on() -> None:
    asked = []

    class Counting(ToyLanes):
        def scaled(self, seat: int) -> Scaled:
            asked.append(seat)
            return super().scaled(seat)

        def observe(self, seat: int, views: Views) -> Observation:
            assert not views.vector
            return super().observe(seat, views)

    views: Sequence[Views] = [Views(text=True), Views(vector=True)]
    time_step: TimeStep = LocalSession(Counting(2), views, scaled=True).begin(bytes(16))
    shown: Mapping[int, Observation] = time_step.observations
    assert asked == [1]
    assert [(shown[seat].text is None, shown[seat].scaled is None) for seat in (0, 1)] == [(False, True), (True, False)]
