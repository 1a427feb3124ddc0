"""A model that is given more tokens reads what it knew as before, and new words in fewer."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from tokenizers import Tokenizer
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast

from arena_operators.vlm.checkpoint import SHIPPED
from scripts.nano import build, more_tokens
from tests.scripts.test_nano_eyes import TINY

KNOWN = ["holdem. 2 seats, you act first. round preflop.", "I hold Kh Qh. Board empty.\nAnswer: raise"]
NEW = ["a large purple rubber cylinder on the left at the back", "a small purple metal cylinder. Seat 2 said so."] * 3


@pytest.fixture
def folder(tmp_path):
    """A tiny model by chance."""
    build.begin(TINY, PreTrainedTokenizerFast.from_pretrained(SHIPPED), tmp_path / "model")
    return tmp_path / "model"


def read(folder, text):
    return PreTrainedTokenizerFast.from_pretrained(folder)(text)["input_ids"]


def scores(folder, ids):
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].numpy()


def test_what_is_known_is_read_as_before_and_means_the_same(folder):
    before = [read(folder, text) for text in KNOWN]
    had = scores(folder, before[0])
    more_tokens.grow(folder, NEW, 40)
    assert [read(folder, text) for text in KNOWN] == before
    has = scores(folder, before[0])
    assert has.shape[1] > had.shape[1]
    assert np.allclose(has[:, : had.shape[1]], had, atol=2e-2)  # weights are kept in bfloat16


def test_new_words_are_read_in_fewer_tokens_and_written_as_they_were(folder):
    before = len(read(folder, NEW[0]))
    new = more_tokens.grow(folder, NEW, 60)
    ids = read(folder, NEW[0])
    assert "Ġpurple" in new
    assert len(ids) < before / 2
    assert PreTrainedTokenizerFast.from_pretrained(folder).decode(ids) == NEW[0]


def test_a_new_token_begins_as_the_mean_of_its_parts(folder):
    (found,) = more_tokens.merges(Tokenizer.from_file(str(folder / "tokenizer.json")), NEW, 1)
    more_tokens.grow(folder, NEW, 1)
    places = PreTrainedTokenizerFast.from_pretrained(folder).get_vocab()
    rows = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).get_input_embeddings().weight
    parts = (rows[places[found.left]] + rows[places[found.right]]) / 2
    assert torch.allclose(rows[places["".join(found)]], parts, atol=2e-3)


def test_digits_and_cards_stay_alone(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert more_tokens.merges(tokenizer, ["Kh Qd", "1212"] * 9, 20) == []


def test_equal_texts_give_equal_tokens_and_no_more_than_there_are(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "other")
    assert more_tokens.grow(folder, NEW, 30) == more_tokens.grow(tmp_path / "other", NEW, 30)
    assert more_tokens.merges(Tokenizer.from_file(str(folder / "tokenizer.json")), ["once"], 9) == []
