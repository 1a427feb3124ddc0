"""`calculate`: arithmetic in exact fractions, by a walk over the parsed expression. Nothing is evaluated by Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from fractions import Fraction

from arena.tool import repeatable

LONGEST = 200  # characters of an expression
DIGITS = 100  # most digits of a number on the way, above or below its fraction line
EXPONENT = 100  # largest, and smallest as -100
LARGEST = 10**DIGITS
BINARY: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[[Fraction], Fraction]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


@repeatable
def calculate(expression: str) -> str:
    """Calculates an expression of numbers with + - * / // % ** and brackets, e.g. (3 + 4) * 0.5"""
    value = evaluate(expression)
    if value.denominator == 1:
        return str(value.numerator)
    return f"{value.numerator}/{value.denominator} = {decimal(value)}"


def evaluate(expression: str) -> Fraction:
    """The exact value. ValueError, in words, for what is no such expression, or too large."""
    if len(expression) > LONGEST:
        raise ValueError(f"the expression has {len(expression)} characters; at most {LONGEST} are taken")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"not an expression: {expression!r}") from None
    return _value(tree.body, expression)


def decimal(value: Fraction) -> str:
    """A value to six significant digits."""
    try:
        return f"{float(value):.6g}"
    except OverflowError:
        raise ValueError("the result is too large") from None


def _value(node: ast.expr, text: str) -> Fraction:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            written = ast.get_source_segment(text.strip(), node) or ""
            return _bounded(_number(written))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in UNARY:
            return UNARY[type(sign)](_value(operand, text))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, text), _value(right, text))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in BINARY:
            a, b = _value(left, text), _value(right, text)
            try:
                return _bounded(Fraction(BINARY[type(sign)](a, b)))
            except ZeroDivisionError:
                raise ValueError("division by zero") from None
    raise ValueError(f"only numbers, + - * / // % ** and brackets are calculated, not {ast.unparse(node)[:80]!r}")


def _number(written: str) -> Fraction:
    """A number as it is written, so that 0.1 is one tenth."""
    mantissa, _, exponent = written.replace("_", "").lower().partition("e")
    if len(exponent.lstrip("+-")) > 3:
        raise ValueError(f"{written} is too large or too small")
    try:
        return Fraction(f"{mantissa}e{exponent}" if exponent else mantissa)
    except ValueError:
        raise ValueError(f"{written!r} is not a decimal number") from None


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > EXPONENT:
        raise ValueError(f"an exponent is a whole number from -{EXPONENT} to {EXPONENT}")
    if base == 0 and exponent < 0:
        raise ValueError("division by zero")
    digits = max(len(str(abs(base.numerator))), len(str(base.denominator)))
    if digits * abs(exponent) > 20 * DIGITS:  # before it is calculated
        raise ValueError(f"the result has more than {DIGITS} digits")
    return _bounded(Fraction(base**exponent.numerator))


def _bounded(value: Fraction) -> Fraction:
    if abs(value.numerator) > LARGEST or value.denominator > LARGEST:
        raise ValueError(f"a number has more than {DIGITS} digits")
    return value
