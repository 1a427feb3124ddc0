"""`@decide=true` in the embedded backend: the model's chance of each legal action, one drawn by them, no text."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

pytest.importorskip("transformers")

import msgspec
import numpy as np
import torch

from arena.canonical import generator
from arena.errors import InputError
from arena.game import Views
from arena.lineup import build_plan
from arena.log import TurnLine
from arena.operator import WorkerContext, turn_key
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from arena_operators.vlm.backend import Message, ModelRequest, Sampling, TooLongError
from arena_operators.vlm.decide import decide
from arena_operators.vlm.generate import Batches
from arena_operators.vlm.kind import KIND
from arena_operators.vlm.operator import make, make_llm
from tests.operators.vlm_kit import answers, decided, foreign, frames, lessons, requests, text_model


@pytest.fixture(scope="module")
def taught():
    return [*lessons("kuhn", 3), *lessons("holdem", 3), *lessons("leduc", 2)]


@pytest.fixture(scope="module")
def nano():
    return make(WorkerContext("", {"decide": True, "batch": 8}))


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    folder = foreign(tmp_path_factory.mktemp("foreign") / "model")
    operator = make(WorkerContext(str(folder), {"decide": True, "batch": 4, "prompt": "short"}))
    operator.backend._engine = Batches(operator.backend.model, 4)  # the way of any other model
    return operator


@torch.inference_mode()
def plain(model, messages, texts):
    """The chances of `texts` by transformers' forward pass over the whole of each, tokens that are never drawn out."""
    row, totals = model.encode(messages), []
    for text in texts:
        ids = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        wanted = torch.tensor([[*ids, min(model.ends)]])
        given = torch.cat([row.sequences["input_ids"], wanted], 1)
        logits = model.model(input_ids=given, attention_mask=torch.ones_like(given), **row.others).logits[0].double()
        logits[:, torch.from_numpy(model.banned(logits.shape[-1]))] = -torch.inf
        scores = logits.log_softmax(-1)[row.length - 1 : -1]
        totals.append(scores.gather(1, wanted.T).sum())
    return torch.stack(totals).softmax(0).numpy()


@pytest.mark.parametrize("which", ["nano", "random_weights"])
def test_the_chances_are_those_of_a_plain_forward_pass(which, taught, request):
    operator = request.getfixturevalue(which)
    seats, asked = requests(taught)
    operator.open(seats)
    for decision, one, lesson in zip(decided(operator, asked), asked, taught, strict=True):
        told = json.loads(decision.thought)
        legal = [lesson.card.actions[action] for action in lesson.observation.legal]
        assert list(told) == legal
        assert sum(told.values()) == pytest.approx(1, abs=1e-5)
        wanted = plain(operator.backend.model, operator.dialogue.messages(one), [f"Answer: {name}" for name in legal])
        assert np.array(list(told.values())) == pytest.approx(wanted, abs=1e-5)
        assert (decision.raw, decision.fault) == (f"Answer: {decision.answer}", None)


def test_a_model_that_only_reads_decides(tmp_path, taught):
    operator = make_llm(WorkerContext(str(text_model(tmp_path / "model")), {"decide": True}))
    seats, asked = requests(taught[:3])
    operator.open([msgspec.structs.replace(seat, views=Views(text=True)) for seat in seats])
    for decision, one, lesson in zip(decided(operator, asked), asked, taught, strict=False):
        told = json.loads(decision.thought)
        texts = [f"Answer: {name}" for name in told]
        wanted = plain(operator.backend.model, operator.dialogue.messages(one), texts)
        assert np.array(list(told.values())) == pytest.approx(wanted, abs=1e-5)
        assert decision.answer in [lesson.card.actions[action] for action in lesson.observation.legal]


def test_the_action_is_drawn_by_the_turns_key(random_weights, taught):
    options = {"decide": True, "prompt": "short", "batch": 4, "temperature": 10.0}  # with 1, they take the shortest
    operator = make(WorkerContext(random_weights.backend.model.name, options))
    seats, asked = requests(taught * 2)
    operator.open(seats)
    likeliest = set()
    for seat, one, decision in zip(seats, asked, decided(operator, asked), strict=True):
        names = list(json.loads(decision.thought))
        texts = [f"Answer: {name}" for name in names]
        warm = plain(operator.backend.model, operator.dialogue.messages(one), texts) ** 0.1
        at = np.searchsorted(np.cumsum(warm / warm.sum()), generator(turn_key(seat, one)).random(), side="right")
        assert decision.answer == names[at]
        likeliest.add(at == warm.argmax())
    assert likeliest == {True, False}  # drawn, and not the likeliest each time


