"""Operators for tests of asking again. What they do beside the rule is in the file that `@flag=` names.

They answer by how often they were asked in this match before, so they need their memory of it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from arena.game import Views
from arena.operator import BackendError, Decision, Operator, OperatorKind, Outcome, Request, WorkerContext
from arena.options import Option

DEADLINE = 2.0  # seconds, of the run in which one is late


class Counting(Operator):
    def __init__(self, context: WorkerContext) -> None:
        self.flag = Path(context.options["flag"])
        self.asked: Counter[tuple[int, int]] = Counter()

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        word = self.flag.read_text() if self.flag.exists() else ""
        if word == "fail" and any(request.tick == 1 for request in requests):
            raise BackendError("the server is gone")
        return [self.decide(request) for request in requests]

    def decide(self, request: Request) -> Decision:
        word = self.flag.read_text() if self.flag.exists() else ""
        self.asked[request.match, request.seat] += 1
        count = self.asked[request.match, request.seat]
        legal = request.observation.legal
        if word == "die" and count == 2:
            os._exit(3)
        if word == "hang" and count == 2:
            signal.pause()
        if word == "late" and count == 2:
            time.sleep(1.5 * DEADLINE)
        if word == "other":
            count += 1
        if word == "refuse":
            return Decision(fault="unparsable", detail="no answer in it")
        if count % 3 == 0 and request.attempt == 0:
            return Decision(answer="rubbish")
        return Decision(answer=legal[(count + request.match) % len(legal)])

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        del self.asked[match, seat]


def kind(name: str, **how: object) -> OperatorKind:
    return OperatorKind(
        name=name,
        summary="counts",
        target=f"{__file__}:Counting",
        views=lambda spec, what, options: Views(text=True),
        options={"flag": Option("str", "none", "file")},
        **how,  # type: ignore[arg-type]
    )


SURE = kind("sure")
MEASURED = kind("measured", determinism="measured")
PERSON = kind("person", determinism="none", interactive=True)
