"""A training whose answers are faults is warned of, whether it came to that or began so."""

from __future__ import annotations

from arena.train.vlm.collapse import UNPARSED, sentence


def said(*shares: float) -> str:
    return sentence([{"update": at, UNPARSED: share} for at, share in enumerate(shares, 1)], 1e-3)


def test_answers_that_became_faults_are_told_with_the_rate_to_lower() -> None:
    assert said(0.0, 0.1, 0.9, 0.99) == (
        "update 4: 99% of the answers are a fault, 0% in the first update: the model collapsed by update 3, and "
        "may not come back by itself. Lower learn.learning_rate (now 0.001), and begin anew with another --out"
    )


def test_a_model_that_never_knew_how_to_answer_wants_a_supervised_start() -> None:
    assert "as from the first update on" in said(1.0, 0.8)
    assert "arena train sft" in said(0.9)


def test_a_fall_after_a_recovery_is_dated_by_itself() -> None:
    assert "the model collapsed by update 3" in said(0.0, 0.1, 0.9)
    assert "the model collapsed by update 4" in said(0.0, 0.6, 0.05, 0.9)
    assert "the model collapsed by update 3" in said(0.6, 0.05, 0.9)


def test_few_faults_and_those_that_are_over_are_nothing_to_warn_of() -> None:
    assert [said(), said(0.5), said(0.0, 0.9, 0.2)] == ["", "", ""]
