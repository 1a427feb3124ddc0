"""What would be noticed after a whole rollout is refused before anything is loaded."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from arena.cli.main import cli
from arena.errors import ArenaError
from arena.train.vlm import ready
from arena.train.vlm.config import load


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("critic.inputs=facts,vector",), r"critic.inputs=facts,vector: rows have no vector view. Set rollout.vector="),
        (
            ("rollout.operator=llm:smollm2@temperature=1", "critic.inputs=picture"),
            "critic.inputs=picture: the operator is shown no picture. Name other inputs",
        ),
        (("learn.reward=doubled",), "learn.reward=doubled: expected FILE.py:FUNCTION"),
        (("learn.reward=./nowhere.py:doubled",), "nowhere.py"),
        (("policy.terms=./nowhere.py:term",), "nowhere.py"),
        (("thoughts.corrector=./nowhere.py:truth",), "nowhere.py"),
        (("rollout.operator=vlm:nano@temperature=0",), "always writes the likeliest token: training needs @temper"),
        (("thoughts.corrector=truth",), "leduc does not say what is true of a moment"),
        (
            ("rollout.pool.opponents={past=1}", "staleness=2", "rollout.pool.every=2"),
            "rollout.pool.every=2: with staleness=2 expected at least 3; or a lower staleness",
        ),
    ],
    ids=lambda one: one if isinstance(one, str) else one[-1],
)
def test_what_an_update_would_lack_is_refused(settings, said):
    with pytest.raises(ArenaError, match=said):
        ready.check(load(None, None, ("rollout.operator=vlm:nano", *settings), ("leduc",)))


def test_a_training_names_what_changes_nothing_before_it_loads(tmp_path):
    settings = ("rollout.operator=vlm:nano", "model.device=cuda:63", "spo.least=2")
    words = ("--game", "leduc", *(word for one in settings for word in ("--set", one)), "--out", str(tmp_path / "out"))
    done = CliRunner().invoke(cli, ["train", "vlm", *words])
    assert "cuda" in str(done.exception).lower()  # it came so far as to load
    assert "spo.least changes nothing" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()  # so that the corrected command begins there


def test_one_seat_has_opponents_that_are_checked_all_the_same():
    with pytest.raises(ArenaError, match="'slf' is neither self nor past"):
        ready.check(load("sidescroller-nano", None, ("rollout.pool.opponents={slf=1.0}",)))


@pytest.mark.parametrize("operator", ["ppo", "scripted", "human"])
def test_who_has_no_weights_here_is_refused_for_that(operator):
    """Whatever else would not fit it."""
    with pytest.raises(ArenaError, match=f"{operator} is no language model with weights"):
        ready.check(load("sidescroller-nano", None, (f"rollout.operator={operator}",)))


def test_games_of_different_models_say_how_one_is_named():
    with pytest.raises(ArenaError, match=r"name the one that is to be trained, as in --set rollout\.operator=vlm:nano"):
        ready.check(load(None, None, ("rollout.operator=vlm",), ("leduc@seats=2", "connect_four@seats=2")))
