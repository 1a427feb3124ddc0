"""Formulas over cards: what one is worth, and all that reach a target."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction

Tokens = tuple[str, ...]
LEVEL = {"+": 1, "-": 1, "*": 2, "/": 2}  # how tightly an operator binds


def value(tokens: Sequence[str]) -> Fraction | None:
    """The exact value of a formula; None where it is none: a sign as in -3, two numbers in a row, a division by 0."""
    try:
        return _value(ast.parse(" ".join(tokens), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, ValueError):
        return None


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int(number)):
            return Fraction(number)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _value(left) + _value(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _value(left) - _value(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _value(left) * _value(right)
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return _value(left) / _value(right)
    raise ValueError(f"{ast.dump(node)} is not part of a formula")


@functools.lru_cache(maxsize=4096)
def solutions(numbers: tuple[int, ...], target: int, signs: str) -> tuple[Tokens, ...]:
    """Every formula that uses each number once and is worth `target`, with no needless brackets: short ones first.

    `numbers`: ascending. `signs`: of + - * /, those that are allowed. The same formula in another order of its parts is
    another one, so that whoever has begun one can look for its end.
    """
    found = {
        tuple(tokens)
        for order in set(itertools.permutations(numbers))
        for worth, tokens, _ in _made(order, signs)
        if worth == target
    }
    return tuple(sorted(found, key=lambda tokens: (len(tokens), tokens)))


def _made(numbers: tuple[int, ...], signs: str) -> Iterator[tuple[Fraction, list[str], int]]:
    """(value, tokens, level of the outermost operator) of every formula over the numbers in this order."""
    if len(numbers) == 1:
        yield Fraction(numbers[0]), [str(numbers[0])], 3
        return
    for cut in range(1, len(numbers)):
        rights = list(_made(numbers[cut:], signs))
        for left, before, outer in _made(numbers[:cut], signs):
            for (right, after, inner), sign in itertools.product(rights, signs):
                if sign == "/" and right == 0:
                    continue
                level = LEVEL[sign]
                # a - (b + c) and a / (b * c) need their brackets, a + (b - c) and a * (b / c) do not
                closed = inner < level or (inner == level and sign in "-/")
                yield (
                    _apply(left, sign, right),
                    [*_bracketed(before, outer < level), sign, *_bracketed(after, closed)],
                    level,
                )


def _bracketed(tokens: list[str], needed: bool) -> list[str]:
    return ["(", *tokens, ")"] if needed else tokens


def _apply(left: Fraction, sign: str, right: Fraction) -> Fraction:
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right


@functools.lru_cache(maxsize=4096)
def solvable(numbers: tuple[Fraction, ...], target: int, signs: str) -> bool:
    """Whether some formula that uses each number once is worth `target`. `numbers`: ascending.

    Two numbers are replaced by what one operator makes of them, until one is left: quicker than `solutions`.
    """
    if len(numbers) == 1:
        return numbers[0] == target
    for one, other in itertools.permutations(range(len(numbers)), 2):
        rest = [number for at, number in enumerate(numbers) if at not in (one, other)]
        for sign in signs:
            if (sign in "+*" and one > other) or (sign == "/" and numbers[other] == 0):
                continue
            made = _apply(Fraction(numbers[one]), sign, Fraction(numbers[other]))
            if solvable(tuple(sorted([*rest, made])), target, signs):
                return True
    return False
