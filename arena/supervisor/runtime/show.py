"""How a creation is shown: one line a step; on a terminal also what the tool says meanwhile."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Steps:
    """Progress on a console. Use it as a context manager."""

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
