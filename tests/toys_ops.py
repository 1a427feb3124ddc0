"""Operators that fail inside a real worker. `what` is where and how: see `Saboteur`."""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from arena.operator import Decision, Operator, Request, WorkerContext
from tests.toys import Good


class Saboteur(Good):
    """Plays well, but in match 1 at tick `at` it does what its name says."""

    def __init__(self, deed: str) -> None:
        super().__init__()
        self.deed = deed

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        if any(r.match == 1 for r in requests):
            match self.deed:
                case "exit":
                    os._exit(5)
                case "segfault":
                    faulthandler.disable()
                    os.kill(os.getpid(), signal.SIGSEGV)
                case "hang":
                    signal.pause()
                case "stop":
                    os.kill(os.getpid(), signal.SIGSTOP)
        return super().act(requests)


def exits(context: WorkerContext) -> Operator:
    return Saboteur("exit")


def segfaults(context: WorkerContext) -> Operator:
    return Saboteur("segfault")


def hangs(context: WorkerContext) -> Operator:
    return Saboteur("hang")


def stops(context: WorkerContext) -> Operator:
    return Saboteur("stop")


def has_child(context: WorkerContext) -> Operator:
    """Starts a process and tells its number."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    context.status(f"child {child.pid}")
    return Good()


def cannot(context: WorkerContext) -> Operator:
    raise RuntimeError("the weights are torn")


def refuses(context: WorkerContext) -> Operator:
    raise ValueError("no file a.zip; give another")


class Doomed(Good):
    def update(self, version: str, path: str) -> None:
        os._exit(5)


def dies_of_update(context: WorkerContext) -> Operator:
    return Doomed()


def slow(context: WorkerContext) -> Operator:
    """Takes two questions at once, which only the worker knows."""
    operator = Good()
    operator.max_in_flight = 2
    return operator
