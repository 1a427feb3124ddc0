"""What a model uses of its picture: with a blank one, or another turn's, nano's reading of cards falls to chance."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("transformers")

from arena.analysis.alike import conditions
from arena.errors import InputError
from arena.lineup import build_plan
from arena.operator import WorkerContext
from arena.play import run_plan
from arena.record.reader import Run
from arena_operators.vlm.dialogue import Dialogue, Settings
from arena_operators.vlm.kind import resolve_options
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import answers, lessons, requests

HELD = r"I hold an? (\w+)\."


def right(taught, **options):
    """The share of turns at which nano names the card that it holds."""
    operator = make(WorkerContext("nano", {"temperature": 0.0, **options}))
    told = [re.search(HELD, one.thought or "") for one in answers(operator, taught)]
    return sum(one is not None and one[0] in lesson.thought for one, lesson in zip(told, taught, strict=True)) / len(
        taught
    )


@pytest.fixture(scope="module")
def taught():
    return lessons("leduc", 60)


def test_nano_reads_the_true_picture(taught):
    assert right(taught) >= 0.95


@pytest.mark.parametrize("shown", ["blank", "shuffled"])
def test_without_its_picture_it_guesses(taught, shown):
    assert right(taught, pictures=shown) <= 1 / 3 + 0.25  # three ranks; 4 standard errors of 60 turns


def sent(taught, shown):
    seats, asked = requests(taught)
    dialogue = Dialogue(Settings(prompt="short", pictures=shown))
    dialogue.open(seats)
    return dialogue, asked, [dialogue.messages(one)[-1].parts[0].sha256 for one in asked]


def test_a_turn_is_shown_the_same_picture_in_any_order_and_rerun(taught):
    _, _, first = sent(taught, "shuffled")
    dialogue, asked, again = sent(taught, "shuffled")
    back = [dialogue.messages(one)[-1].parts[0].sha256 for one in reversed(asked)]
    assert first == again == back[::-1]
    assert len(set(first)) > 3


def test_no_tool_shows_the_true_picture():
    with pytest.raises(InputError, match="shows the true picture"):
        resolve_options(None, "ORG/MODEL", {"pictures": "blank", "tools": "zoom", "url": "http://localhost:1/v1"})


def test_the_run_says_what_was_shown(tmp_path):
    run_plan(build_plan("leduc@seats=2", ["vlm", "vlm@pictures=blank"], matches=2), tmp_path / "run")
    (game,) = Run(tmp_path / "run").head.games
    told = conditions(game, "leduc", {}).differences
    assert any("(vlm: pictures true; vlm@pictures=blank: pictures blank)" in one for one in told)
