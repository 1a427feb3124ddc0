"""The live table that is shown while matches are played, and the counts behind the final one."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from arena.bars import Bar
from arena.cli.flow import FlowTable
from arena.cli.tables import paced
from arena.figures import duration, number
from arena.match import Match
from arena.observer import Observer
from arena.operator import Decision, Outcome, Request
from arena.plan import Plan
from arena.price import price_of
from arena.protocol import messages as m
from arena.questions import Load
from arena.record.times import Spent
from arena.text import printable

LAST_EVENTS = 6
LONG = 1.0  # seconds after which a terminal on which nothing is drawn is told what is waited for
NARROW = 60  # columns below which the table has no lines, and no column for the time of a turn


class LiveTable(Observer):
    """Draws at most eight times a second, on a terminal only; elsewhere it prints what a person must know, and of what
    takes long from time to time how far it is.

    taken: the terminal belongs to a person who plays on it: nothing is drawn there, but until the first match begins a
    line says what is waited for.
    """

    def __init__(
        self, plan: Plan, console: Console, *, show: bool, taken: bool = False, part: range | None = None
    ) -> None:
        self._plan = plan
        self._console = console
        self._drawn = show and not taken and console.is_terminal
        self._show = show and not taken
        self._tells = show and taken and console.is_terminal
        self._scores: dict[tuple[int, str], tuple[int, float]] = {}  # by game and operator: matches, sum
        self._faults: Counter[tuple[int, str]] = Counter()
        self._status: dict[str, str] = {entry.name: "starting" for entry in plan.pool}
        self._shared = {entry.name: entry.worker_key for entry in plan.pool}
        self._told: set[str] = set()
        self._late = threading.Timer(LONG, self._tell_all)
        self._late.daemon = True
        self._addresses: set[str] = set()
        self._events: list[str] = []
        self._held: dict[int, list[str]] = {}  # by match: the events that a person may not know before it is over
        self.spent: dict[str, Spent] = {}  # by operator
        self._flow = FlowTable({entry.name: price_of(entry.options) for entry in plan.pool}, self.spent)
        self.done = 0  # matches that are over; of a run that goes on, those of before count too
        self._progress = Progress(
            TextColumn("matches"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn(), console=console
        )
        self._total = plan.matches if part is None else len(part)
        self._task = self._progress.add_task("matches", total=self._total)
        self._lines = Bar("matches", self._total, show=self._show and not console.is_terminal, console=console)
        self._live = Live(get_renderable=self._safely, console=console, refresh_per_second=8, transient=True)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._drawn:
            self._live.start()
        if self._tells:
            self._late.start()
        self._lines.begin("matches", self._total, done=self.done)
        self._lines.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._late.cancel()
        self._lines.__exit__(kind, error, trace)
        if self._drawn:
            self._live.stop()

    def status(self, name: str, status: m.Status) -> None:
        """A worker tells how far it is; an address is for the person and is always printed, at once."""
        if status.address:
            if status.address not in self._addresses:
                self._addresses.add(status.address)
                self._say(f"{status.text or name}: {status.address}")
            return
        said = "" if status.state == "ready" else printable(status.text) or "starting"
        for other in [one for one, key in self._shared.items() if key == self._shared.get(name)] or [name]:
            self._status[other] = said
        if self._tells and self._late.finished.is_set():
            self._tell(name)

    def begins(self, loads: Mapping[str, Load]) -> None:
        self._flow.loads = loads

    def started(self, match: Match) -> None:
        self._tells = False
        self._late.cancel()

    def asked(self, match: Match, request: Request) -> None:
        if self._plan.seated(match.plan)[request.seat].kind.interactive:
            self._status[match.names[request.seat]] = "to act"

    def answered(self, match: Match, seat: int, decision: Decision, seconds: float) -> None:
        name = match.names[seat]
        self.spent.setdefault(name, Spent()).add(seconds, decision.usage)
        if self._status.get(name) == "to act":
            self._status[name] = ""

    def ticked(self, match: Match) -> None:
        if self._secret(match):
            self._held.setdefault(match.plan.index, []).extend(match.last_events)
        else:
            held = self._held.pop(match.plan.index, [])
            most = max(LAST_EVENTS, len(held) + len(match.last_events)) if held else LAST_EVENTS
            self._events = [*self._events, *held, *match.last_events][-most:]
        for fault_seat in match.last_faults:
            self._faults[match.plan.game, match.names[fault_seat]] += 1

    def _secret(self, match: Match) -> bool:
        """Whether a person who plays may not know yet what happens: they may sit before this screen."""
        hidden = not self._plan.games[match.plan.game].facts.spec.perfect_information
        people = any(entry.kind.interactive for entry in self._plan.seated(match.plan))
        return hidden and people and match.outcome is None

    def ended(self, match: Match, outcome: Outcome) -> None:
        self._over()
        for name, value in zip(match.names, outcome.returns, strict=True):
            count, total = self._scores.get((match.plan.game, name), (0, 0.0))
            self._scores[match.plan.game, name] = (count + 1, total + value)

    def voided(self, match: Match, kind: str, reason: str) -> None:
        self._held.pop(match.plan.index, None)  # its deal may be played again
        if self._show:
            self._say(f"match {match.plan.index} is void ({kind}: {reason})")

    def unresolved(self, match: Match, reason: str) -> None:
        self._over()

    def _over(self) -> None:
        """A match is."""
        self.done += 1
        self._progress.update(self._task, completed=self.done)
        self._lines.update(self.done)

    def unseen(self, reason: str) -> None:
        self._say(reason)

    def _say(self, text: str) -> None:
        """Print one line; its text may come from others."""
        self._console.print(Text(printable(text)), soft_wrap=True)

    def _tell_all(self) -> None:
        for name in [name for name, said in self._status.items() if said]:
            self._tell(name)

    def _tell(self, name: str) -> None:
        line = f"{name}: {self._status.get(name) or 'ready'}"
        if self._plan.limits.blind:
            line = "waiting for the other players to be ready"
        if self._tells and line not in self._told:
            self._told.add(line)
            self._say(line)

    def _safely(self) -> RenderableType:
        """The table, or why there is none: an exception here would come up where the run ends."""
        try:
            return self._render()
        except Exception as error:  # noqa: BLE001 - a display must not end what it shows
            self._drawn = False
            return Text(f"the live table was switched off: {type(error).__name__}: {printable(str(error))}")

    def _render(self) -> RenderableType:
        wide = self._console.width >= NARROW
        games = self._plan.games
        title = f"{', '.join(game.name for game in games)} · seed {self._plan.seed}{paced(self._plan.limits.pace)}"
        table = Table(
            title=Text(title, "italic"),
            title_justify="left",
            box=box.HEAVY_HEAD if wide else None,
            padding=(0, 1) if wide else (0, 1, 0, 0),
            pad_edge=wide,
        )
        table.add_column("operator", overflow="fold", min_width=8)
        for title in ("score", "faults", "a turn")[: 3 if wide else 2]:
            table.add_column(title, justify="right", no_wrap=True)
        table.add_column("", overflow="fold")
        for game, entry in itertools.product(range(len(games)), self._plan.pool):
            matches, total = self._scores.get((game, entry.name), (0, 0.0))
            spent = self.spent.get(entry.name, Spent())
            name = entry.name if len(games) == 1 else f"{games[game].facts.spec.id}: {entry.name}"
            cells: list[RenderableType] = [Text(printable(name)), number(total / matches) if matches else "-"]
            cells.append(str(self._faults[game, entry.name]))
            if wide:
                cells.append(duration(spent.seconds / spent.answers) if spent.answers else "-")
            table.add_row(*cells, Text(self._status[entry.name]))
        flow = self._flow.render(time.monotonic())
        above: list[RenderableType] = [table] if flow is None else [table, flow]
        # Of more lines than a screen has, the last would be cut off.
        room = self._console.height - len(self._console.render_lines(Group(*above, self._progress)))
        events = Text("\n".join(map(printable, self._events)), style="dim", overflow="fold")
        lines = events.wrap(self._console, self._console.width)[-max(LAST_EVENTS, room) :]
        return Group(*above, Text("\n").join(lines), self._progress)
