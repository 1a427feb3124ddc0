"""What others wrote, inside a message of ours."""

from __future__ import annotations

import pytest

from arena.errors import nearest, sentence, some


@pytest.mark.parametrize("text", ["it failed", "it failed.", "it failed...", "it failed: ", ValueError("it failed.")])
def test_a_sentence_has_one_full_stop(text):
    assert sentence(text) == "it failed."


def test_a_question_keeps_its_mark():
    assert sentence("does it run?") == "does it run?"


def test_of_many_names_the_first_are_listed_and_the_rest_counted():
    assert some(["a", "b"], 2) == "a, b"
    assert some((letter for letter in "abcdefgh"), 3) == "a, b, c and 5 more"
    assert some([], 3) == "none"


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("temprature", ["pictures", "temperature"], "Did you mean temperature?"),
        ("topk", ["stop", "top_p", "top_k"], "Did you mean top_k?"),
        ("good", ["good1", "good0", "bad"], "Did you mean good1 or good0?"),
        ("PPO", ["ppo", "random"], "Did you mean ppo?"),
        ("xyz", ["b", "a"], "There is: a, b."),
        ("xyz", "abcd", "There is: a, b, c and 1 more."),
        ("xyz", [], "There is none."),
    ],
)
def test_of_known_names_only_those_about_as_near_as_the_nearest_are_suggested(name, known, said):
    assert nearest(name, known, 3) == said
