"""`vlm` as an operator: fixed-shape decoding, other people's models, and what is refused. (nano: test_nano.py)"""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest

pytest.importorskip("transformers")

import torch

from arena.errors import CheckpointError, InputError, UnplayableError
from arena.operator import OpenSeat, WorkerContext
from arena.plugins import game_class
from arena_operators.vlm import loading, sampling
from arena_operators.vlm.backend import Message, Sampling
from arena_operators.vlm.kind import KIND, resolve_options, views
from arena_operators.vlm.operator import make
from arena_operators.vlm.prompt import split
from tests.operators.vlm_kit import VIEWS, answers, decided, foreign, frames, lessons, question, requests, text_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("foreign") / "model")


@pytest.fixture(scope="module")
def operator(folder):
    return make(WorkerContext(str(folder), {"max_tokens": 12, "batch": 4}))


@pytest.fixture(scope="module")
def taught():
    return [*lessons("kuhn", 5), *lessons("holdem", 6), *lessons("leduc", 3)]


@pytest.fixture(scope="module")
def decisions(operator, taught):
    return answers(operator, taught)


def test_the_kind_is_light():
    code = "import sys, arena_operators.vlm.kind; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_foreign_model_answers_every_request(decisions, taught):
    assert len(decisions) == len(taught)
    assert all(isinstance(one.answer, str) and one.raw is not None for one in decisions)
    assert all(len(one.tokens) == len(one.logprobs) == one.usage.completion <= 12 for one in decisions)


def test_tokens_are_left_out_unless_the_seat_asks_for_them(operator, taught):
    (seat,), asked = requests(taught[:1])
    operator.open([msgspec.structs.replace(seat, tokens=False)])
    (decision,) = decided(operator, asked)
    assert (decision.prompt_tokens, decision.tokens, decision.logprobs) == (None, None, None)
    assert decision.usage.completion > 0


def test_it_says_why_it_stopped(decisions, operator):
    for one in decisions:
        assert one.finish_reason == ("stop" if int(one.tokens[-1]) in operator.backend.model.ends else "length")
        assert one.finish_reason == "stop" or len(one.tokens) == 12


def test_a_chat_template_is_used(tmp_path, taught):
    operator = make(WorkerContext(str(foreign(tmp_path / "chat", chat=True)), {"max_tokens": 2}))
    row = operator.backend.model.encode(question("Which move?", taught[0].observation.image))
    text = operator.backend.model.tokenizer.decode(row.sequences["input_ids"][0])
    assert text.endswith("Which move?\n")
    assert len(answers(operator, taught[:1])[0].tokens)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ messages[0]['content'][1]['text'] }}", "drops the picture.*became 'Which move\\?', without <image>"),
        ("{{ raise_exception('roles must alternate') }}", "chat template of this model fails.*roles must alternate"),
        ("{{ '<image><image>' }}", "takes no prompt with a picture of 128x128: ValueError"),
    ],
)
def test_a_template_without_the_picture_is_told_before_it_plays(tmp_path, taught, template, words):
    folder = foreign(tmp_path / "chat", chat=True)
    (folder / "chat_template.jinja").write_text(template)
    operator = make(WorkerContext(str(folder), {}))
    with pytest.raises(ValueError, match=words):
        operator.open(requests(taught[:1])[0])


def test_neither_grouping_nor_order_changes_a_bit(operator, taught, decisions):
    seats, asked = requests(taught)
    operator.open(seats)
    order = np.random.default_rng(0).permutation(len(asked))
    one_by_one = {i: decided(operator, [asked[i]])[0] for i in order}
    by_three = {}
    for start in range(0, len(order), 3):
        part = order[start : start + 3]
        by_three.update(zip(part, decided(operator, [asked[i] for i in part]), strict=True))
    assert frames(one_by_one[i] for i in range(len(asked))) == frames(decisions)
    assert frames(by_three[i] for i in range(len(asked))) == frames(decisions)


def test_log_probabilities_are_those_of_a_plain_forward_pass(operator, taught, decisions):
    seats, asked = requests(taught)
    operator.open(seats)
    for request, decision in list(zip(asked, decisions, strict=True))[::4]:
        row = operator.backend.model.encode(operator.dialogue.messages(request))
        assert np.array_equal(decision.prompt_tokens, row.sequences["input_ids"][0])
        ids = torch.cat([row.sequences["input_ids"], torch.tensor(decision.tokens)[None].long()], dim=1)
        with torch.no_grad():
            logits = operator.backend.model.model(input_ids=ids, pixel_values=row.others["pixel_values"]).logits[0]
        logits[:, torch.from_numpy(operator.backend.model.banned(logits.shape[-1]))] = -torch.inf
        scored = logits.log_softmax(-1)[row.length - 1 : -1]
        plain = scored[torch.arange(len(decision.tokens)), decision.tokens.tolist()]
        assert np.allclose(plain.numpy(), decision.logprobs, atol=1e-4)


