"""Text that somebody else wrote (a worker, a model, a person, a game file, a log), made fit to be shown."""

from __future__ import annotations

import unicodedata

# Cc: control, Cf: format (they turn the direction of writing, or are not seen), Cs: half a character, Zl, Zp: line ends
_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}  # of Persian words and of emoji: they steer nothing


def printable(text: str, *, lines: bool = False) -> str:
    """`text` with every character that a terminal or a page would obey shown as its escape: `\\x1b`, `\\u202e`.

    lines: line feeds stay, and a tab becomes four spaces. Otherwise the result is one line.
    """
    if text.isprintable():
        return text
    return "".join(_shown(char, lines) for char in text)


def _shown(char: str, lines: bool) -> str:
    if lines and char == "\n":
        return char
    if lines and char == "\t":
        return "    "
    if unicodedata.category(char) in _OBEYED and char not in _JOINERS:
        return char.encode("unicode_escape").decode("ascii")
    return char
