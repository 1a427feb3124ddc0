"""`arena doctor` finds what is wrong, says what to do, and never shows a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pytest
from click.testing import CliRunner

from arena.cli import checks
from arena.cli.doctor import doctor
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
    assert all(what in done.stdout for what in ("python", "games", "socket", "round trip", "gpu"))


def test_tools_to_work_on_the_arena_are_no_warning_where_some_of_them_are_missing(monkeypatch):
    some = {
        "": [("numpy", "2")],
        "dev": [("pytest", "9"), ("ruff", None)],
        "train": [("torch", "2"), ("tensorboard", None)],
    }
    monkeypatch.setattr(checks.installed, "extras", lambda: ["dev", "train"])
    monkeypatch.setattr(checks.installed, "requirements", some.__getitem__)
    found = {finding.what: finding.state for finding in checks.distributions()}
    assert found == {"base": "ok", "[dev]": "ok", "[train]": "warning"}


def test_an_extra_of_which_only_what_others_bring_is_there_is_not_installed(monkeypatch):
    some = {"": [("numpy", "2")], "ppo": [("torch", "2")], "train": [("torch", "2"), ("tensorboard", None)]}
    monkeypatch.setattr(checks.installed, "extras", lambda: ["ppo", "train"])
    monkeypatch.setattr(checks.installed, "requirements", some.__getitem__)
    found = {finding.what: finding for finding in checks.distributions()}
    assert {what: one.state for what, one in found.items()} == {"base": "ok", "[ppo]": "ok", "extras": "ok"}
    assert "not installed: train" in found["extras"].text


@pytest.mark.usefixtures("broken_plugins")
def test_a_plugin_that_does_not_load_is_a_problem():
    broken = [finding.text for finding in checks.plugins() if finding.state == "problem" and "gone" in finding.text]
    assert len(broken) == 2


def test_a_worker_that_cannot_start_is_a_problem_that_shows_what_it_printed(monkeypatch, tmp_path):
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho the disk is on fire\nexit 7\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    found = list(checks.round_trip())
    assert [finding.state for finding in found] == ["problem"]
    assert "the disk is on fire" in found[0].advice


def test_a_long_temporary_path_is_told_and_does_not_stop_a_match(monkeypatch, tmp_path):
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert "warning" in [finding.state for finding in checks.temporary() if finding.what == "socket"]
    assert [finding.state for finding in checks.round_trip()] == ["ok"]


def test_a_socket_can_be_made(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    assert [finding.state for finding in checks.temporary() if finding.what == "socket"] == ["ok"]


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
