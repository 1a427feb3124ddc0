"""Fixtures that several rooms of tests use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from arena.plan import Plan
from tests.crew_kit import Play, Script


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Play]:
    count = iter(range(1000))

    def start(plan: Plan, script: Script | None = None, **how: object) -> Play:
        return Play(monkeypatch, tmp_path / f"run{next(count)}", plan, script, **how)  # type: ignore[arg-type]

    return start
