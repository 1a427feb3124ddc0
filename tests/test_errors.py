"""What others wrote, inside a message of ours."""

from __future__ import annotations

import pytest

from arena.errors import sentence, some


@pytest.mark.parametrize("text", ["it failed", "it failed.", "it failed...", "it failed: ", ValueError("it failed.")])
def test_a_sentence_has_one_full_stop(text):
    assert sentence(text) == "it failed."


def test_a_question_keeps_its_mark():
    assert sentence("does it run?") == "does it run?"


def test_of_many_names_the_first_are_listed_and_the_rest_counted():
    assert some(["a", "b"], 2) == "a, b"
    assert some((letter for letter in "abcdefgh"), 3) == "a, b, c and 5 more"
    assert some([], 3) == "none"
