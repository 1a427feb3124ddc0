"""Chats in tokens: what each token belongs to, which examples stand in a batch, and what each token weighs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

pytest.importorskip("transformers")

from transformers import AutoTokenizer

from arena.errors import InputError
from arena.train.vlm import examples as kept
from arena.train.vlm.chats import Chat
from arena.train.vlm.examples import ANSWER, SHOWN, THOUGHT, Album, Tokens, chosen, encode, weighted
from arena_operators.vlm.checkpoint import SHIPPED

TOKENIZER = AutoTokenizer.from_pretrained(SHIPPED)
PICTURE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


def prompt(messages):
    """The texts alone, a picture as one token before them."""
    text = "".join(part for _, said in messages for part in said if isinstance(part, str))
    return np.array([4, *TOKENIZER(text)["input_ids"]], np.int32), ((0, 1),)


TOKENS = Tokens(prompt, TOKENIZER, TOKENIZER.eos_token_id, 64)


def chat(number=0, shown="", text="The way is free. Run.\nAnswer: right run"):
    return Chat("sidescroller", [("user", [PICTURE, f"pot {number}"])], text, shown)


def examples(count):
    return encode([chat(number) for number in range(count)], TOKENS, Album())


def test_a_token_belongs_to_the_thought_the_answer_or_what_is_shown():
    (example,) = encode([chat(shown=" 2 2*4")], TOKENS, Album())
    by = {part: TOKENIZER.decode(example.response[example.parts == part]) for part in (THOUGHT, ANSWER, SHOWN)}
    assert by == {THOUGHT: "The way is free. Run.\n", ANSWER: "Answer: right run</s>", SHOWN: " 2 2*4"}


def test_a_text_without_a_mark_is_all_answer():
    (example,) = encode([Chat("chat", [("user", ["hello"])], "call")], TOKENS, Album())
    assert set(example.parts.tolist()) == {ANSWER}


def test_a_picture_is_kept_once_and_comes_back():
    album = Album()
    first, second = encode([chat(1), chat(2)], TOKENS, album)
    assert first.images == second.images
    assert np.array_equal(album[first.images[0]], PICTURE)


def test_what_does_not_fit_the_context_is_told():
    with pytest.raises(InputError, match="context"):
        encode([chat(text="Run. " * 64)], TOKENS, Album())


def test_a_chat_that_does_not_fit_is_left_out_and_told(capsys):
    assert len(encode([chat(), chat(text="Run. " * 64)], TOKENS, Album())) == 1
    assert "1 of 2 examples" in capsys.readouterr().err


def test_of_what_is_shown_as_much_is_learnt_as_fits():
    (example,) = encode([chat(shown=" 2" * 64)], TOKENS, Album())
    assert len(example.prompt) + len(example.response) == TOKENS.context
    assert (example.parts == SHOWN).any()


def test_every_pool_gets_its_share_and_every_example_its_turn():
    pools = {"a": examples(10), "b": examples(30)}
    met = [one for step in range(10) for one in chosen(pools, {"a": 1, "b": 3}, 8, 1, step)]
    counts = Counter(id(one) for one in met)
    assert [{counts[id(one)] for one in pools[name]} for name in "ab"] == [{2}, {2}]


def test_the_order_follows_from_the_seed():
    pools = {"a": examples(50)}

    def drawn(seed, step):
        return [int(one.prompt[-1]) for one in chosen(pools, {"a": 1}, 8, seed, step)]

    assert drawn(1, 3) == drawn(1, 3)
    assert drawn(1, 3) != drawn(2, 3)
    assert drawn(1, 3) != drawn(1, 4)


def test_of_a_pool_one_order_is_kept_however_many_passes_there_were(monkeypatch):
    monkeypatch.setattr(kept, "_orders", {})
    pools = {"a": examples(3), "b": examples(5)}
    for step in range(20):
        chosen(pools, {"a": 1, "b": 1}, 8, 1, step)
    assert len(kept._orders) == len(pools)


def test_the_weights_of_a_batch_sum_to_one():
    many = encode([chat(1), chat(2, shown=" 2 2")], TOKENS, Album())
    weights = weighted(many, (1.0, 2.0, 0.5))
    assert sum(float(one.sum()) for one in weights) == pytest.approx(1)
    thought, answer, shown = (weights[1][many[1].parts == part][0] for part in (THOUGHT, ANSWER, SHOWN))
    assert [answer / thought, shown / thought] == pytest.approx([2, 0.5])
    with pytest.raises(InputError, match="no token"):
        weighted(many, (0.0, 0.0, 0.0))
