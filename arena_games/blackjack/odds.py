"""What hitting and standing are worth, exactly: an endless deck has few positions."""

from __future__ import annotations

import functools
from collections.abc import Iterator

MOST = 21
DEALER = 17  # the dealer stands from here
CARDS = [(number, (4 if number == 10 else 1) / 13) for number in range(1, 11)]  # worth, probability


def _with(low: int, ace: bool, card: int) -> tuple[int, bool]:
    return low + card, ace or card == 1


def _total(low: int, ace: bool) -> int:
    return low + 10 if ace and low + 10 <= MOST else low


@functools.cache
def dealer(low: int, ace: bool) -> dict[int, float]:
    """The probability of each of the dealer's ends, 22 for all busts. `low`: with aces as 1."""
    if (own := _total(low, ace)) >= DEALER:
        return {min(own, MOST + 1): 1.0}
    out: dict[int, float] = {}
    for card, chance in CARDS:
        for end, probability in dealer(*_with(low, ace, card)).items():
            out[end] = out.get(end, 0.0) + chance * probability
    return out


@functools.cache
def stand(own: int, shown: int) -> float:
    """The expected reward of standing at `own` against a card worth `shown`."""
    ends = dealer(shown, shown == 1)
    return sum(p * (1 if end > MOST or end < own else 0 if end == own else -1) for end, p in ends.items())


@functools.cache
def hit(low: int, ace: bool, shown: int) -> float:
    """The expected reward of one more card and the best play after it."""
    return sum(chance * best(*_with(low, ace, card), shown) for card, chance in CARDS)


@functools.cache
def best(low: int, ace: bool, shown: int) -> float:
    """The expected reward of the best play."""
    if low > MOST:
        return -1.0
    return max(stand(_total(low, ace), shown), hit(low, ace, shown))


def start() -> float:
    """The expected reward of a deal that is played as well as it can be."""
    return sum(p * best(low, ace, shown) for p, low, ace, shown in _starts())


def _starts() -> Iterator[tuple[float, int, bool, int]]:
    for one, p in CARDS:
        for other, q in CARDS:
            for shown, r in CARDS:
                yield p * q * r, one + other, 1 in (one, other), shown
