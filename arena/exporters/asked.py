"""The messages that models were asked with, as their kinds say them: no model runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from arena import plugins
from arena.game import Image
from arena.record.head import OperatorHead

Messages = list[tuple[str, list[str | Image]]]  # role, texts and pictures


def asked_with(operator: OperatorHead) -> Callable[..., Iterator[Messages]] | None:
    """What gives the messages that an operator was asked with: `prompts` of its kind; None where it has none.

    Of an operator that a file defines, nothing is imported.
    """
    return None if operator.file is not None else _asked_with(operator.kind)


@functools.cache
def _asked_with(kind: str) -> Callable[..., Iterator[Messages]] | None:
    if kind not in plugins.names("operator"):
        return None
    target = plugins.operator_kind(kind).prompts
    return None if target is None else plugins.resolve(target)
