"""What a run may take: it stops once that is spent, and what was played stands."""

from __future__ import annotations

import pytest

from arena.budget import Budget, BudgetError, Spending
from arena.errors import InputError
from arena.lineup import build_plan
from arena.operator import Decision, Usage
from arena.play import run_plan
from arena.price import Price
from arena.record.reader import Run
from arena.record.times import Spent, Times


def test_tokens_calls_and_prices_are_counted_until_one_is_spent():
    spending = Spending(Budget(price=1.0), {"a": Price(1e6, 2e6, 1e6), "b": None})
    spending.answered("b", Decision(answer=0, usage=Usage(1000, 1000)))
    spending.answered("a", Decision(answer=0))
    assert (spending.calls, spending.tokens, spending.price) == (1, 2000, 0.0)
    with pytest.raises(BudgetError, match="the budget of 1 for tokens is spent: 3 were taken"):
        spending.answered("a", Decision(answer=0, usage=Usage(1, 1)))


def test_what_was_taken_before_counts():
    before = Times({0: {"a": Spent(answers=5, prompt=90)}})
    with pytest.raises(BudgetError, match="the budget of 5 calls is spent: 5 were taken"):
        Spending(Budget(calls=5), {"a": None}, before)
    assert Spending(Budget(calls=6), {"a": None}, before).tokens == 90


@pytest.mark.parametrize("wrong", [{"tokens": 0}, {"seconds": -1.0}, {"price": float("inf")}])
def test_an_amount_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match=f"budget {next(iter(wrong))}="):
        Spending(Budget(**wrong), {})


def test_a_run_stops_and_goes_on_with_a_larger_budget_as_if_it_had_not(tmp_path):
    plan = build_plan("kuhn", ["vlm@max_tokens=40", "random"], seed=3, matches=6)
    with pytest.raises(BudgetError, match="the budget of 200 tokens is spent"):
        run_plan(plan, tmp_path / "one", budget=Budget(tokens=200))
    assert 0 < sum(1 for _ in Run(tmp_path / "one").played()) < 6
    run_plan(plan, tmp_path / "one", budget=Budget(tokens=100_000), resume=True)
    run_plan(plan, tmp_path / "two")
    for name in ("run.json", "log-000.jsonl", "results.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
