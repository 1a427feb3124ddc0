"""`ppo` takes the weights of another policy while it plays: of the same game, or none."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from arena.game import Views
from arena.operator import Decision, OpenSeat, Operator, Request, WorkerContext
from arena.plugins import game_class
from arena.train.policy import load_policy, save_policy
from arena_operators.ppo.kind import WEIGHTS
from arena_operators.ppo.policy import build

SEEDS = 40


def other(folder: Path, game: str = "leduc", **card: object) -> Path:
    """The shipped policy with its last layer turned round."""
    net, made = load_policy(WEIGHTS / f"{game}.safetensors")
    net.layers[-1] = tuple(-part for part in net.layers[-1])
    facts = {name: value for name, value in msgspec.structs.asdict(made).items()}
    for name in ("digest", "hidden", "convolutions", "format"):
        facts.pop(name, None)
    save_policy(folder / "policy.safetensors", net, **{**facts, **card})
    return folder


def decisions(operator: Operator, game: str = "leduc") -> list[Decision]:
    """What it does at one deal, by many seeds."""
    played = game_class(game)(2)
    (seat,) = played.reset(bytes(16)).due
    seats = [
        OpenSeat(match=i, seat=seat, operator="ppo", card=played.card(), views=Views(vector=True), seed=bytes([i]) * 16)
        for i in range(SEEDS)
    ]
    operator.open(seats)
    seen = played.observe(seat, Views(vector=True))
    return list(operator.act([Request(i, i, seat, 0, seen) for i in range(SEEDS)]))


def test_it_decides_as_the_policy_that_it_was_given(tmp_path: Path) -> None:
    operator = build(WorkerContext("", {}))
    before = decisions(operator)
    operator.update("2", str(other(tmp_path)))
    assert decisions(operator) == decisions(build(WorkerContext(str(tmp_path), {}))) != before


def test_weights_that_came_before_the_first_seat_are_taken_too(tmp_path: Path) -> None:
    operator = build(WorkerContext("", {}))
    operator.update("2", str(other(tmp_path)))
    assert decisions(operator) == decisions(build(WorkerContext(str(tmp_path), {})))


@pytest.mark.parametrize("wrong", ["missing", "damaged", "another version"])
def test_weights_that_do_not_fit_leave_the_old_ones(tmp_path: Path, wrong: str) -> None:
    operator = build(WorkerContext("", {}))
    before = decisions(operator)
    if wrong != "missing":
        other(tmp_path, **({"game_version": 99} if wrong == "another version" else {}))
    if wrong == "damaged":
        file = tmp_path / "policy.safetensors"
        file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"is missing|is damaged|was trained for"):
        operator.update("2", str(tmp_path))
    assert decisions(operator) == before


def test_a_zip_keeps_its_weights() -> None:
    from arena_operators.ppo.foreign import ForeignPolicy

    with pytest.raises(NotImplementedError, match="ForeignPolicy cannot change its weights"):
        ForeignPolicy.update(object.__new__(ForeignPolicy), "2", "x.zip")


def test_the_new_policy_is_another_one(tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    net, _ = load_policy(other(tmp_path) / "policy.safetensors")
    old, _ = load_policy(WEIGHTS / "leduc.safetensors")
    assert not np.array_equal(net.layers[-1][0], old.layers[-1][0])
