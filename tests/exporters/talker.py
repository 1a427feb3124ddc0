"""An operator that gives its clue in words, and says something beside its action."""

from __future__ import annotations

from collections.abc import Sequence

from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind, Request, WorkerContext


class Talker(Operator):
    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self.one(request) for request in requests]

    def one(self, request: Request) -> Decision:
        if request.observation.free_text:
            return Decision(answer="Wärmer als blau")
        say = "gut" if request.observation.table_talk else None
        return Decision(answer=request.observation.legal[0], say=say)


def build(context: WorkerContext) -> Operator:
    return Talker()


TALKER = OperatorKind(
    name="talker", summary="talks", target=f"{__file__}:build", views=lambda spec, what, options: Views(text=True)
)
