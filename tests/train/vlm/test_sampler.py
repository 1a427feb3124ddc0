"""An operator that draws its tokens otherwise than they are scored is refused when the config is read."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from arena.errors import InputError
from arena.train.vlm import sampler
from arena.train.vlm.config import load, presets
from arena.train.vlm.trainer import Trainer


def config(operator: str, *settings: str):
    return load(None, None, (f"rollout.operator={operator}", *settings), ("leduc",))


@pytest.mark.parametrize(
    ("operator", "settings", "words"),
    [
        ("vlm:nano@temperature=0.5", (), r"samples at temperature 0.5.*Set model.temperature=0.5, or say @temp.*=1$"),
        ("vlm:nano@temperature=1", ("model.temperature=2.0",), "samples at temperature 1, and model.temperature=2"),
        ("vlm:nano@choices=true", (), "@choices=True.*leaves some out"),
        ("vlm:nano@backend=vllm@lora=true@top_p=0.9@device=cpu", (), "@top_p=0.9.*leaves some out"),
        ("vlm:nano@backend=vllm@lora=true@device=cpu", ("model.mode=full",), "say @reload=true instead of @lora=true"),
        ("vlm:nano@backend=vllm@reload=true@device=cpu", (), "say @lora=true instead of @reload=true"),
        ("vlm:nano@backend=vllm@lora=true@device=cpu", ("model.rank=64",), "room for rank 32: say @lora_rank=64"),
        (
            "vlm:nano@adapter=race@backend=vllm@reload=true@device=cpu",
            ("model.mode=full",),
            "would be applied once more.*merge it",
        ),
        ("vlm:nano@backend=vllm@lora=true@device=cpu", ("staleness=1",), "needs 3 adapters.*say @lora_kept=3"),
    ],
)
def test_what_samples_otherwise_or_cannot_take_the_weights_is_refused(operator, settings, words):
    pytest.importorskip("aiohttp")
    with pytest.raises(InputError, match=words):
        sampler.check(config(operator, *settings))


@pytest.mark.parametrize(
    ("operator", "settings", "drawn"),
    [
        ("vlm:nano", (), "vlm:nano"),
        ("vlm:nano-games", (), "vlm:nano-games@temperature=1"),  # by itself it plays at 0.5
        ("llm:smollm2@history=2", (), "llm:smollm2@history=2@temperature=1"),
        ("vlm:nano", ("model.temperature=0.5",), "vlm:nano@temperature=0.5"),
        ("vlm:nano@temperature=0.7", (), "vlm:nano@temperature=0.7"),  # is refused then
    ],
)
def test_where_a_name_leaves_it_open_what_is_trained_draws_as_it_is_scored(operator, settings, drawn):
    assert sampler.as_scored(config(operator, *settings)).rollout.operator == drawn


@pytest.mark.parametrize(
    ("operator", "settings"),
    [
        ("vlm:nano", ()),
        ("vlm:nano@temperature=0.5", ("model.temperature=0.5",)),
        (
            "vlm:nano@backend=vllm@lora=true@lora_rank=64@lora_kept=3@device=cpu",
            ("model.rank=64", "staleness=1"),
        ),
    ],
)
def test_what_agrees_is_taken(operator, settings):
    pytest.importorskip("aiohttp")
    sampler.check(config(operator, *settings))


def test_a_training_is_refused_before_its_model_is_loaded(tmp_path):
    with pytest.raises(InputError, match=r"samples at temperature 0\.5"):
        Trainer(config("vlm:nano@temperature=0.5"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", presets())
def test_presets_sample_at_the_temperature_that_they_score_at(name):
    sampler.check(load(name, None))
