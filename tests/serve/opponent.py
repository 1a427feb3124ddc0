"""Opponents for served seats: one whose worker dies at its second question, once; one that thinks until it is told."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind, Request, WorkerContext
from arena.options import Option


class Dies(Operator):
    def __init__(self, once: Path) -> None:
        self.once = once
        self.asked = 0

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        for request in requests:
            if request.match < 10**9:  # else a dry turn
                self.asked += 1
            if self.asked == 2 and not self.once.exists():
                self.once.touch()
                os._exit(3)
        return [Decision(answer="call") for _ in requests]


class Thinks(Operator):
    """It answers once the file is there."""

    def __init__(self, until: Path) -> None:
        self.until = until

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        while requests[0].match < 10**9 and not self.until.exists():
            time.sleep(0.01)
        return [Decision(answer="call") for _ in requests]


def dies(context: WorkerContext) -> Operator:
    return Dies(Path(context.options["file"]))


def torn(context: WorkerContext) -> Operator:
    """It dies once, and cannot be built again."""
    once = Path(context.options["file"])
    if once.exists():
        raise ValueError("the weights are torn")
    return Dies(once)


def thinks(context: WorkerContext) -> Operator:
    return Thinks(Path(context.options["file"]))


def _kind(name: str) -> OperatorKind:
    return OperatorKind(
        name=name,
        summary=name,
        target=f"{__file__}:{name}",
        views=lambda spec, what, options: Views(text=True),
        options={"file": Option("str", "", "a file")},
    )


DIES, THINKS, TORN = _kind("dies"), _kind("thinks"), _kind("torn")
