"""After a sync the server's log-probabilities are the trainer's, or the reason is told; old weights stay then."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

pytest.importorskip("aiohttp")

from arena.train.vlm import canary
from arena.train.vlm.canary import CanaryError
from arena_operators.vlm import checkpoint, options
from arena_operators.vlm.lora import rank
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.vllm_launch import launch
from arena_operators.vlm.vllm_weights import Weights
from tests.operators.test_vllm_launch import adapter
from tests.train.vlm.scoring_server import ScoringServer, logprobs

PROMPT, RESPONSE = np.arange(5, dtype=np.int32), np.array([7, 30, 2, 11], np.int32)


def scorer(weights, size=1.0):
    """The trainer, whose weights have this name."""

    def score(prompt, response, *, reference=False):
        text, name = [*prompt.tolist(), *response.tolist()], "base" if reference else weights
        return np.array(
            [logprobs(name, text[:at], size=size)[text[at]] for at in range(len(prompt), len(text))], np.float32
        )

    return score


class Trainer:
    """Writes adapters pi_v1, pi_v2, ... and sends them to a server of our own, as it were."""

    def __init__(self, folder, server, dtype="float32", size=1.0, **given):
        self.folder, self.dtype, self.size, self.last = folder, dtype, size, None
        self.client = OpenAIBackend(server.url, "nano")
        asked = options.filled("nano", {"backend": "vllm", "device": "cpu", "lora": True, **given}, "vlm")
        self.weights = Weights(self.client, launch(checkpoint.source("nano"), asked), banned=(3, 4))

    def write(self, version, **given):
        folder = adapter(self.folder / version, **given)
        score = scorer(version, self.size)
        self.last = canary.write(folder, version, score, PROMPT, RESPONSE, dtype=self.dtype, before=self.last)
        return folder

    def run(self, what):
        """What a coroutine gives, on an event loop with the client's connections."""

        async def connected():
            self.client.connect()
            try:
                return await what
            finally:
                await self.client.stop()

        return asyncio.run(connected())

    async def sync(self, version):
        await self.weights.update(version, str(self.write(version)))


def synced(folder, server, *versions, **given):
    """The weights in use after these versions."""
    trainer = Trainer(folder, server, **given)

    async def all_of_them():
        for version in versions:
            await trainer.sync(version)

    trainer.run(all_of_them())
    return trainer.weights


def test_the_server_of_the_trainers_weights_passes(tmp_path):
    with ScoringServer() as server:
        weights = synced(tmp_path, server, "pi_v1", "pi_v2")
    assert (weights.model, weights.versions["nano+pi_v2"]) == ("nano+pi_v2", "pi_v2")


def test_what_is_banned_in_sampling_is_banned_in_the_servers_scores(tmp_path):
    with ScoringServer() as server:
        synced(tmp_path, server, "pi_v1")
    assert all(body["logit_bias"] == {"3": -100.0, "4": -100.0} for body in server.asked)


@pytest.mark.parametrize(
    ("wrong", "versions", "words"),
    [
        ("stale", ("pi_v1", "pi_v2"), "a stale adapter: with pi_v2 the server answers as with the version before"),
        ("no-op", ("pi_v1",), "a no-op adapter: with pi_v1 the server answers as the base does"),
        ("no-op", ("pi_v1", "pi_v2"), "a no-op adapter"),
        ("raw", ("pi_v1",), r"raw log-probabilities: .* --logprobs-mode processed_logprobs"),
        (
            "other",
            ("pi_v1",),
            "another model: with pi_v1 the server answers neither as the trainer does, nor as before",
        ),
    ],
)
def test_each_fault_of_a_server_is_told_by_its_own_words(tmp_path, wrong, versions, words):
    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server)

        async def goes_wrong():
            for version in versions[:-1]:
                await trainer.sync(version)
            server.wrong = wrong
            was = trainer.weights.model
            with pytest.raises(CanaryError, match=words):
                await trainer.sync(versions[-1])
            return was

        was = trainer.run(goes_wrong())
        assert trainer.weights.model == was
        assert server.unloaded == [f"nano+{versions[-1]}"]


