"""New weights for a real vLLM server on the CPU: the canary knows whose they are, and answers change."""

from __future__ import annotations

import urllib.error
import urllib.request

import numpy as np
import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("peft")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from arena.train.vlm import canary
from arena.train.vlm.canary import CanaryError
from arena_operators.vlm import checkpoint
from arena_operators.vlm.backend import Message, ModelRequest, Sampling
from arena_operators.vlm.model import Model
from tests.operators import vllm_kit

pytestmark = vllm_kit.MARKS
TEXT = np.concatenate([np.arange(100, 112), [300, 41, 555, 203, 610, 77]]).astype(np.int32)
PLACES = canary.prompts(TEXT)
WEIGHTS = "model.safetensors"


class Trainer:
    """nano with an adapter, in transformers: what a trainer's forward pass gives."""

    def __init__(self):
        self.own = Model(checkpoint.source("nano"), "cpu", "float32")
        self.last = None

    def adapted(self, folder, seed):
        """Makes an adapter of random weights, saves it and returns the model with it."""
        torch.manual_seed(seed)
        layers = r".*text_model.*\.(q_proj|v_proj|up_proj)"
        model = get_peft_model(
            Model(checkpoint.source("nano"), "cpu", "float32").model,
            LoraConfig(r=4, target_modules=layers, init_lora_weights=False),
        )
        model.save_pretrained(folder)
        return model

    def after(self, prompt, model, heat=1.0):
        """float32 (vocabulary,): log-probabilities after a prompt, at this temperature."""
        ids = torch.as_tensor(prompt).long()[None]
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1].float()
        logits[torch.as_tensor(self.own.banned(len(logits)))] = -torch.inf
        return (logits / heat).log_softmax(-1).numpy()

    def score(self, model):
        """The canary's scorer of a model."""

        def of(prompts, tokens, *, heat=1.0, reference=False):
            used = self.own.model if reference else model
            return np.array([self.after(one, used, heat)[token] for one, token in zip(prompts, tokens, strict=True)])

        return of

    def write(self, folder, version, model, **more):
        likely = np.array([self.after(one, model).argmax() for one in PLACES], np.int32)
        self.last = canary.write(
            folder, version, self.score(model), TEXT, likely, dtype="float32", before=self.last, **more
        )


@pytest.fixture(scope="module")
def loop():
    with vllm_kit.Loop() as one:
        yield one


def answer(loop, operator):
    """(token ids, version) of an answer to a fixed question."""
    request = ModelRequest(
        messages=(Message("user", ("The pot is 10. Which move?",)),),
        key=bytes(16),
        sampling=Sampling(temperature=0, max_tokens=12),
        tokens=True,
    )
    found = loop.run(operator.backend.generate(request))
    return found.tokens.tolist(), found.weights_version


@pytest.fixture
def adapted(loop):
    """A server that takes adapters."""
    with loop.served(lora=True) as one:
        yield one


@pytest.fixture
def reloaded(loop):
    """A server that takes all weights anew."""
    with loop.served(reload=True) as one:
        yield one


def test_two_versions_of_an_adapter_pass_the_canary_and_change_answers_and_others_trip_it(loop, adapted, tmp_path):
    trainer, operator = Trainer(), adapted
    said = [answer(loop, operator)]
    models = []
    for number, version in enumerate(("pi_v1", "pi_v2")):
        models.append(trainer.adapted(tmp_path / version, seed=number))
        trainer.write(tmp_path / version, version, models[-1])
        loop.run(operator.update(version, str(tmp_path / version)))
        said.append(answer(loop, operator))
    assert [version for _, version in said] == [None, "pi_v1", "pi_v2"]
    assert len({tuple(tokens) for tokens, _ in said}) == 3
    for version, seed, words in (("pi_v3", 1, "a stale adapter"), ("pi_v4", 3, "another model")):
        folder = tmp_path / version
        trainer.adapted(folder, seed)  # its files are not those of the weights that the trainer scores:
        model = trainer.adapted(tmp_path / f"{version}-true", seed + 10)
        trainer.write(folder, version, model)
        with pytest.raises(CanaryError, match=words):
            loop.run(operator.update(version, str(folder)))
        assert answer(loop, operator) == said[-1]


def test_all_weights_are_loaded_from_a_folder_by_a_server_that_asks_for_its_key(loop, reloaded, tmp_path):
    trainer, operator = Trainer(), reloaded
    url = operator.backend.server.url.removesuffix("/v1")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{url}/weight_checker", b'{"action": "checksum"}', timeout=10)
    before = answer(loop, operator)
    torch.manual_seed(5)
    tensors = load_file(checkpoint.SHIPPED / WEIGHTS)
    changed = {name: tensor + 0.05 * torch.randn_like(tensor) for name, tensor in tensors.items()}
    inside = {name: tensors[name] if "embed_tokens" in name else tensor for name, tensor in changed.items()}

    def write(version, given):
        folder = tmp_path / version
        folder.mkdir()
        save_file(given, folder / WEIGHTS, {"format": "pt"})
        model = Model(checkpoint.source("nano"), "cpu", "float32").model
        assert not model.load_state_dict({n: one.float() for n, one in given.items()}, strict=False).unexpected_keys
        trainer.write(folder, version, model, base=False)
        return str(folder)

    loop.run(operator.update("pi_v1", write("pi_v1", inside)))
    assert answer(loop, operator)[0] != before[0]
    loop.run(operator.update("pi_v2", write("pi_v2", tensors)))
    assert answer(loop, operator) == (before[0], "pi_v2")
    # vLLM 0.32 leaves a head that is tied to the embedding of words as it was.
    with pytest.raises(CanaryError, match="another model"):
        loop.run(operator.update("pi_v3", write("pi_v3", changed)))
    assert answer(loop, operator) == (before[0], "pi_v2")
