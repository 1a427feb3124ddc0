"""What is known of the games of `mario` without their packages: names, specs, cards, options, errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from arena import plugins
from arena.errors import InputError
from arena.game import GameFamily
from arena.lineup import build_plan
from arena_games.lanes.actions import KEYS
from arena_games.mario import stages


@pytest.mark.parametrize(
    ("game", "count"),
    [("smb1", 32), ("lost", 52), ("smb2", 20), ("smb3", 4)],
)
def test_every_registered_stage_has_a_name(game: str, count: int) -> None:
    named = [stage for stage in stages.registered() if stages.game_of(stage) == game]
    assert len(named) == count == len(stages.chosen(game))
    for stage in named:
        assert plugins.game_class(f"mario:{stage}").spec.id == f"mario:{stage}"


def test_mario_alone_is_its_first_stage() -> None:
    assert plugins.game_class("mario") is plugins.game_class("mario:1-1")


def test_names_may_be_written_in_any_letter_case() -> None:
    assert plugins.game_class("mario:LOST-d-4").spec.id == "mario:lost-D-4"


def test_a_set_of_stages_is_seeded_and_one_stage_is_not() -> None:
    assert not plugins.game_class("mario:1-1").spec.seeded
    assert plugins.game_class("mario:1-1+1-2").spec.seeded
    assert plugins.game_class("mario:smb3").spec.seeded
    assert plugins.game_class("mario:1-1")(1, {"noops": 30}).spec.seeded


def test_a_class_and_its_card_need_no_emulator() -> None:
    code = (
        "import sys; from arena.plugins import game_class; game_class('mario:smb3-1-1')(4, {'horizon': 9}).card(); "
        "print([name for name in ('gym_super_mario_bros', 'nes_py', 'gymnasium') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_options_change_the_spec() -> None:
    game = plugins.game_class("mario:2-1")(2, {"actions": "buttons", "horizon": 50})
    assert game.spec.horizon == 50
    assert set(KEYS) < set(game.spec.actions.names)
    assert "Each decision holds its buttons for 15 frames" in game.card().rules


def test_it_is_hosted_in_its_runtime() -> None:
    plan = build_plan("mario:1-1@skip=4", ["random", "scripted"])
    assert plan.runtimes == ["mario"]
    assert plan.games[0].facts.options["skip"] == 4


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mario:9-1", "there is no stage '9-1'"),
        ("mario:lost-E-1", "Did you mean lost-"),
        ("mario:1-1+1-1", "stage 1-1 is named twice"),
        ("mario:1-1+", "there is no stage ''"),
        ("mario:smb3-1-3", "smb3-1-1, 1-2, 1-4 and 1-6"),
    ],
)
def test_a_wrong_stage_is_told_what_there_is(name: str, said: str) -> None:
    with pytest.raises(InputError, match=r"^game mario:") as caught:
        plugins.game_class(name)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["mario", "gameboy"])
def test_the_licence_of_the_cartridges_is_shown(name: str) -> None:
    family = plugins.game_plugin(name)
    assert isinstance(family, GameFamily)
    assert "cartridge" in family.licence
    assert "make sure that you may use" in family.licence


def test_the_examples_are_games() -> None:
    family = plugins.game_plugin("mario")
    assert isinstance(family, GameFamily)
    assert [plugins.game_class(name).spec.id for name in family.examples] == list(family.examples)
