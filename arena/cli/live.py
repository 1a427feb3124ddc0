"""The live table that is shown while matches are played, and the counts behind the final one."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from arena.cli.tables import duration, number, paced
from arena.match import Ask, Match
from arena.observer import Observer
from arena.operator import Decision, Outcome
from arena.plan import Plan
from arena.protocol import messages as m

LAST_EVENTS = 6


class LiveTable(Observer):
    """Draws at most eight times a second, on a terminal only; elsewhere it prints what a person must know."""

    def __init__(self, plan: Plan, console: Console, *, show: bool) -> None:
        self._plan = plan
        self._console = console
        self._drawn = show and console.is_terminal
        self._show = show
        self._returns: dict[str, list[float]] = {entry.name: [] for entry in plan.lineup}
        self._faults: dict[str, int] = {entry.name: 0 for entry in plan.lineup}
        self._status: dict[str, str] = {}
        self._addresses: set[str] = set()
        self._events: list[str] = []
        self._voids: dict[str, int] = {}
        self._unresolved: list[str] = []
        self.seconds: dict[str, tuple[int, float]] = {}  # operator -> (answers, seconds waited for them)
        self.done = 0
        self._progress = Progress(
            TextColumn("matches"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        )
        self._task = self._progress.add_task("matches", total=plan.matches)
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=8, transient=True)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._drawn:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._live.stop()

    def status(self, name: str, status: m.Status) -> None:
        """A worker tells how far it is; an address is for the person and is always printed."""
        if status.address and status.address not in self._addresses:
            self._addresses.add(status.address)
            self._console.print(f"{status.text or name}: {status.address}", highlight=False, soft_wrap=True)
            return
        self._status[name] = "" if status.state == "ready" else status.text or "starting"

    def asked(self, match: Match, ask: Ask) -> None:
        if self._plan.lineup[match.plan.slots[ask.seat]].kind.interactive:
            self._status[match.names[ask.seat]] = "to act"

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        name = match.names[seat]
        count, waited = self.seconds.get(name, (0, 0.0))
        self.seconds[name] = (count + 1, waited + seconds)
        if self._status.get(name) == "to act":
            self._status[name] = ""

    def ticked(self, match: Match) -> None:
        for event in match.last_events:
            self._events.append(event)
        for fault_seat in match.last_faults:
            self._faults[match.names[fault_seat]] += 1
        del self._events[:-LAST_EVENTS]

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.done += 1
        self._progress.update(self._task, completed=self.done)
        for name, value in zip(match.names, outcome.returns, strict=True):
            self._returns[name].append(value)

    def voided(self, match: Match, kind: str, reason: str) -> None:
        self._voids[f"{kind}: {reason}"] = self._voids.get(f"{kind}: {reason}", 0) + 1
        if self._show:
            self._console.print(f"match {match.plan.index} is void ({kind}: {reason})", highlight=False)

    def unresolved(self, match: Match, reason: str) -> None:
        self.done += 1
        self._progress.update(self._task, completed=self.done)
        self._unresolved.append(f"match {match.plan.index} stays unresolved: {reason}")

    def notes(self) -> list[str]:
        """What the final table does not say: voided tries and their reasons."""
        voids = [f"{count} voided: {reason}" for reason, count in self._voids.items()]
        return voids + self._unresolved

    def _render(self) -> RenderableType:
        table = Table(
            title=f"{self._plan.game_name} · seed {self._plan.seed}{paced(self._plan.limits.pace)}",
            title_justify="left",
        )
        for title in ("operator", "score", "faults", "a turn", ""):
            table.add_column(title, justify="right" if title in ("score", "faults", "a turn") else "left")
        for entry in self._plan.lineup:
            values = self._returns[entry.name]
            count, waited = self.seconds.get(entry.name, (0, 0.0))
            table.add_row(
                entry.name,
                number(sum(values) / len(values)) if values else "-",
                str(self._faults[entry.name]),
                duration(waited / count) if count else "-",
                self._status.get(entry.name, "starting"),
            )
        return Group(table, Text("\n".join(self._events), style="dim"), self._progress)