def test_another_key_draws_another_answer(operator, taught):
    seats, asked = requests(taught[:1])
    drawn = set()
    for number in range(4):
        seat = OpenSeat(match=0, seat=0, operator="vlm", card=seats[0].card, views=VIEWS, seed=bytes([number]) * 16)
        operator.open([seat])
        drawn.add(decided(operator, asked)[0].raw)
    assert len(drawn) > 1


def test_image_tokens_and_other_specials_are_banned_but_the_end_is_not(operator):
    model = operator.backend.model
    banned = model.banned(len(model.tokenizer) + 3)
    names = ["<image>", "<fake_token_around_image>", "<global-img>", "<pad>", "<s>"]
    assert banned[model.tokenizer.convert_tokens_to_ids(names)].all()
    assert not banned[model.tokenizer.eos_token_id]
    assert banned[-3:].all()
    assert not banned[model.tokenizer.convert_tokens_to_ids("e")]


def probabilities(*chances, **given):
    """What is sampled of a distribution."""
    scored = sampling.processed(torch.tensor([chances]).log(), torch.zeros(len(chances), dtype=bool), Sampling(**given))
    return scored[0].exp().tolist()


def test_a_banned_token_is_never_drawn():
    banned = torch.arange(50) % 3 == 0
    ends = torch.tensor([0.0, np.nextafter(1.0, 0.0), *np.random.default_rng(0).random(500)], dtype=torch.float64)
    scored = sampling.processed(torch.zeros(len(ends), 50), banned, Sampling())
    assert set(sampling.draw(scored, ends, greedy=False).tolist()) == set((~banned).nonzero()[:, 0].tolist())


def test_tokens_are_drawn_as_often_as_they_are_likely():
    scored = sampling.processed(torch.tensor([[0.5, 0.25, 0.25]]).log(), torch.zeros(3, dtype=bool), Sampling())
    uniforms = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    assert sampling.draw(scored.expand(1000, 3), uniforms, greedy=False).bincount().tolist() == [500, 250, 250]


def test_temperature_sharpens_and_zero_is_greedy():
    assert probabilities(0.2, 0.6, 0.2, temperature=0.5)[1] > 0.8
    scored = sampling.processed(torch.tensor([[1.0, 2.0, 0.0]]), torch.zeros(3, dtype=bool), Sampling(temperature=0))
    assert sampling.draw(scored, torch.tensor([0.999]), greedy=True).tolist() == [1]


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"top_k": 1}, [1]),
        ({"top_k": 3}, [0, 1, 3]),
        ({"top_p": 0.4}, [1]),
        ({"top_p": 0.6}, [1, 3]),
        ({"top_p": 0.9}, [0, 1, 3]),
        ({"min_p": 0.4}, [1, 3]),
        ({"min_p": 0.3, "top_p": 0.99}, [0, 1, 3]),
    ],
)
def test_what_top_k_top_p_and_min_p_leave_is_sampled_by_its_share(given, left):
    chances = (0.1875, 0.5, 0.0625, 0.25)
    share = sum(chances[token] for token in left)
    wanted = [chance / share if token in left else 0 for token, chance in enumerate(chances)]
    assert probabilities(*chances, **given) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("I hold a king.\nAnswer: bet", ("I hold a king.", "bet")),
        ("Answer: a\nAnswer: fold ", ("Answer: a", "fold")),
        ("I would call", (None, "I would call")),
        ("Answer:", ("", "")),
        ("I hold.\nAnswer: call, or fold", ("I hold.", "call, or fold")),
    ],
)
def test_the_answer_follows_the_last_mark_and_is_not_repaired(raw, expected):
    assert split(raw) == expected


def test_the_picture_fits_the_models_tower(folder):
    sizes = game_class("holdem").spec.image_sizes
    assert views(game_class("holdem").spec, str(folder), {}).image in sizes
    assert views(game_class("holdem").spec, "org/model", {}).image == min(s for s in sizes if min(s) >= 384)
    with pytest.raises(UnplayableError, match="offers"):
        views(game_class("holdem").spec, str(folder), {"image": "17"})


def test_a_game_without_pictures_is_unplayable(folder):
    class Blind:
        id, image_sizes, text = "blind", (), True

    with pytest.raises(UnplayableError, match="no image view"):
        views(Blind, str(folder), {})


@pytest.mark.parametrize("what", ["no/such/folder", "nowhere", "./nope"])
def test_a_name_that_is_nothing_is_refused(what):
    with pytest.raises(InputError, match="is not a model"):
        resolve_options(None, what, {})


