"""What is shown of text that steers terminals."""

from __future__ import annotations

import pytest

from arena.text import printable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x00b\x7f", "a\\x00b\\x7f"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066a\u2069\u200b", "\\u2066a\\u2069\\u200b"),
        ("one\u2028two", "one\\u2028two"),
        ("half \ud800", "half \\ud800"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
    ],
)
def test_what_would_be_obeyed_is_shown(given: str, shown: str) -> None:
    assert printable(given) == shown


def test_what_can_be_read_stays() -> None:
    text = "K♥ 日本 é [/b] \u00a0 👩\u200d👩"
    assert printable(text) == text


def test_lines_stay_where_they_are_wanted() -> None:
    assert printable("a\nb\tc\r\x1b", lines=True) == "a\nb    c\\r\\x1b"
