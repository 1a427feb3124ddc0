"""Shows the creation of an environment, and asks before creating one that a match needs."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from arena.errors import InputError
from arena.supervisor.runtime import home, use
from arena.supervisor.runtime.create import create


class Steps:
    """One line a step on a console; on a terminal also what the tool says meanwhile. Use it as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._step = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def step(self, text: str) -> None:
        self._step = text
        self._console.print(f"· {text}", highlight=False, markup=False, soft_wrap=True)
        self.detail("")

    def detail(self, text: str) -> None:
        if self._status is not None:
            room = max(self._console.width - 4, 10)
            self._status.update(escape((text or self._step)[:room]))


def ensure(name: str, yes: bool, console: Console) -> None:
    """Create a runtime's environment if it is needed and not there: at once if `yes`, after a question on a terminal.

    InputError with the command when there is nobody to ask, or the answer is no.
    """
    runtime = use.needed(name)
    if runtime is None:
        return
    for text in (f"{use.missing(runtime)}: {runtime.summary}", runtime.licence):
        if text:
            console.print(text, highlight=False, markup=False, soft_wrap=True)
    asked = f"Create it now, in {home.home() / 'envs'}?"
    if not yes and not (sys.stdin.isatty() and console.is_terminal and click.confirm(asked, default=True, err=True)):
        raise InputError(f"runtime {runtime.name!r} is needed. {use.how_to_create(name)}, or play with --yes")
    with Steps(console) as steps:
        create(runtime, steps)
