"""Whether a training has collapsed: answers that no game reads, which fewer and fewer turns can be learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

UNPARSED = "rollout/unparsed"
MOST = 0.5  # share of turns whose answer is a fault, above which this is told


def sentence(lines: Sequence[Mapping[str, Any]], rate: float) -> str:
    """What the metrics of a training's updates say of it, in words; "" where nothing is wrong.

    rate: learn.learning_rate.
    """
    since = [*takewhile(lambda line: line.get(UNPARSED, 0.0) > MOST, reversed(lines))]  # it last was well
    if not since:
        return ""
    began = since[-1]
    first = lines[0].get(UNPARSED, 0.0)
    share = f"update {lines[-1]['update']}: {lines[-1][UNPARSED]:.0%} of the answers are a fault"
    if began is lines[0]:
        return (
            f"{share}, as from the first update on: the model does not know how to answer, and rewards alone hardly "
            "teach it. Begin with a supervised start (`arena train sft`), and see its turns in samples/"
        )
    return (
        f"{share}, {first:.0%} in the first update: the model collapsed by update {began['update']}, "
        f"and may not come back by itself. Lower learn.learning_rate (now {rate:g}), and begin anew with another --out"
    )
