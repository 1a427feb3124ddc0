"""What tokens cost, by the price that an operator is given."""

from __future__ import annotations

import pytest

from arena.price import Price, parse, price_of


def test_a_price_is_of_a_million_tokens_in_and_out() -> None:
    assert parse("0.15/0.60").of(2_000_000, 500_000) == pytest.approx(0.60)


def test_cached_tokens_are_part_of_the_prompt_and_have_a_price_of_their_own() -> None:
    assert parse("1/2/0.1").of(1_000_000, 0, cached=400_000) == pytest.approx(0.64)


def test_without_one_cached_tokens_cost_what_others_do() -> None:
    assert parse("1/2") == Price(1.0, 2.0, 1.0)


def test_a_server_that_counts_more_cached_tokens_than_it_was_sent_gives_nothing_back() -> None:
    assert parse("1/2/0").of(1_000_000, 0, cached=5_000_000) == 0.0


@pytest.mark.parametrize("text", ["", "1", "1/2/3/4", "a/b", "-1/2", "1/inf", "nan/1", "1,2"])
def test_what_is_no_price_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(ValueError, match="expected IN/OUT"):
        parse(text)


def test_who_gives_none_has_none() -> None:
    assert price_of({}) is price_of({"price": None}) is None
