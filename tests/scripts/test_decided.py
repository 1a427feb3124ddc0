"""Lessons of the turns that decide: what is made, and what is asked for before it is there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("peft")

from scripts.train import decided


def test_a_seed_plays_and_learns_and_leaves_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small: two matches, two updates."""
    monkeypatch.setattr(decided, "MATCHES", 2)
    monkeypatch.setattr(decided, "STEPS", 2)
    monkeypatch.setattr(decided, "LESSONS", 8)
    decided.train(tmp_path, [0], decided.START, 1)
    assert (decided.model(tmp_path / "side-0") / "model.safetensors").is_file()


def test_what_is_not_trained_is_not_measured(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["decided", "measure", "--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        decided.main()
    assert "model is not there" in capsys.readouterr().err
