"""A supervised update is what a plain loop of torch computes: cross-entropy over a batch, then AdamW."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")
pytest.importorskip("pyarrow")

import torch

from arena.train.vlm import sft, sft_sources
from arena.train.vlm.examples import Album, chosen
from arena.train.vlm.learnable import learner
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.sft_config import SftConfig, source
from tests.operators.vlm_kit import foreign

WEIGHTS = (1.0, 2.0, 1.0)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    out = tmp_path_factory.mktemp("sft")
    return SftConfig(
        model=f"vlm:{foreign(out / 'tiny', chat=True)}@prompt=short",
        out=str(out),
        sources=(source("teacher", "kuhn@lessons=40@shard=40"), source("teacher", "leduc@lessons=40@shard=40")),
        steps=4,
        batch=8,
        rate=1e-3,
        warmup=1,
        held_out=1,
    )


def plain(config, pools, album):
    """The losses of such a loop, which takes one example at a time, and its weights."""
    start = learner(config.model, "cpu", "float32")
    start.model.set_attn_implementation("eager")
    never = torch.from_numpy(start.banned())
    named = list(start.model.named_parameters())
    decays = [one for name, one in named if one.ndim >= 2 and "embed" not in name]
    others = [one for name, one in named if one.ndim < 2 or "embed" in name]
    adam = torch.optim.AdamW(
        [{"params": decays, "weight_decay": config.decay}, {"params": others, "weight_decay": 0.0}],
        betas=(config.beta1, config.beta2),
    )
    shares, losses = sft_sources.weights_of(config, pools), []
    for step in range(config.steps):
        examples = chosen(pools, shares, config.batch, config.seed, step)
        weights = [torch.tensor(WEIGHTS)[one.parts.astype(int)] for one in examples]
        total = sum(float(one.sum()) for one in weights)
        loss = torch.zeros(())
        for example, weight in zip(examples, weights, strict=True):
            ids = torch.tensor([[*example.prompt, *example.response]])
            pixels = start.pixels([album[name] for name in example.images])
            logits = start.model(input_ids=ids, **pixels).logits[0, len(example.prompt) - 1 : -1]
            target = torch.from_numpy(example.response).long()
            each = torch.nn.functional.cross_entropy(logits.masked_fill(never, -torch.inf), target, reduction="none")
            loss = loss + (each * weight).sum() / total
        loss.backward()
        losses.append(loss.item())
        torch.nn.utils.clip_grad_norm_(start.model.parameters(), config.grad_norm)
        for group in adam.param_groups:
            group["lr"] = sft.rate(config, step)
        adam.step()
        adam.zero_grad()
    return losses, dict(named)


def test_the_losses_and_weights_are_those_of_a_plain_loop(config, tmp_path):
    engine = LocalEngine(config.model, tmp_path, LocalConfig(mode="full", dtype="float32", tokens=512))
    album = Album()
    pools, _ = sft_sources.load(config, sft.reads(engine.learner), album)
    losses, weights = plain(config, pools, album)
    shares = sft_sources.weights_of(config, pools)
    for step, expected in enumerate(losses):
        batch = sft.data(chosen(pools, shares, config.batch, config.seed, step), WEIGHTS, album)
        assert sft.update(engine, batch, config, step)["loss"] == pytest.approx(expected, rel=1e-5)
    for name, one in engine.model.named_parameters():
        assert torch.allclose(one, weights[name], atol=2e-4), name
