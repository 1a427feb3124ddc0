"""An operator that is told what it should see: each answer of a model begins with what is true of the picture.

    python -m scripts.ppo.evaluate lanes --starts 100 --set heldout --who vlm:nano,scripts/train/told.py:KIND

How much farther it gets than the model alone is what wrong statements cost: the bound that perception sets. The model
writes the plan and the answer itself. `@model=DIR` takes another model than nano, such as an exported training.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from arena import plugins
from arena.game import GameSpec, Views
from arena.operator import Decision, OpenSeat, Operator, OperatorKind, Request, WorkerContext
from arena.options import Option
from arena_operators.vlm.kind import views as views_of

MARK = "\n\nIt is true: "  # no model is shown it: what comes after it begins the answer


def build(context: WorkerContext) -> Operator:
    """The operator, in the worker."""
    from arena_operators.vlm import checkpoint, options
    from arena_operators.vlm.backend import BatchBackend, Message, ModelAnswer, ModelRequest
    from arena_operators.vlm.embedded import TransformersBackend
    from arena_operators.vlm.model import Model
    from arena_operators.vlm.operator import BatchOperator

    class ToldModel(Model):
        """Begins its answer with what stands behind MARK in the last message."""

        def lay_out(self, messages: Sequence[Message]) -> str:
            *before, last = messages
            text, _, true = str(last.parts[-1]).rpartition(MARK) if MARK in str(last.parts[-1]) else ("", "", "")
            if not true:
                return super().lay_out(messages)
            return super().lay_out([*before, replace(last, parts=(*last.parts[:-1], text))]) + true

    class Told(BatchOperator):
        """Puts the true statements of each request behind its last message."""

        def __init__(self, backend: BatchBackend, settings: Any) -> None:
            super().__init__(backend, settings)
            self._truths: dict[tuple[int, int], Any] = {}

        def open(self, seats: Sequence[OpenSeat]) -> None:
            super().open(seats)
            for seat in seats:
                named = plugins.game_class(seat.card.game).truth
                self._truths[seat.match, seat.seat] = plugins.resolve(named) if named else None

        def act(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Decision]]:
            turns = [(request, self.dialogue.turn(request)) for request in requests]
            asked = [self._with(request, next(turn)) for request, turn in turns]
            for index, answer in self.backend.generate(asked):
                request, turn = turns[index]
                try:
                    turn.send(self._told(request, answer))
                except StopIteration as end:
                    yield request, end.value

        def _true(self, request: Request) -> str:
            """The statements, without the plan after them."""
            say = self._truths[request.match, request.seat]
            *statements, _ = re.split(r"(?<=[.!?])\s+", say(request.observation.facts, ""))
            return " ".join(statements)

        def _with(self, request: Request, asked: ModelRequest) -> ModelRequest:
            *before, last = asked.messages
            *parts, text = last.parts
            told = replace(last, parts=(*parts, f"{text}{MARK}{self._true(request)}"))
            return replace(asked, messages=(*before, told))

        def _told(self, request: Request, answer: ModelAnswer) -> ModelAnswer:
            return replace(answer, text=f"{self._true(request)}{answer.text}")

    plain = {name: one.default for name, one in options.OPTIONS.items()}
    asked = options.filled(context.options["model"], plain, "vlm")
    origin = checkpoint.source(context.options["model"], None, "vlm")
    model = ToldModel(origin, "cpu", asked["dtype"])
    return Told(TransformersBackend(model, asked["batch"]), options.settings(asked, "vlm"))


def views(spec: GameSpec, what: str, given: Mapping[str, Any]) -> Views:
    """Those of nano."""
    return views_of(spec, "nano", {})


KIND = OperatorKind(
    name="told",
    summary="a model that is told what its picture shows",
    target=f"{__file__}:build",
    views=views,
    options={"model": Option("str", "nano", "nano, or the folder of a model")},
    determinism="measured",
    extra="vlm",
)
