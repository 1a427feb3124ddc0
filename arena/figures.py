"""Numbers as people read them, in terminals and on pages."""

from __future__ import annotations

import math


def plural(count: int, word: str, words: str = "") -> str:
    """`1 block`, `2 blocks`."""
    return f"{count} {word if count == 1 else words or f'{word}s'}"


def number(value: float | None) -> str:
    """A score with its sign."""
    return "-" if value is None else f"{value:+.3f}"


def span(low: float, high: float) -> str:
    """From low to high, with enough digits to distinguish them."""
    for digits in range(2, 9):
        if digits == 8 or f"{low:.{digits}f}" != f"{high:.{digits}f}" or low == high:
            break
    return f"{low:+.{digits}f}..{high:+.{digits}f}"


def duration(seconds: float) -> str:
    """Seconds in a suitable unit."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def timed(seconds: float | None) -> str | None:
    """Seconds in a suitable unit, if there are some."""
    return None if seconds is None else duration(seconds)


def share(part: float | None) -> str | None:
    """A part of one in percent, if there is one."""
    return None if part is None else f"{part:.0%}"


def measure(value: float | None, kind: str) -> str:
    """A number that a game measured: a share in percent, a mean with two decimals."""
    return "-" if value is None else f"{value:.0%}" if kind == "share" else f"{value:.2f}"


def money(amount: float) -> str:
    """In whatever currency the prices are: two decimals, or as many as two digits of it need."""
    digits = 2 if amount <= 0 else max(2, 1 - math.floor(math.log10(amount)))
    return f"{amount:.{digits}f}"
