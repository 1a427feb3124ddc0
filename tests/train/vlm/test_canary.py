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

TEXT = np.array([0, 1, 2, 3, 7, 30, 2, 11, 5, 6, 12], np.int32)
PLACES = canary.prompts(TEXT)


def scorer(weights, size=1.0):
    """The trainer, whose weights have this name."""

    def score(prompts, tokens, *, heat=1.0, reference=False):
        name = "base" if reference else weights
        found = [
            logprobs(name, one.tolist(), heat, size=size)[token] for one, token in zip(prompts, tokens, strict=True)
        ]
        return np.array(found, np.float32)

    return score


def likely(weights, size=1.0):
    """The first choices of weights of this name."""
    return np.array([logprobs(weights, one.tolist(), size=size).argmax() for one in PLACES], np.int32)


class Trainer:
    """Writes adapters pi_v1, pi_v2, ... and sends them to a server of our own, as it were."""

    def __init__(self, folder, server, dtype="float32", size=1.0, **given):
        self.folder, self.dtype, self.size, self.last = folder, dtype, size, None
        self.client = OpenAIBackend(server.url, "nano")
        asked = options.filled("nano", {"backend": "vllm", "device": "cpu", "lora": True, **given}, "vlm")
        self.weights = Weights(self.client, launch(checkpoint.source("nano"), asked))
        self.weights.banned = (3, 4)

    def write(self, version, **given):
        folder = adapter(self.folder / version, **given)
        score = scorer(version, self.size)
        first = likely(version, self.size)
        self.last = canary.write(folder, version, score, TEXT, first, dtype=self.dtype, before=self.last)
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


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("wrong", "versions", "words"),
    [
        ("stale", ("pi_v1", "pi_v2"), "a stale adapter: with pi_v2 the sampler answers as with the version before"),
        ("no-op", ("pi_v1",), "a no-op adapter: with pi_v1 the sampler answers as the base does"),
        ("no-op", ("pi_v1", "pi_v2"), "a no-op adapter"),
        ("raw", ("pi_v1",), r"raw log-probabilities: .* --logprobs-mode processed_logprobs"),
        (
            "other",
            ("pi_v1",),
            "another model: with pi_v1 the sampler answers neither as the trainer does, nor as before",
        ),
        ("hotter", ("pi_v1",), "another model: .* dtype, temperature"),
    ],
)
def test_each_fault_of_a_server_is_told_by_its_own_words(tmp_path, wrong, versions, words, dtype):
    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server, dtype=dtype)

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


def told(trained, hot=None, **known):
    hot = [one - 1 for one in trained] if hot is None else hot
    return canary.Canary(version="1", files={}, tokens=[1, 2, 3], scored=[7, 8], trained=trained, hot=hot, **known)


@pytest.mark.parametrize(
    ("trained", "hot"),
    [([-9.01, -9.02], [-9.008, -9.011]), ([-9.0, -9.0], [-8.4, -8.3]), ([-2e-4, -1e-4], [-2e-2, -1e-2])],
    ids=["all tokens alike", "nearly so", "sure"],
)
@pytest.mark.parametrize("dtype", canary.TOLERANCES)
def test_a_model_passes_that_loses_by_heat_what_the_trainer_says(trained, hot, dtype):
    canary.judge(told(trained, hot, tolerance=canary.TOLERANCES[dtype]), trained, hot)


@pytest.mark.parametrize("trained", [[-0.1, -0.2], [-1, -2], [-4, -5]])
def test_a_server_whose_log_probabilities_do_not_feel_the_heat_is_told_so(trained):
    with pytest.raises(CanaryError, match="raw log-probabilities"):
        canary.judge(told(trained, tolerance=0.1), trained, trained)


def test_a_change_too_small_to_be_seen_is_no_fault_and_is_said():
    verdict = canary.judge(
        told([-1, -2], base=[-1, -2], tolerance=0.1), [-1.01, -2.01], [-2, -2.5], base=[-1.01, -2.01]
    )
    assert (verdict.told, round(verdict.error, 3)) == (False, 0.01)


