"""Golden playthroughs notice what changed, and say of which kind it is."""

import pytest

from arena.errors import RecordError
from arena.testing import golden
from arena_games.jigsaw.rules import JigsawGame as Jigsaw
from arena_games.kuhn.rules import Kuhn


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Kuhn's golden playthroughs, written to a folder of the test."""
    monkeypatch.setattr(golden, "path", lambda cls: tmp_path / "golden" / "kuhn.jsonl")
    golden.write(Kuhn)
    return tmp_path / "golden" / "kuhn.jsonl"


def kinds(cls):
    return {mismatch.kind for mismatch in golden.check(cls)}


def test_an_unchanged_game_has_no_mismatch(kept):
    assert golden.check(Kuhn) == []


def test_changed_rules_are_told(kept):
    class Changed(Kuhn):
        scale = 2.0

    assert kinds(Changed) == {"rules"}


def test_a_changed_text_is_told_apart(kept):
    class Changed(Kuhn):
        def text(self, seat, facts):
            return super().text(seat, facts) + "!"

    assert kinds(Changed) == {"views"}


def test_a_changed_picture_is_told_apart(kept):
    class Changed(Kuhn):
        def picture(self, seat, height, width):
            return super().picture(seat, height, width) // 2

    assert kinds(Changed) == {"pictures"}


def test_missing_playthroughs_say_how_to_write_them(kept):
    kept.unlink()
    with pytest.raises(RecordError, match=r"python -m arena\.testing\.golden kuhn"):
        golden.check(Kuhn)


def test_a_damaged_line_is_named(kept):
    kept.write_bytes(kept.read_bytes() + b"{rubbish\n")
    lines = len(kept.read_bytes().splitlines())
    with pytest.raises(RecordError, match=f"line {lines}"):
        golden.check(Kuhn)


def test_writing_twice_gives_the_same_bytes(kept):
    before = kept.read_bytes()
    golden.write(Kuhn)
    assert kept.read_bytes() == before


def test_options_that_were_named_once_keep_a_match(tmp_path, monkeypatch):
    monkeypatch.setattr(golden, "path", lambda cls: tmp_path / "jigsaw.jsonl")
    golden.write(Jigsaw, {"kind": "rotation"})
    golden.write(Jigsaw)
    found = [head.options["kind"] for head, _ in golden.read(Jigsaw)]
    assert (found.count("permutation"), found[-1:]) == (len(found) - 1, ["rotation"])
    assert golden.check(Jigsaw) == []
