"""Guesses of how an answer goes on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arena_operators.vlm.drafts import Drafts

TOKENS = st.lists(st.integers(0, 3), max_size=12)


def test_what_followed_the_most_of_the_same_tokens_is_guessed():
    drafts = Drafts()
    drafts.learn([1, 2], [3, 4, 5, 6])
    drafts.learn([1, 9], [3, 4, 7])
    assert drafts.guess([1, 2], [3], 3) == [4, 5, 6]
    assert drafts.guess([1, 9], [3], 3) == [4, 7]
    assert drafts.guess([8, 8], [8], 3) == []


@given(TOKENS, st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 8))
def test_an_answer_that_was_seen_with_its_prompt_is_guessed_from_where_it_is_unique(prompt, answer, most):
    drafts = Drafts()
    drafts.learn([9, *prompt], [10, *range(20, 20 + len(answer))])
    assert drafts.guess([9, *prompt], [10], most) == list(range(20, 20 + len(answer)))[:most]


@given(st.lists(TOKENS), TOKENS, st.integers(0, 8))
def test_never_more_than_asked(seen, tokens, most):
    drafts = Drafts()
    for answer in seen:
        drafts.learn([], answer)
    assert len(drafts.guess([], tokens, most)) <= most