def test_a_token_that_is_never_drawn_cannot_trip_it_unless_the_server_draws_it():
    ours, tolerance = [-0.7, np.log(1e-9)], canary.TOLERANCES["bfloat16"]
    assert canary.judge(told(ours, tolerance=tolerance), [-0.7, ours[1] + 5], [-2, -9]).error < 1e-4
    with pytest.raises(CanaryError, match="another model"):
        canary.judge(told(ours, tolerance=tolerance), [-0.7, -0.7], [-2, -2])


def test_a_token_that_the_version_before_did_not_score_is_not_compared_with_it():
    one = told([-1, -0.5], before=[None, -0.5], tolerance=0.1)
    assert not canary.judge(one, [-1, -0.5], [-2, -2], before=[-1, -0.5]).told
    with pytest.raises(CanaryError, match="a stale adapter"):
        canary.judge(told([-1, -0.5], before=[None, -2.5], tolerance=0.1), [-3, -2.5], [-4, -4])


def test_the_temperature_that_is_sampled_at_is_the_one_that_is_compared(tmp_path):
    def at_two(prompts, tokens, *, heat=1.0, reference=False):
        every = [logprobs("x", one.tolist(), 2.0 * heat) for one in prompts]
        return np.array([one[token] for one, token in zip(every, tokens, strict=True)], np.float32)

    with ScoringServer() as server:
        trainer = Trainer(tmp_path, server)
        folder = adapter(tmp_path / "x")
        canary.write(folder, "x", at_two, TEXT, likely("x"), dtype="float32", temperature=2.0, base=False)
        trainer.run(trainer.weights.update("x", str(folder)))
    assert {body["temperature"] for body in server.asked} == {2.0, 4.0}


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
    from arena.train.vlm.local import LocalEngine
    from arena.train.vlm.local_config import LocalConfig

    prompt, words = np.arange(100, 112, dtype=np.int32), np.array([300, 41, 555, 203], np.int32)
    text = np.concatenate([prompt, words])
    engine = LocalEngine("vlm:nano", tmp_path, LocalConfig(rank=8, alpha=16, dtype="float32", tokens=256))
    weight = {"weight": np.full(len(words), 0.25, np.float32)}
    engine.forward_backward([Datum(prompt=prompt, response=words, inputs=weight)], "cross_entropy")
    engine.optim_step(OptimParams(learning_rate=1e-2))
    folder = engine.sampler_weights("pi_v1")
    places = canary.prompts(text)
    chosen = engine.likeliest(places)
    made = canary.write(folder, "pi_v1", canary.scorer(engine), text, chosen, dtype="float32")
    assert min(made.trained) > np.log(1 / engine.learner.tokenizer.vocab_size)
    others = np.roll(chosen, 1)
    assert (canary.scorer(engine)(places, others)[others != chosen] < np.array(made.trained)[others != chosen]).all()
    assert np.abs(np.subtract(made.trained, made.base)).max() > 0.01
    assert canary.read(folder, "pi_v1") == made
    assert rank(folder, checkpoint.source("nano")) == 8


def test_a_trainer_in_bfloat16_passes_beside_a_sampler_in_float32_which_without_the_weights_does_not(tmp_path):
    """After a step of all weights that took a token of the text 0.4 nats away by rounding alone."""
    pytest.importorskip("peft")
    from arena.operator import WorkerContext
    from arena.train.vlm.engine import OptimParams
    from arena.train.vlm.local import LocalEngine
    from arena.train.vlm.local_config import LocalConfig
    from arena_operators.vlm.model import Model
    from arena_operators.vlm.operator import make
    from tests.train.vlm.engine_kit import drawn, weighted

    engine = LocalEngine("vlm:nano", tmp_path, LocalConfig(mode="full", dtype="bfloat16", tokens=256))
    engine.forward_backward(weighted(drawn(engine.learner)), "cross_entropy")
    engine.optim_step(OptimParams(learning_rate=1e-4))
    folder, text = engine.sampler_weights("pi_v1"), canary.fixed(engine.learner.tokenizer)
    chosen = engine.likeliest(canary.prompts(text))
    canary.write(folder, "pi_v1", canary.scorer(engine), text, chosen, dtype="bfloat16", base=False)
    sampler = make(WorkerContext("nano", {"threads": 1, "device": "cpu", "dtype": "float32"})).backend
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Model, "update", lambda self, folder: None)
        with pytest.raises(CanaryError, match="as with the version before"):
            sampler.update(str(folder), "pi_v1")
    sampler.update(str(folder), "pi_v1")
