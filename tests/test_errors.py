"""What others wrote, inside a message of ours."""

from __future__ import annotations

import pytest

from arena.errors import sentence


@pytest.mark.parametrize("text", ["it failed", "it failed.", "it failed...", "it failed: ", ValueError("it failed.")])
def test_a_sentence_has_one_full_stop(text):
    assert sentence(text) == "it failed."


def test_a_question_keeps_its_mark():
    assert sentence("does it run?") == "does it run?"
