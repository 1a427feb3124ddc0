"""`arena doctor` finds what is wrong, says what to do, and never shows a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from arena.cli import checks
from arena.cli.doctor import doctor
from arena.train import products
from arena_operators.vlm import checkpoint
from tests.cli.broken import broken_plugins  # noqa: F401


def test_a_match_is_played_and_verified():
    states = [finding.state for finding in checks.round_trip()]
    assert states == ["ok"]


def test_the_exit_code_says_whether_there_is_a_problem(monkeypatch):
    bad = checks.Finding("problem", "x", "y", "do z")
    monkeypatch.setattr(checks, "CHECKS", (checks.interpreter,))
    assert CliRunner().invoke(doctor).exit_code == 0
    monkeypatch.setattr(checks, "CHECKS", (lambda: iter([bad]),))
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 1
    assert "do z" in result.output


def test_everything_is_looked_at_without_a_traceback():
    done = subprocess.run([sys.executable, "-m", "arena", "doctor"], capture_output=True, text=True)
    assert "Traceback" not in done.stdout + done.stderr
    assert all(what in done.stdout for what in ("python", "games", "round trip", "gpu"))
    said = " ".join(done.stdout.split())
    assert "sees none" not in said or f"trainings multiply in {products.usual('cpu')}" in said


def test_packages_that_every_worker_compiles_again_are_named_until_they_are_compiled(monkeypatch, tmp_path):
    (tmp_path / "slow_one").mkdir()
    (tmp_path / "slow_one" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(checks, "SLOW_TO_COMPILE", ("slow_one", "not_installed"))
    (found,) = checks.bytecode()
    assert found.state == "warning"
    assert "compiles slow_one again" in found.text
    command = found.advice.removeprefix("compile once: ").split()
    subprocess.run(command, check=True)
    assert not list(checks.bytecode())


def test_an_extra_that_lacks_something_is_absent_and_stands_below_those_that_are_whole(monkeypatch):
    some = {"": [("numpy", "2")], "train": [("torch", "2"), ("tensorboard", None)], "web": [("aiohttp", "3")]}
    monkeypatch.setattr(checks.installed, "extras", lambda: ["train", "web"])
    monkeypatch.setattr(checks.installed, "requirements", some.__getitem__)
    base, web, train = checks.distributions()
    assert [(one.state, one.text) for one in (base, web)] == [("ok", "numpy 2"), ("ok", "aiohttp 3")]
    assert (train.state, train.text) == ("absent", "lacks tensorboard")
    assert "[train]" in train.advice


def test_what_is_absent_is_no_problem_and_not_said_to_be_ok(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", (lambda: iter([checks.Finding("absent", "[x]", "lacks y", "install it")]),))
    result = CliRunner().invoke(doctor)
    assert result.exit_code == 0
    assert result.output.startswith("- ")
    assert [line for line in result.output.splitlines() if line != line.rstrip()] == []
    assert "all that is here works" in result.output


def test_a_base_dependency_that_is_not_there_is_a_problem(monkeypatch):
    monkeypatch.setattr(checks.installed, "extras", list)
    monkeypatch.setattr(checks.installed, "requirements", lambda extra: [("numpy", None)])
    assert [finding.state for finding in checks.distributions()] == ["problem"]


@pytest.mark.usefixtures("broken_plugins")
def test_a_plugin_that_does_not_load_is_a_problem():
    broken = [finding.text for finding in checks.plugins() if finding.state == "problem" and "gone" in finding.text]
    assert len(broken) == 2


def test_a_model_that_a_name_alone_means_at_some_game_only_is_looked_at_too(monkeypatch, tmp_path):
    cut = tmp_path / "nano_games"
    shutil.copytree(checkpoint.GAMES, cut)
    (cut / "model.safetensors").unlink()
    monkeypatch.setitem(checkpoint.NAMED, "nano-games", cut)
    found = [finding.text for finding in checks.plugins() if finding.state == "problem"]
    assert [text for text in found if "safetensors" in text and str(cut) in text]


def test_a_worker_that_cannot_start_is_a_problem_that_shows_what_it_printed(monkeypatch, tmp_path):
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho the disk is on fire\nexit 7\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    found = list(checks.round_trip())
    assert [finding.state for finding in found] == ["problem"]
    assert "the disk is on fire" in found[0].advice


def test_a_torch_that_does_not_import_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setattr(checks.installed, "versions", lambda names: ["2.0"])
    monkeypatch.setattr(checks, "TORCH", "raise ImportError('no libtorch.so')")
    found = list(checks.gpu())
    assert [finding.state for finding in found] == ["problem"]
    assert "no libtorch.so" in found[0].text


def test_a_base_dependency_that_is_missing_is_told_in_words(tmp_path):
    (tmp_path / "zmq.py").write_text("raise ImportError('no zmq here')\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-m", "arena", "doctor"], capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert "no zmq here" in done.stdout
    assert "Traceback" not in done.stderr
