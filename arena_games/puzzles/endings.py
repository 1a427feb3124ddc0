"""How a formula that was begun can be ended, needless brackets and all: an exact search, shortest endings first.

`arena_games.puzzles.formula` lists formulas without needless brackets. Who has begun another one is told by this search
what still leads to the target: it goes by where the formula stands, not by how it came there.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import gcd

from arena_games.puzzles.formula import Tokens

Ratio = tuple[int, int]  # numerator and denominator in lowest terms: a Fraction, at a tenth of its time
# Of the formula, or of an open bracket in it: the sum so far, the product after it, and the sign (* or /) by which that
# takes what comes next. The sign is empty once the operand is there. A minus before a product is in the product.
Part = tuple[Ratio, Ratio, str]
Stand = tuple[Part, ...]  # the formula, and the brackets in it that are open, the innermost last
EMPTY: Part = ((0, 1), (1, 1), "*")


@functools.lru_cache(maxsize=4096)
def ending(
    numbers: tuple[int, ...], target: int, signs: str, begun: Tokens, room: int, *, brackets: bool
) -> Tokens | None:
    """The symbols of the shortest ending of `begun`, at most `room`; None where no ending is worth `target`.

    `numbers`: ascending, each is used once. `signs`: of + - * /, those that are allowed. `brackets`: may be opened.
    """
    left, stand = list(map(str, numbers)), stood(begun)
    for token in filter(str.isdecimal, begun):
        if token not in left:
            return None
        left.remove(token)
    if stand is None:
        return None
    fewest = 2 * len(left) - bool(stand[-1][2]) + len(stand) - 1
    search = _Search((target, 1), signs)
    # A pair of brackets costs two symbols, and around one number it is of no use.
    for pairs in range(max(1, len(left)) if brackets else 1):
        if fewest + 2 * pairs > room:
            break
        found = search.ending(stand, tuple(left), pairs)
        if found is not None:
            return found
    return None


def stood(tokens: Sequence[str]) -> Stand | None:
    """Where a formula stands after `tokens`; None where none begins so, or where it divides by 0."""
    stand: Stand | None = (EMPTY,)
    for token in tokens:
        stand = None if stand is None else after(stand, token)
    return stand


def after(stand: Stand, symbol: str) -> Stand | None:
    """Where it stands once `symbol` is written; None where no formula has one there, or where it divides by 0."""
    total, product, sign = stand[-1]
    if sign:
        if symbol == "(":
            return (*stand, EMPTY)
        return _with(stand, (int(symbol), 1)) if symbol.isdecimal() else None
    match symbol:
        case "*" | "/":
            return (*stand[:-1], (total, product, symbol))
        case "+" | "-":
            return (*stand[:-1], (_sum(total, product), (1 if symbol == "+" else -1, 1), "*"))
        case ")" if len(stand) > 1:
            return _with(stand[:-1], _sum(total, product))
        case _:
            return None


def _with(stand: Stand, operand: Ratio) -> Stand | None:
    """The innermost part takes the operand that it waits for."""
    total, (above, below), sign = stand[-1]
    up, down = operand if sign == "*" else operand[::-1]
    return None if not down else (*stand[:-1], (total, _lowest(above * up, below * down), ""))


def _sum(one: Ratio, other: Ratio) -> Ratio:
    return _lowest(one[0] * other[1] + other[0] * one[1], one[1] * other[1])


def _lowest(above: int, below: int) -> Ratio:
    shared = gcd(above, below) if below > 0 else -gcd(above, below)
    return above // shared, below // shared


class _Search:
    """A search depth first that remembers what leads nowhere."""

    def __init__(self, target: Ratio, signs: str) -> None:
        self.target, self.signs = target, signs
        self._known: dict[tuple[Stand, Tokens, int], Tokens | None] = {}

    def ending(self, stand: Stand, left: Tokens, pairs: int) -> Tokens | None:
        """The symbols of an ending that takes the numbers `left` and opens at most so many pairs of brackets."""
        key = stand, left, pairs
        if key not in self._known:
            self._known[key] = self._ending(*key)
        return self._known[key]

    def _ending(self, stand: Stand, left: Tokens, pairs: int) -> Tokens | None:
        total, product, awaited = stand[-1]
        if not left and len(stand) == 1 and not awaited:
            return () if _sum(total, product) == self.target else None
        if awaited:
            symbols = [*dict.fromkeys(left), *(["("] if pairs and len(left) > 1 else [])]
        else:
            symbols = [*(self.signs if left else ""), ")"]
        for symbol in symbols:
            then = after(stand, symbol)
            if then is None:
                continue
            at = left.index(symbol) if symbol in left else len(left)
            rest = self.ending(then, (*left[:at], *left[at + 1 :]), pairs - (symbol == "("))
            if rest is not None:
                return (symbol, *rest)
        return None
