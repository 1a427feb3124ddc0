"""`arena train` leaves a run folder like the others: its evaluation is shown, verified and gone on with."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from arena.cli.show import show
from arena.cli.train import train
from arena.cli.verify import verify
from arena.errors import InputError, RecordError
from arena.record.reader import Run

TINY = ["ppo", "--game", "kuhn", "--quiet", "--set", "envs=4", "--set", "rollout=8", "--set", "hidden=8"]


def _arena(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def _trained(folder, *words, steps=32, matches=8):
    return _arena(train, *TINY, "--out", folder, "--steps", steps, "-n", matches, *words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training and its evaluation."""
    out = tmp_path_factory.mktemp("trained") / "run"
    assert _trained(out).exit_code == 0
    return out


def test_the_evaluation_is_a_run_that_verifies(folder):
    assert Run(folder).operators == [f"ppo:{folder}", "scripted"]
    done = _arena(verify, folder)
    assert done.exit_code == 0
    assert "verified: 8 matches" in done.output
    assert "How that was trained is not re-executed" in done.output.replace("\n", " ")


def test_it_is_shown_with_how_it_was_trained(folder):
    shown = _arena(show, folder).output
    assert "trained on kuhn for 32 decisions, seed 0: arena train ppo --game kuhn --steps 32" in shown
    assert "8 matches in 4 blocks" in shown


def test_an_evaluation_that_is_complete_is_only_shown_again(folder):
    log = (folder / "log-000.jsonl").read_bytes()
    assert _trained(folder, "--resume").exit_code == 0
    assert (folder / "log-000.jsonl").read_bytes() == log


def test_trained_further_the_evaluation_before_stays_a_run_of_its_own(tmp_path):
    out = tmp_path / "run"
    _trained(out)
    first = (out / "log-000.jsonl").read_bytes()
    assert _trained(out, "--resume", steps=64).exit_code == 0
    aside = out / "evaluation-0000000032"
    assert (aside / "log-000.jsonl").read_bytes() == first
    for run in (out, aside):
        assert _arena(verify, run).exit_code == 0


def test_a_training_without_evaluation_says_so(tmp_path):
    out = tmp_path / "run"
    _trained(out, matches=0)
    with pytest.raises(RecordError, match="holds a training that was not evaluated"):
        _arena(verify, out)
    shown = _arena(show, out).output
    assert "it was not evaluated yet; go on with:" in shown
    assert "--resume" in shown


def test_nothing_is_trained_into_the_folder_of_another_run(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="holds a run without a training"):
        _trained(tmp_path)
