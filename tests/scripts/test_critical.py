"""Critical turns: who jumps whatever comes is right where to jump is needed, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.errors import InputError
from arena.lineup import build_plan
from arena.play import run_plan
from scripts.train.critical import report

JUMPER = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind

KIND = OperatorKind(name="jumper", summary="", target=f"{__file__}:build", views=lambda *given: Views())


class Jumper(Operator):
    def act(self, requests):
        for request in requests:
            yield request, Decision(answer=4 if request.tick % 12 else 2)


def build(context):
    return Jumper()
"""


def test_who_always_jumps_is_right_where_it_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "jumper.py"
    file.write_text(JUMPER)
    run_plan(build_plan("sidescroller@horizon=120", [f"{file}:KIND"], seed=1, matches=12), tmp_path / "run")
    found = report([tmp_path / "run"])
    critical = found["critical"]
    assert critical["rising, jump"]["right"] == critical["ground, jump"]["right"] == 1
    assert critical["rising, run"]["right"] < 0.5  # it lets go at every twelfth turn, so as to jump again
    assert set(found["last wrong before a death"]) == {"rising, run"}
    assert sum(found["last wrong before a death"].values()) == sum(found["turns before"].values())


@pytest.mark.parametrize(("game", "seats"), [("sidescroller@horizon=4", 2), ("kuhn", 2)])
def test_other_matches_are_refused(tmp_path: Path, game: str, seats: int) -> None:
    run_plan(build_plan(game, ["random"] * seats, seed=1, matches=1), tmp_path / "run")
    with pytest.raises(InputError, match="expected the sidescroller with one"):
        report([tmp_path / "run"])
