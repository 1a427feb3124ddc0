"""Makes text from others (a worker, a model, a person, a game file, a log) safe to show."""

from __future__ import annotations

import re
import unicodedata

# Cc: control, Cf: format (they turn the direction of writing, or are not seen), Cs: half a character, Zl, Zp: line ends
_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = {"\u200c", "\u200d"}  # of Persian words and of emoji: they steer nothing

# What `clean` changes, by number: the tables of unicodedata differ from Python to Python, what was said must not.
# White_Space and its like; and the blanks of scripts that write one as a sign: of braille, of hieroglyphs.
_SPACES = "\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000\U00013441\U00013442"
_UNSEEN = (  # controls; Unicode's Default_Ignorable_Code_Point but for joiners and the two emoji styles; annotations;
    # a filler and a note without a head, which are blank
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U00016fe4\U0001bca0-\U0001bca3"
    "\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_DROPPED = re.compile(f"[{_UNSEEN}]")
_HALVES = re.compile("[\ud800-\udfff]")
_GAPS = re.compile(f"[{_SPACES}]+")

# What stands on the character before it: marks, joiners and emoji styles. Marks are those of Unicode 3.2, whose table
# every Python has beside its own, and of the blocks that were set apart for marks since.
_STYLES = {"\ufe0e", "\ufe0f"}
_MARK_BLOCKS = re.compile("[\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_PILE = 8  # most of them on one character: Tibetan has a syllable of so many, and no script one of more


def clean(text: str) -> str:
    """What a player said, as a game is given it, as it is logged and as others hear it: one line.

    Characters that are not seen or steer others (controls, marks of direction, tags) are dropped, half a character
    becomes U+FFFD, and spaces and line ends in a row become one space; none at either end. Marks that stand on nothing
    are dropped, and what is piled higher than any script does, which covers the lines around it. What holds nothing
    that is seen becomes empty. Cleaning twice changes nothing.
    """
    if not (text.isascii() and text.isprintable() and "  " not in text):
        text = _GAPS.sub(" ", _HALVES.sub("\ufffd", _DROPPED.sub("", text)))
    return (text if text.isascii() else _based(text)).strip(" \u200c\u200d")


def _based(text: str) -> str:
    """`text` from the first character that needs none before it, with at most _PILE on each that do."""
    out, pile = list[str](), 0
    for char in text:
        pile = pile + 1 if _stands_on(char) else 0
        if pile <= _PILE and (out or not (pile or char == " ")):
            out.append(char)
    return "".join(out)


def _stands_on(char: str) -> bool:
    if char.isascii():
        return False
    mark = unicodedata.ucd_3_2_0.category(char) in ("Mn", "Me") or _MARK_BLOCKS.match(char) is not None
    return mark or char in _JOINERS or char in _STYLES


# What chat templates and tokenizers read as marks: <|im_start|>, </s>, <image>, [INST], and the names of roles, which
# some write at the beginning of a line. Half a mark at the end counts: the next text may bring the other half.
_MARKS = re.compile(r"<(?=[|\uff5c]|[^\s<>]*(?:>|$))|\[(?=/?[A-Za-z_]{2,}(?:\]|$))")
_ROLES = re.compile(
    r"^(?=[ \t]*(?:user|human|assistant|model|ai|system|developer)[ \t]*:)", re.IGNORECASE | re.MULTILINE
)


def unmarked(text: str) -> str:
    """`text` for a model's prompt, without marks of chat templates: it cannot end a message, begin another or stand for

    a picture, whatever model reads it. A space breaks a mark; a line that begins as that of a role is quoted ("> ").
    """
    if "<" in text or "[" in text:
        text = _MARKS.sub(lambda mark: f"{mark[0]} ", text)
    return _ROLES.sub("> ", text) if ":" in text else text


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