@pytest.mark.parametrize(("wrong", "words"), [("stale", "a stale adapter"), ("no-op", "a no-op adapter")])
def test_old_weights_are_told_by_their_bits_where_training_changed_less_than_rounding_does(tmp_path, wrong, words):
    size = 0.05  # changes log-probabilities by less than bfloat16's tolerance
    with ScoringServer(size=size) as server:
        trainer = Trainer(tmp_path, server, dtype="bfloat16", size=size)

        async def goes_wrong():
            await trainer.sync("pi_v1")
            server.wrong = wrong
            with pytest.raises(CanaryError, match=words):
                await trainer.sync("pi_v2")

        trainer.run(goes_wrong())


def test_a_change_too_small_to_be_seen_is_no_fault_and_is_said():
    known = {"trained": [-1, -2], "base": [-1, -2], "tolerance": 0.1}
    text = canary.Canary(version="1", files={}, tokens=[1, 2, 3], first=1, **known)
    verdict = canary.judge(text, [-1, -2.01], [-2, -2.5], base=[-1, -2.01])
    assert (verdict.told, round(verdict.error, 3)) == (False, 0.01)


def test_weights_that_are_not_whole_are_not_sent(tmp_path):
    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server)
        folder = trainer.write("pi_v1")
        file = folder / "adapter_model.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(CanaryError, match=r"where the trainer wrote \d+: it is still being copied, or was changed"):
            trainer.run(trainer.weights.update("pi_v1", str(folder)))
    assert not server.adapters


def test_weights_of_another_version_are_not_taken_for_this_one(tmp_path):
    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server)
        folder = trainer.write("pi_v1")
        with pytest.raises(CanaryError, match="holds the weights pi_v1, not pi_v2"):
            trainer.run(trainer.weights.update("pi_v2", str(folder)))


def test_as_many_versions_as_staleness_allows_stay_loaded(tmp_path):
    with ScoringServer() as server:
        weights = synced(tmp_path, server, *(f"pi_v{n}" for n in range(1, 6)), lora_kept=3)
    assert set(server.adapters) == {"nano+pi_v3", "nano+pi_v4", "nano+pi_v5"}
    assert set(weights.versions) == {"nano", *server.adapters}


def test_a_turn_keeps_the_weights_that_it_began_with(tmp_path):
    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server)

        async def turn():
            await trainer.sync("pi_v1")
            began = trainer.weights.model
            async with trainer.weights.asked(began):
                for version in ("pi_v2", "pi_v3", "pi_v4"):
                    await trainer.sync(version)
                there = began in server.adapters
            async with trainer.weights.asked(None) as (name, version):
                return there, name, version

        assert trainer.run(turn()) == (True, "nano+pi_v4", "pi_v4")


def test_an_adapter_of_a_higher_rank_than_the_servers_is_refused_with_the_option(tmp_path):
    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server, lora_rank=16)
        with pytest.raises(ValueError, match=r"rank above 16, .* say @lora_rank=32"):
            trainer.run(trainer.weights.update("pi_v1", str(trainer.write("pi_v1", r=24))))
    assert not server.adapters


def test_an_engines_adapter_and_its_canary_are_taken(tmp_path):
    """Names, rank and sizes of what the engine writes are those that the server's model has."""
    pytest.importorskip("torch")
    pytest.importorskip("peft")
    from arena.train.vlm.engine import Datum, OptimParams
    from arena.train.vlm.local import LocalConfig, LocalEngine

    prompt, words = np.arange(100, 112, dtype=np.int32), np.array([300, 41, 555, 203], np.int32)
    engine = LocalEngine("vlm:nano", tmp_path, LocalConfig(rank=8, alpha=16, dtype="float32"))
    weight = {"weight": np.full(len(words), 0.25, np.float32)}
    engine.forward_backward([Datum(prompt=prompt, response=words, inputs=weight)], "cross_entropy")
    engine.optim_step(OptimParams(learning_rate=1e-2))
    folder = engine.sampler_weights("pi_v1")
    made = canary.write(folder, "pi_v1", canary.scorer(engine), prompt, words, dtype="float32")
    assert np.abs(np.subtract(made.trained, made.base)).max() > 0.01
    assert canary.read(folder, "pi_v1") == made
    assert rank(folder, checkpoint.source("nano")) == 8
