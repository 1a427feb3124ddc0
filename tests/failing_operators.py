"""Operators that fail at kuhn whenever they hold a jack, each in its own way. An honest one passes. Else they bet."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence

from arena.operator import AsyncOperator, BackendError, Decision, Operator, Request, WorkerContext

PASS, BET = 0, 1


def holds_jack(request: Request) -> bool:
    assert request.observation.facts is not None
    return request.observation.facts["hand"] == "J"


class SoreLoser(Operator):
    def __init__(self, deed: str) -> None:
        self.deed = deed

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        if any(map(holds_jack, requests)):
            match self.deed:
                case "backend":
                    raise BackendError("the server does not like this card")
                case "exits":
                    os._exit(5)
                case "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                case "hangs":
                    signal.pause()
        return [Decision(answer=PASS if holds_jack(request) else BET) for request in requests]


class SlowLoser(AsyncOperator):
    """Waits for ever, and lets itself be cancelled."""

    async def decide(self, request: Request) -> Decision:
        if holds_jack(request):
            await asyncio.Event().wait()
        return Decision(answer=BET)


def backend(context: WorkerContext) -> Operator:
    return SoreLoser("backend")


def exits(context: WorkerContext) -> Operator:
    return SoreLoser("exits")


def killed(context: WorkerContext) -> Operator:
    return SoreLoser("killed")


def hangs(context: WorkerContext) -> Operator:
    return SoreLoser("hangs")


def waits(context: WorkerContext) -> AsyncOperator:
    return SlowLoser()


def honest(context: WorkerContext) -> Operator:
    return SoreLoser("")
