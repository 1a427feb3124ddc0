"""The grammar of names on the command line: `(kind | FILE.py) [":" what] {"@" key "=" value}`.

`ppo`, `ppo:runs/a.zip@normalize=norm.pkl`, `human:web@port=8080`, `holdem@hands=5`, `cmd:'./my worker --fast'`,
`./rps.py:RockPaperScissors`: a plugin in a file, not installed.
`what` and values may stand in single or double quotes; there a backslash quotes the next character.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from arena.errors import InputError
from arena.paths import expanded

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FILE = re.compile(r"[^:@,'\"\\]+\.py(?=[:@]|$)")
SHOWN = 100  # most characters of a name in a message
LONGEST = 200  # most characters of the word before the colon
_SECRET = re.compile(r"(?:^|_|-)(?:password|passwd|passphrase|secret|token|credentials?|api_?key|key)$", re.IGNORECASE)

_OPTION = re.compile(r"@([A-Za-z_][\w-]*)=('[^']*'?|\"[^\"]*\"?|[^@,]*)")
_LOGIN = re.compile(r"//[^/@\s,]*@(?![A-Za-z_][\w-]*=)")  # in an address: what follows may also be the next option
_QUERY = re.compile(r"(://[^\s@,?#]*)[?#][^\s@,]+")
# How keys of services begin: OpenAI and its likes, Hugging Face, Groq, GitHub, xAI, Google, AWS.
_KEY = re.compile(
    r"\b(?:sk-(?=[\w-]*\d)[\w-]{12,}|(?:hf|gsk|ghp|github_pat)_\w{16,}|xai-[\w-]{16,}"
    r"|AIza[\w-]{20,}|AKIA[0-9A-Z]{16})"
)


@dataclass(frozen=True, slots=True)
class Name:
    """One parsed name."""

    kind: str  # a plugin's name, or the path of a Python file
    what: str = ""
    options: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The name without its options."""
        return self.kind + (":" + _quote(self.what) if self.what else "")

    @property
    def is_file(self) -> bool:
        """Whether the plugin is in a Python file instead of installed."""
        return self.kind.endswith(".py")

    @property
    def absolute(self) -> Name:
        """The same name with a file's whole path: other processes, in other folders, find it by that."""
        return replace(self, kind=str(expanded(self.kind).resolve())) if self.is_file else self

    def __str__(self) -> str:
        parts = [self.base]
        parts += [f"@{key}={_quote(value)}" for key, value in self.options.items()]
        return "".join(parts)


def parse(text: str) -> Name:
    """One name. InputError points at the character where the grammar is broken."""
    _check_text(text)
    word = _FILE.match(text) or _WORD.match(text)
    if word is None:
        raise _broken(text, 0, "a name starts with a letter, or is the path of a .py file")
    if not word.group().endswith(".py") and len(word.group()) > LONGEST:
        raise _broken(text, LONGEST, f"no kind has more than {LONGEST} letters")
    kind, at = word.group(), word.end()
    what = ""
    if text[at : at + 1] == ":":
        what, at = _value(text, at + 1, stop="@")
    options: dict[str, str] = {}
    while at < len(text):
        if text[at] != "@":
            raise _broken(text, at, "expected '@key=value' or the end")
        word = _WORD.match(text, at + 1)
        if word is None or text[word.end() : word.end() + 1] != "=":
            raise _broken(text, at + 1, "expected key=value after '@'")
        if word.group() in options:
            raise _broken(text, at + 1, f"{word.group()} is given twice")
        options[word.group()], at = _value(text, word.end() + 1, stop="@")
    _check_secrets(kind, {"": what} | {option: value for option, value in options.items() if not is_secret(option)})
    return Name(kind, what, options)


def is_secret(option: str) -> bool:
    """Whether an option of this name is a password or a key, whose value is never shown or recorded."""
    return _SECRET.search(option) is not None


def hidden(text: str) -> str:
    """What a user typed, for a message: *** in place of what may be a password or a key."""

    def option(found: re.Match[str]) -> str:
        bare = found[2].strip("'\"")
        return f"@{found[1]}=***" if is_secret(found[1]) and bare not in os.environ else found[0]

    text = _OPTION.sub(option, text)
    text = _LOGIN.sub("//***@", text)
    text = _QUERY.sub(r"\1?***", text)
    return _KEY.sub("***", text)


def _check_secrets(kind: str, values: Mapping[str, str]) -> None:
    """InputError, which does not repeat it, for a value that is shown and recorded and looks like a secret."""
    for option, value in values.items():
        pieces = re.split(r"[\s/?&=#:@]+" if "://" in value else r"[\s=]+", value)
        queried = any(is_secret(one) for one in re.findall(r"[?&]([^=&]+)=", value)) and "://" in value
        if queried or _LOGIN.search(value) or any(_KEY.fullmatch(piece) for piece in pieces):
            where = f"@{option}=" if option else "what follows the colon"
            raise InputError(
                f"{kind}: {where} holds what looks like a password or a key, and names are shown and recorded. Put it "
                "into an environment variable, and give the variable's name where an option asks for it (such as "
                "@key=VARIABLE), and never the key itself"
            )


def masked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with *** in place of secrets. The name of an environment variable is none."""
    return {
        key: "***" if is_secret(key) and value is not None and str(value) not in os.environ else value
        for key, value in options.items()
    }


def split(text: str) -> list[str]:
    """The comma-separated names of `text`; commas inside quotes do not count."""
    out, start, quote, at = [], 0, "", 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == ",":
            out.append(text[start:at].strip())
            start = at + 1
        at += 1
    out.append(text[start:].strip())
    if "" in out:
        raise InputError(f"{hidden(text)!r} has an empty name between commas; expected e.g. random,scripted")
    return out


def numbered(names: Sequence[str]) -> list[str]:
    """Two equal entries are two operators: vlm, vlm -> vlm#1, vlm#2. Unique names stay as they are."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(f"{name}#{seen[name]}" if names.count(name) > 1 else name)
    return out


def _value(text: str, at: int, stop: str) -> tuple[str, int]:
    if text[at : at + 1] not in ("'", '"'):
        end = text.find(stop, at)
        end = len(text) if end < 0 else end
        if end == at:
            raise _broken(text, at, "expected a value")
        return text[at:end], end
    quote, out, start = text[at], [], at
    at += 1
    while at < len(text) and text[at] != quote:
        at += text[at] == "\\"
        out.append(text[at : at + 1])
        at += 1
    if at >= len(text):
        raise _broken(text, start, "this quote is not closed")
    return "".join(out), at + 1


def _quote(value: str) -> str:
    # '#' is quoted too: `numbered` tells equal names apart by it.
    if value and not re.search(r"[@#,'\"\\\s]", value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _check_text(text: str) -> None:
    """A name goes to programs, file systems and into records: none of them takes these."""
    if "\0" in text:
        raise _broken(text, text.index("\0"), "a name holds no zero byte")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _broken(text, error.start, "this is not UTF-8") from None


def _broken(text: str, at: int, why: str) -> InputError:
    shown = hidden(text)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return InputError(
        f"{shown!r} is not a name: {why}, at character {at + 1}. "
        "Expected kind[:what][@key=value...], e.g. ppo:model.zip@deterministic=true"
    )
