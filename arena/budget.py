"""What a run may take. One that has taken it stops, and goes on from there with a larger budget."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from arena.errors import ArenaError, InputError
from arena.operator import Decision, Usage
from arena.price import Price
from arena.record.times import Times


class BudgetError(ArenaError):
    """A budget is spent. `larger` goes on for as much again, as `--set` of `arena evaluate` has it."""

    def __init__(self, name: str, most: float, taken: float) -> None:
        super().__init__(
            f"the budget of {most:,.15g} {name if name != 'price' else 'for tokens'} is spent: "
            f"{taken:,.6g} were taken. What was played is kept; go on with a larger budget"
        )
        again = most if name == "seconds" else taken + most  # seconds of play before --resume do not count
        self.larger = f"budget.{name}={again if name in ('price', 'seconds') else math.ceil(again):.15g}"


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Most of each that a run takes, voided tries included; None: any amount.

    It is no part of the plan: where a run stops depends on the concurrency, and what it gives when it is complete does
    not.
    """

    calls: int | None = None  # answers of models: those that took tokens
    tokens: int | None = None  # of prompts and answers
    price: float | None = None  # of the tokens of operators with a price
    seconds: float | None = None  # of play, those before --resume not counted

    def check(self) -> None:
        """InputError for an amount that is none."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InputError(f"budget {name}={value}: expected a number above 0, or none")


class Spending:
    """What was spent, and whether it may go on."""

    def __init__(self, budget: Budget, prices: Mapping[str, Price | None], before: Times | None = None) -> None:
        """`prices`: by operator; `before`: of a run that goes on."""
        budget.check()
        self._budget = budget
        self._prices = prices
        self.calls = self.tokens = 0
        self.price = 0.0
        self._began = time.monotonic()
        for spent in [] if before is None else before.spent.values():
            for name, one in spent.items():
                price = prices.get(name)
                self.calls += one.answers if one.tokens else 0
                self.tokens += one.tokens
                self.price += one.cost(price) if price is not None else 0.0
        self.check()

    def answered(self, operator: str, decision: Decision) -> None:
        """One answer. BudgetError if something is spent now."""
        self.used(operator, decision.usage)
        self.check()

    def used(self, operator: str, usage: Usage | None) -> None:
        """What one answer took."""
        if usage is not None:
            self.calls += 1
            self.tokens += usage.prompt + usage.completion
            if (price := self._prices.get(operator)) is not None:
                self.price += price.of(usage.prompt, usage.completion, usage.cached)

    def check(self) -> None:
        """BudgetError if something is spent."""
        spent: dict[str, Any] = {"calls": self.calls, "tokens": self.tokens, "price": self.price}
        spent["seconds"] = time.monotonic() - self._began
        for name, value in spent.items():
            most = getattr(self._budget, name)
            if most is not None and value >= most:
                raise BudgetError(name, most, value)