def test_a_revision_belongs_to_a_hub_name(folder):
    with pytest.raises(InputError, match="revision"):
        resolve_options(None, str(folder), {"revision": "main"})
    assert resolve_options(None, "org/model", {"revision": "main"})["revision"] == "main"


def _copy(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.safetensors", lambda data: data[:-1000], "header says"),
        ("model.safetensors", lambda data: b"\xff" * 100, "cut short"),
        ("model.safetensors", lambda data: data[:8] + b"x" + data[9:], "damaged header"),
        ("config.json", lambda data: b"{", "cannot be read as JSON"),
        ("config.json", lambda data: b"{}", "no model_type"),
        ("config.json", None, "is missing"),
        ("model.safetensors", None, "no \\*.safetensors"),
        ("processor_config.json", None, "image processor"),
    ],
)
def test_a_damaged_folder_is_refused_in_words(folder, tmp_path, name, change, message):
    broken = _copy(folder, tmp_path)
    if change is None:
        (broken / name).unlink()
    else:
        (broken / name).write_bytes(change((broken / name).read_bytes()))
    with pytest.raises(CheckpointError, match=message):
        resolve_options(None, str(broken), {})
    with pytest.raises(ValueError, match=message):  # and by the worker, where arena and worker do not share a disk
        make(WorkerContext(str(broken), {}))


def test_weights_of_another_shape_are_refused_by_the_worker(folder, tmp_path):
    broken = _copy(folder, tmp_path)
    config = json.loads((broken / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 3
    (broken / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="missing keys"):
        make(WorkerContext(str(broken), {}))


def test_an_unknown_architecture_is_refused_by_the_worker(folder, tmp_path):
    broken = _copy(folder, tmp_path)
    (broken / "config.json").write_text('{"model_type": "no-such-model"}')
    with pytest.raises(ValueError, match="cannot be loaded"):
        make(WorkerContext(str(broken), {}))


def test_every_default_passes_its_own_check():
    for name, option in KIND.options.items():
        assert option.check(name, option.default) == option.default


def test_weights_that_are_no_numbers_are_refused_by_the_worker(folder, tmp_path):
    broken = _copy(folder, tmp_path)
    weights = bytearray((broken / "model.safetensors").read_bytes())
    weights[-64:] = b"\xff" * 64
    (broken / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="NaN or inf"):
        make(WorkerContext(str(broken), {}))


def test_weights_that_are_not_those_of_the_metadata_are_refused(folder, tmp_path):
    other = _copy(folder, tmp_path)
    (other / "nano.json").write_text(json.dumps({"games": ["leduc"], "weights_sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="another sha256"):
        resolve_options(None, str(other), {})


def test_earlier_turns_that_the_model_has_no_room_for_are_counted(folder, taught, monkeypatch):
    operator = make(WorkerContext(str(folder), {"max_tokens": 5, "history": 8}))
    config, (seat,), (request,) = operator.backend.model.model.config.text_config, *requests(taught[:1])
    operator.open([seat])
    dropped = []
    for tick in range(2):
        (decision,) = decided(operator, [msgspec.structs.replace(request, tick=tick)])
        monkeypatch.setattr(config, "max_position_embeddings", decision.usage.prompt + 5)  # no room for one more turn
        dropped.append(decision.usage.dropped)
    assert dropped == [0, 1]


def test_an_answer_that_fills_the_context_is_refused_at_the_start(folder):
    with pytest.raises(ValueError, match="context has 4,096 tokens"):
        make(WorkerContext(str(folder), {"max_tokens": 4096}))
    make(WorkerContext(str(folder), {"max_tokens": 4096, "decide": True}))


@pytest.mark.parametrize(("asked", "told"), [({}, False), ({"thoughts": False}, True), ({"decide": True}, True)])
@pytest.mark.parametrize("kind", ["vlm", "llm"])
def test_a_template_is_told_that_no_thought_is_wanted(tmp_path, kind, asked, told):
    folder = foreign(tmp_path / "model", chat=True) if kind == "vlm" else text_model(tmp_path / "model")
    template = folder / "chat_template.jinja"
    template.write_text(
        template.read_text() + "{% if enable_thinking is defined and not enable_thinking %}off{% endif %}"
    )
    model = make(WorkerContext(str(folder), asked), kind).backend.model
    assert model.lay_out([Message("user", ("Which move?",))]).endswith("off") is told


def test_where_the_hub_cannot_be_reached_a_folder_is_asked_for():
    """As transformers says it."""
    error = OSError("We couldn't connect to 'https://huggingface.co' to load the files.")
    assert loading.hint(error).endswith("copy the model's folder from where there is one, and name it: vlm:DIR.")
