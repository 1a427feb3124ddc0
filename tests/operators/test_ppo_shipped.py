"""The policies that ship: they load, they fit their games, and they beat `random` over mirrored deals."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("safetensors")

from arena.game import Views
from arena.plugins import game_class
from operators.ppo.kind import KIND, shipped

SCRIPTS = Path(__file__).parents[2] / "scripts/ppo"


def _script(name):
    spec = importlib.util.spec_from_file_location(f"ppo_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def evaluate():
    return _script("evaluate")


def test_these_ship():
    assert shipped() == ["holdem", "leduc", "mario", "sidescroller"]


@pytest.mark.parametrize("name", ["holdem", "leduc", "sidescroller", "mario:1-1", "mario:1-2"])
def test_it_fits_its_game(name):
    options = {key: option.default for key, option in KIND.options.items()}
    assert KIND.views(game_class(name).spec, "", KIND.settle("", options)) == Views(vector=True)


@pytest.mark.parametrize(("name", "seats"), [("leduc", 2), ("holdem", 2), ("holdem", 3)])
def test_it_beats_random_over_mirrored_deals(evaluate, name, seats):
    mean, half = evaluate.interval(evaluate.mirrored(name, "random", seats, deals=200, seed=11))
    assert mean - half > 0


def test_leduc_beats_scripted_over_two_thousand_mirrored_deals(evaluate):
    mean, half = evaluate.interval(evaluate.mirrored("leduc", "scripted", 2, deals=2000, seed=11))
    assert mean - half > 0


def test_sidescroller_gets_further_than_scripted_on_levels_it_never_saw():
    """On levels of the validation set. Over 100 held-out ones the difference is +392 pixels [+154, +630]."""
    lanes = _script("evaluate_lanes")
    far = {
        who: sum(run.distance for run in lanes.evaluate("sidescroller", who, "", 12, 11, levels="validation"))
        for who in ("ppo", "scripted", "random")
    }
    assert far["ppo"] > 1.2 * far["scripted"]
    assert far["scripted"] > 1.5 * far["random"]


def test_mirrored_opponents_that_are_equal_score_zero(evaluate):
    class Same:
        def open(self, seats):
            self.seats = seats

        def act(self, requests):
            from arena.operator import Decision

            return [Decision(answer=1) for _ in requests]

        def end(self, match, seat, outcome):
            pass

    from arena.export.opponents import Opponent

    calls = Opponent("calls", lambda observation, card, chance: 1, Views())
    assert abs(evaluate.mirrored("holdem", calls, 3, deals=20, seed=1, operator=Same())).max() < 1e-9
