"""Numbers as people read them, in terminals and on pages."""

from __future__ import annotations

import math

NO_INTERVAL = "no interval"  # beside a number, or in a column of intervals, where nothing says how sure the number is


def plural(count: int, word: str, words: str = "") -> str:
    """`1 block`, `2 blocks`."""
    return f"{count} {word if count == 1 else words or f'{word}s'}"


def signed(value: float, digits: int = 3) -> str:
    """With its sign and so many decimals; what rounds to zero is `+0.000`, never `-0.000`."""
    return f"{value:+z.{digits}f}"


def brief(value: float) -> str:
    """With its sign and as many digits as it needs, to six: `+1`, `-0.5`, and `+0` for a zero of either sign."""
    return f"{value:+z.6g}"


def number(value: float | None) -> str:
    """A score with its sign."""
    return "-" if value is None else signed(value)


def counted(unit: str) -> str:
    """A unit beside a number: without what it explains in brackets, which would read as said of that number."""
    return unit.partition(" (")[0]


def span(low: float, high: float) -> str:
    """From low to high, with enough digits to distinguish them."""
    for digits in range(2, 9):
        if digits == 8 or signed(low, digits) != signed(high, digits) or low == high:
            break
    return f"{signed(low, digits)}..{signed(high, digits)}"


def duration(seconds: float) -> str:
    """Seconds in a suitable unit."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def clock(seconds: float) -> str:
    """Seconds as a clock shows them: `0:07`, `12:30`, `3:05:00`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minutes}:{second:02}"


def rate(value: float) -> str:
    """So many a second, with as many digits as tell it from none: `1,200`, `3.4`, `0.04`."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.1 or value <= 0 else f"{value:.1g}"


def timed(seconds: float | None) -> str | None:
    """Seconds in a suitable unit, if there are some."""
    return None if seconds is None else duration(seconds)


def share(part: float | None) -> str | None:
    """A part of one in percent, if there is one."""
    return None if part is None else f"{part:.0%}"


def measure(value: float | None, kind: str) -> str:
    """A number that a game measured: a share in percent, a mean with two decimals."""
    return "-" if value is None else f"{value:.0%}" if kind == "share" else f"{value:z.2f}"


def money(amount: float) -> str:
    """In whatever currency the prices are: two decimals, or as many as two digits of it need."""
    digits = 2 if amount <= 0 else max(2, 1 - math.floor(math.log10(amount)))
    return f"{amount:.{digits}f}"
