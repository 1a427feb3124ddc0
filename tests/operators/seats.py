"""Seats and requests of the toy game for operators' tests."""

from __future__ import annotations

import numpy as np

from arena.canonical import key
from arena.game import Move, Views
from arena.operator import OpenSeat, Outcome, Request, WorkerContext, decisions
from arena_operators.ppo.kind import KIND
from arena_operators.ppo.policy import build
from tests.train.toy import Toy

PLAIN = {name: option.default for name, option in KIND.options.items()}
TRUSTED = {**PLAIN, "trust": True}
SEEN = Toy.spec.vector_shape


def operator(what, **options):
    return build(WorkerContext(what=str(what), options={**TRUSTED, **options}))


def turns(count, views=None):
    """Seats and requests of `count` matches, each at its first turn, with many different observations."""
    seats, requests = [], []
    for number in range(count):
        game = Toy(2)
        result = game.reset(key("deal", number))
        if number % 2:
            result = game.step({0: Move(0)})
            result = game.step({1: Move(1)})
        seat = result.due[0]
        views = views or Views(vector=True)
        seen = game.observe(seat, views)
        seats.append(
            OpenSeat(match=number, seat=seat, operator="x", card=game.card(), views=views, seed=key("seat", number))
        )
        requests.append(Request(id=number, match=number, seat=seat, tick=number % 2 * 2, observation=seen))
    return seats, requests


def answers(operator, seats, groups):
    operator.open(seats)
    found = {}
    for group in groups:
        for request, decision in zip(group, decisions(group, operator.act(group)), strict=True):
            found[request.id] = decision.answer
    for seat in seats:
        operator.end(seat.match, seat.seat, Outcome(status="terminated"))
    return found


def groupings(requests):
    chance = np.random.default_rng(1)
    shuffled = [requests[i] for i in chance.permutation(len(requests))]
    yield [requests]
    yield [[one] for one in shuffled]
    yield [shuffled[start : start + 7] for start in range(0, len(shuffled), 7)]
