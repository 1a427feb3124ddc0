"""Plugins that cannot be imported, installed for one test as a third party's package would be."""

from __future__ import annotations

from pathlib import Path

import pytest

ENTRY_POINTS = """
[arena.games]
gone = no_such_package.rules:Gone
crooked = crooked_plugin:Crooked

[arena.operators]
gone = no_such_package.kind:KIND
misnamed = arena.options:NO_SUCH_NAME
"""


@pytest.fixture
def broken_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two games and two operators: their package is missing, does not parse, or lacks the name."""
    info = tmp_path / "crooked-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crooked\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "crooked_plugin.py").write_text("class Crooked(:\n")
    monkeypatch.syspath_prepend(tmp_path)
