"""What was made on this machine is known by its bytes, as long as nobody else can write the list."""

from __future__ import annotations

import pytest

from arena.made import known_file, made_here, remember


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "game.py"
    path.write_text("one")
    assert not made_here(path)
    remember(path)
    assert made_here(path)
    return path


def test_another_file_in_its_place_is_not_one_made_here(file):
    file.write_text("two")
    assert not made_here(file)


def test_a_list_that_others_can_write_proves_nothing(file):
    known_file().chmod(0o666)
    assert not made_here(file)
