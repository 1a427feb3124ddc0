"""A training stops at its canary when a sampler does not answer with the weights that were learnt."""

from __future__ import annotations

import asyncio
import json

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("peft")

import torch
from aiohttp import web

from arena.errors import WorkerError
from arena.train.vlm.canary import CanaryError
from arena.train.vlm.config import load
from arena.train.vlm.trainer import Trainer
from arena_operators.vlm import checkpoint, options
from arena_operators.vlm.model import Model
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.vllm_launch import launch
from arena_operators.vlm.vllm_weights import Weights
from tests.train.vlm.scoring_server import ScoringServer

TOML = """
updates = 2
[rollout]
operator = "vlm:nano@device=cpu"
levels = ["leduc@seats=2"]
matches = 2
concurrency = 2
[learn]
algorithm = "reinforce++"
learning_rate = 0.02
[model]
rank = 4
alpha = 8
dtype = "float32"
tokens = 256
"""


class NanoServer(ScoringServer):
    """Scores texts by nano itself, with the adapters that it is sent, and is wrong as ScoringServer is."""

    def __init__(self) -> None:
        super().__init__()
        self.models = {"base": Model(checkpoint.source("nano"), "cpu", "float32")}

    async def _load(self, request: web.Request) -> web.Response:
        body = await request.json()
        origin = checkpoint.source("nano", body["lora_path"])
        self.models[body["lora_name"].partition("+")[2]] = Model(origin, "cpu", "float32")
        return await super()._load(request)

    async def _score(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        model = self.models[self.used[body["model"]]]
        ids = torch.tensor([body["prompt"]])
        with torch.no_grad():
            logits = model.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1].float()
        logits[torch.from_numpy(model.banned(len(logits)))] = -torch.inf
        scores = (logits / body["temperature"]).log_softmax(-1)
        found = {f"token_id:{token}": float(scores[token]) for token in body["logprob_token_ids"]}
        return web.json_response({"choices": [{"text": "x", "logprobs": {"top_logprobs": [found]}}]})


@pytest.fixture
def trainer(tmp_path):
    (tmp_path / "mine.toml").write_text(TOML)
    with Trainer(load(None, tmp_path / "mine.toml"), tmp_path / "out") as made:
        yield made


def served(trainer, server, wrong_from, wrong):
    """Every sync of the trainer goes to a server as well, which is wrong from a version on."""
    client = OpenAIBackend(server.url, "nano")
    asked = options.filled("nano", {"backend": "vllm", "device": "cpu", "lora": True}, "vlm")
    weights = Weights(client, launch(checkpoint.source("nano"), asked))
    here = trainer.rollout.update

    async def sync(version, path):
        client.connect()
        try:
            await weights.update(version, str(path))
        finally:
            await client.stop()

    def update(version, path):
        server.wrong = wrong if version == wrong_from else ""
        asyncio.run(sync(version, path))
        here(version, path)

    trainer.rollout.update = update
    return weights


@pytest.mark.parametrize(
    ("wrong_from", "wrong", "words"),
    [
        ("pi_v1", "no-op", "a no-op adapter: with pi_v1 the sampler answers as the base does"),
        ("pi_v2", "stale", "a stale adapter: with pi_v2 the sampler answers as with the version before"),
    ],
)
def test_a_server_with_other_weights_stops_the_training_with_the_reason(trainer, wrong_from, wrong, words):
    with NanoServer() as server:
        weights = served(trainer, server, wrong_from, wrong)
        with pytest.raises(CanaryError, match=words):
            trainer.run()
    assert f"nano+{wrong_from}" not in weights.versions
    assert trainer.done == int(wrong_from[-1]) - 1


def test_a_model_in_this_process_that_keeps_its_old_weights_stops_the_training(trainer, monkeypatch):
    taken, real = [], Model.update

    def update(self, path):
        taken.append(path.name)
        if path.name == "pi_v1":
            real(self, path)

    monkeypatch.setattr(Model, "update", update)
    with pytest.raises(WorkerError, match="a stale adapter: with pi_v2"):
        trainer.run()
    assert taken == ["pi_v1", "pi_v2"]
