"""Whether what a supervised start names is there, before torch is imported."""

from __future__ import annotations

from pathlib import Path

from arena import plugins
from arena.errors import InputError
from arena.names import parse
from arena.record.reader import Run
from arena.train import shards
from arena.train.vlm.sft_config import SftConfig


def check(config: SftConfig) -> None:
    """InputError, or a subclass, for a model, a game, a run or a file that there is not."""
    plugins.named_operator(parse(config.model), config.model)
    for of in config.sources:
        if of.sort == "teacher":
            if plugins.game_class(of.name).teacher is None:
                shards.teacher(of.name)  # raises; others are loaded where the game can be played
        elif of.sort == "chat":
            if not Path(of.name).exists():
                raise InputError(
                    f"{of.name}: no chats can be read there (there is no such file or folder); expected what "
                    "`arena export --to chat` wrote"
                )
        else:
            Run(Path(of.name))
