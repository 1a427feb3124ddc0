"""`--engine ray`: what a cluster plays, and how far it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from arena import names
from arena.bars import Bar
from arena.engines import ray
from arena.errors import InputError
from arena.evaluate.table import ScoreTable
from arena.log import EndLine, Line
from arena.plan import Plan
from arena.record.reader import Run
from arena.text import printable


def engine(name: str, refused: Mapping[str, object]) -> dict[str, Any] | None:
    """The options of the cluster; None for the engine `local`. InputError for another, or beside what it cannot do."""
    parsed = names.parse(name)
    if parsed.kind not in ("local", "ray") or parsed.what or (parsed.kind == "local" and parsed.options):
        raise InputError(f"--engine {name}: expected local, or ray, or ray@address=HOST:6379@cpus=2")
    if parsed.kind == "local":
        return None
    found = ray.options(name)
    for option in [option for option, value in refused.items() if value is not None]:
        raise InputError(
            f"{option} and --engine {name}: the matches are played on other machines. Leave one of them out"
        )
    return found


def play_ranges(
    plan: Plan, folder: Path, cluster: Mapping[str, Any], console: Console, *, quiet: bool, resume: bool, **how: Any
) -> list[ScoreTable]:
    """Play on a cluster and show how far it is; `how` as ray.run_plan takes it."""
    done = sum(1 for _ in Run(folder).played()) if resume else 0
    with _Ranges(plan, console, done=done, show=not quiet) as shown:
        return ray.run_plan(plan, folder, watcher=shown, resume=resume, **cluster, **how)


class _Ranges(ray.Watcher):
    """A bar on a terminal; elsewhere what a person must know, and from time to time how far it is."""

    def __init__(self, plan: Plan, console: Console, *, done: int, show: bool) -> None:
        self._console = console
        self._show = show
        self._nodes: Counter[str] = Counter()  # ranges that began
        self._progress = Progress(
            TextColumn("matches"),
            BarColumn(20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[where]}"),
            console=console,
            disable=not (show and console.is_terminal),
            transient=True,
        )
        self._task = self._progress.add_task("matches", total=plan.matches, completed=done, where="waiting for a node")
        self._done = done
        self._lines = Bar("matches", plan.matches, done=done, show=show and not console.is_terminal, console=console)

    def __enter__(self) -> Self:
        self._progress.start()
        self._lines.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._lines.__exit__(kind, error, trace)

    def began(self, part: range, node: str) -> None:
        self._nodes[node] += 1
        count = len(self._nodes)
        self._progress.update(self._task, where=f"on {count} node{'s' * (count != 1)}")

    def over(self, lines: Sequence[Line]) -> None:
        self._done += 1
        self._progress.advance(self._task)
        self._lines.update(self._done)
        if self._show and isinstance(end := lines[-1], EndLine) and end.status == "unresolved":
            self.told(f"match {end.match} is unresolved: {end.reason}")

    def told(self, text: str) -> None:
        self._console.print(Text(printable(text)), soft_wrap=True)
