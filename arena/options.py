"""Options that a plugin declares, and the check of a value against the declaration."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}  # in words
_BOOLS = {"true": True, "yes": True, "1": True, "on": True, "false": False, "no": False, "0": False, "off": False}


class Option(msgspec.Struct, frozen=True):
    """One option: `int`, `float`, `str` or `bool`, with its default, its bounds and a line of help."""

    type: Literal["int", "float", "str", "bool"]
    default: int | float | str | bool | None
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    chance: bool | UnsetType = UNSET  # False: a game's chance does not follow from it; not sent where it is left out

    def check(self, name: str, value: Any) -> Any:
        """`value` (a string from the command line, or already typed) as this option's type; else ValueError."""
        if value is None:
            return None
        try:
            out = self._convert(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"option {name}={value!r}: expected {TYPES[self.type]} ({self.help})") from None
        if self.choices and out not in self.choices:
            raise ValueError(f"option {name}={value!r}: expected one of {', '.join(self.choices)}")
        if (self.low is not None and out < self.low) or (self.high is not None and out > self.high):
            raise ValueError(f"option {name}={value!r}: expected {self.values.replace(',', '')}")
        return out

    @property
    def values(self) -> str:
        """The accepted values in words; empty if the type says enough."""
        if self.choices:
            return ", ".join(self.choices)
        if self.type == "bool":
            return "true, false"
        low, high = (f"{bound:,.15g}" if bound is not None else "" for bound in (self.low, self.high))
        if low and high:
            return f"{low} to {high}"
        return f"{low} or more" if low else f"{high} or less" if high else ""

    def _convert(self, value: Any) -> Any:
        match self.type:
            case "bool":
                word = str(value).lower()
                if word not in _BOOLS:
                    raise ValueError
                return _BOOLS[word]
            case "int":
                if isinstance(value, (bool, float)):
                    raise ValueError
                return int(value)
            case "float":
                if isinstance(value, bool):
                    raise ValueError
                number = float(value)
                if number != number:  # NaN would pass every bound
                    raise ValueError
                return number
            case "str":
                return str(value)