def test_greedy_takes_the_likeliest_of_the_same_chances(random_weights, taught):
    wanted = [json.loads(one.thought) for one in answers(random_weights, taught)]
    options = {"decide": True, "prompt": "short", "batch": 4, "temperature": 0.0}
    greedy = make(WorkerContext(random_weights.backend.model.name, options))
    for decision, told in zip(answers(greedy, taught), wanted, strict=True):
        assert json.loads(decision.thought) == pytest.approx(told, abs=1e-5)
        assert decision.answer == max(told, key=told.get)


def test_temperature_changes_the_draw_and_not_the_chances():
    texts, scores = [(1, 0), (2, 0)], [np.log(np.array([p, 1.0], np.float32)) for p in (0.6, 0.2)]
    warm = decide(texts, scores, 0.8, Sampling(temperature=1.0))
    cold = decide(texts, scores, 0.8, Sampling(temperature=0.5))  # 0.9 and 0.1
    assert (warm.chosen, cold.chosen) == (1, 0)
    assert warm.chances == cold.chances == pytest.approx((0.75, 0.25))
    assert np.exp(cold.logprobs) == pytest.approx([0.9, 1.0])


def test_a_texts_own_end_is_part_of_its_chance():
    """The texts 1, and 1 2: the first token decides nothing, and what follows it does."""
    scores = [np.log(np.array(one, np.float32)) for one in ([0.5, 0.3], [0.5, 0.1, 1.0])]
    found = decide([(1, 0), (1, 2, 0)], scores, 0.9, Sampling())
    assert found.chances == pytest.approx((0.75, 0.25))
    assert (found.chosen, np.exp(found.logprobs)) == (1, pytest.approx([1, 0.25, 1]))


@pytest.mark.parametrize("which", ["nano", "random_weights"])
def test_grouping_changes_no_bit(which, taught, request):
    operator = request.getfixturevalue(which)
    seats, asked = requests(taught)
    operator.open(seats)
    together = frames(decided(operator, asked))
    assert frames([decided(operator, [one])[0] for one in asked]) == together
    assert frames(decided(operator, asked[::-1])[::-1]) == together


def test_a_row_that_decides_changes_no_bit_of_one_that_writes(random_weights):
    def request(number, **more):
        said = (Message("user", ("Which move?",)),)
        return ModelRequest(messages=said, key=bytes([number]) * 16, sampling=Sampling(max_tokens=12), **more)

    backend = random_weights.backend
    free = [request(number) for number in range(3)]
    alone = {i: answer.logprobs.tobytes() for i, answer in backend.generate(free)}
    deciding = request(8, choices=("Answer: call", "Answer: I think"), decide=True)
    mixed = dict(backend.generate([deciding, *free]))
    assert {i: mixed[i + 1].logprobs.tobytes() for i in range(3)} == alone
    assert sum(mixed[0].chances) == pytest.approx(1)


def test_only_the_actions_must_fit_into_the_context(random_weights):
    said, backend = (Message("user", ("Which move?",)),), random_weights.backend
    most = Sampling(max_tokens=backend.model.context)  # which leaves no room for a prompt
    asked = ModelRequest(messages=said, key=bytes(16), sampling=most, choices=("Answer: call",), decide=True)
    backend.check_fits(asked)
    for other in (replace(asked, decide=False), replace(asked, choices=("call " * backend.model.context,))):
        with pytest.raises(TooLongError):
            backend.check_fits(other)


def test_a_match_is_logged_with_its_chances_and_verified(tmp_path):
    run_plan(build_plan("leduc", ["vlm@decide=true", "random"], seed=1, matches=2), tmp_path / "run")
    run = Run(tmp_path / "run")
    turns = [line for line in run.lines() if isinstance(line, TurnLine) and line.operator != "random"]
    assert turns
    for turn in turns:
        assert sum(json.loads(turn.thought).values()) == pytest.approx(1, abs=1e-5)
    report = verify(run)
    assert report.passed, report.problems


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "http://localhost:9"}, "decide=true goes with @backend=transformers.*Say @choices=true"),
        ({"backend": "vllm"}, "decide=true goes with @backend=transformers.*Say @choices=true"),
        ({"choices": True}, "leave out one of them"),
        ({"tools": "notes"}, "@decide=true leaves no room for calls of tools"),
    ],
)
def test_what_cannot_decide_is_refused_in_words(options, said):
    with pytest.raises(InputError, match=said):
        KIND.resolve_options(None, "org/model", {"decide": True, **options})
