"""The engine that a config names, and what has to be known of its model's tokens."""

from __future__ import annotations

from pathlib import Path

from arena.train.vlm.config import VlmConfig
from arena.train.vlm.engine import Engine
from arena.train.vlm.local import LocalEngine, learner
from arena.train.vlm.rows import Decoder, Tokens
from arena.train.vlm.tinker import TinkerEngine


def make(config: VlmConfig, folder: Path) -> tuple[Engine, Tokens]:
    """The engine of `config`, whose weights for samplers go into `folder`. InputError for what it cannot train."""
    operator = config.rollout.operator
    if config.engine == "local":
        local = LocalEngine(operator, folder, config.model)
        engine: Engine = local
        words = local.learner
    else:
        words = learner(operator, "cpu", "bfloat16")  # its weights are dropped again
        engine = TinkerEngine(folder, config.tinker, rank=config.model.rank, seed=config.model.seed)
    return engine, Tokens(Decoder(words.tokenizer, words.ends), words.image_token)
