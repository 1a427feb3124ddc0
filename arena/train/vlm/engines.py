"""The engine that a config names, and what has to be known of its model's tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena import names
from arena.record.asked import Messages
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.engine import Engine, Ints
from arena.train.vlm.learnable import Learner, learner
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.rows import Decoder, Tokens
from arena.train.vlm.tinker import TinkerEngine
from arena.train.vlm.workers import starts_server


def make(config: VlmConfig, folder: Path) -> tuple[Engine, Tokens]:
    """The engine of `config`, whose weights for samplers go into `folder`. InputError for what it cannot train."""
    operator = config.rollout.operator
    if config.engine == "local":
        local = _local(config, folder)
        engine: Engine = local
        local.part, words = "model.", local.learner
    else:
        words = learner(operator, "cpu", "bfloat16")  # its weights are dropped again
        engine = TinkerEngine(folder, config.tinker, rank=config.model.rank, seed=config.model.seed)
    encode = Encoder(operator, words) if _served(operator) else None
    text = Decoder(words.tokenizer, words.ends)
    special = frozenset(token for token, one in words.tokenizer.added_tokens_decoder.items() if one.special)
    return engine, Tokens(text, words.image_token, encode, words.banned(), words.context, special)


def _local(config: VlmConfig, folder: Path) -> LocalEngine:
    """In this process, and in as many others as `placement` says."""
    where = config.placement
    if where.trainers == 1:
        return LocalEngine(config.rollout.operator, folder, config.model)
    from arena.train.vlm import led

    return led.start(
        config.rollout.operator,
        folder,
        config.model,
        processes=where.trainers,
        divided=where.divided,
        threads=config.threads,
    )


class Encoder:
    """`Tokens.encode` of an operator's model. In another process it loads the model anew, when it is first asked."""

    def __init__(self, source: str, words: Learner | None = None) -> None:
        self._source, self._words = source, words

    def __call__(self, messages: Messages) -> Ints:
        if self._words is None:
            self._words = learner(self._source, "cpu", "bfloat16")
        return self._words.encode(messages)[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return Encoder, (self._source,)


def _served(operator: str) -> bool:
    """Whether an operator's prompts are put into tokens by a server, not by its own model here."""
    options = names.parse(operator).options
    return "url" in options or starts_server(options)
