"""What is said where OpenEnv is not installed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from arena import plugins
from arena.cli.serve_openenv import openenv
from arena.errors import MissingExtraError


def test_an_environment_of_its_own_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "installed", lambda module: module != "openenv")
    words = ["--game", "leduc", "--opponents", "random"]
    with pytest.raises(MissingExtraError, match=r"-m venv ./openenv && ./openenv/bin/pip install .*openenv") as told:
        CliRunner().invoke(openenv, words, catch_exceptions=False, standalone_mode=False)
    assert "constraints.txt" not in str(told.value)
