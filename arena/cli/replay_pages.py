"""The pages of one match for `arena replay`: the start, one page a tick, and the result on the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from arena import commands
from arena.errors import RecordError
from arena.game import Views
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.match import Match
from arena.plan import MatchPlan
from arena.record.replay import Replay, Step, execute
from arena.text import printable

PICTURE = (600, 960)  # (height, width) of the pictures that --frames saves
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")  # of the seats


@dataclass(frozen=True, slots=True)
class Page:
    """One step of a match, as it is shown."""

    title: str
    body: RenderableType

    def heading(self, width: int) -> RenderableType:
        """The title as a rule, or as lines where it is too long for one of `width` columns."""
        title = said(self.title, "bold")
        return Rule(title, align="left") if title.cell_len + 4 <= width else title


class ReplayPages:
    """One match of a run. Pages are made as they are asked for, each once."""

    def __init__(self, replay: Replay, plan: MatchPlan, lines: Sequence[Line], frames: Path | None = None) -> None:
        self._replay = replay
        self._match = replay.match(plan)
        self._lines = lines
        self._frames = frames
        self._made: list[Page] = []
        self._pages = self._make()

    def page(self, number: int) -> Page | None:
        """Page `number`, from 0; None after the last. The first call needs the match to itself: see Replay.match."""
        while len(self._made) <= number:
            page = next(self._pages, None)
            if page is None:
                return None
            self._made.append(page)
        return self._made[number]

    def all(self) -> Iterator[Page]:
        """Every page in order."""
        number = 0
        while page := self.page(number):
            yield page
            number += 1

    def _make(self) -> Iterator[Page]:
        saw: dict[int, str] = {}
        totals = [0.0] * len(self._match.names)
        for number, step in enumerate(execute(self._match, self._lines)):
            if self._frames is not None:
                self._save(self._frames, number)
            yield self._page(step, saw, totals)
            if not step.agrees:
                return
            # Looked at now, while the match stands where these seats were asked.
            saw = {request.seat: self._text(request.seat) for request in step.requests}

    def _text(self, seat: int) -> str:
        spec = self._match.session.spec
        if not spec.text:
            return f"({spec.id} has no text view; --frames saves its pictures)"
        return self._match.session.look(seat, Views(text=True)).text or ""

    def _save(self, folder: Path, number: int) -> None:
        from PIL import Image

        name = f"match-{self._match.plan.index:06d}-step-{number:04d}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(self._match.session.draw(*PICTURE)).save(folder / name)
        except OSError as error:
            raise RecordError(f"--frames {folder}: {name} cannot be written: {error.strerror or error}") from error

    def _page(self, step: Step, saw: Mapping[int, str], totals: list[float]) -> Page:
        plan, game = self._match.plan, self._match.session.spec.id
        parts: list[RenderableType] = []
        where = "start" if step.missing is None else f"tick {step.missing.tick}"
        for line in step.recorded:
            if isinstance(line, MatchLine):
                parts += [_seating(self._match), _events(line.events)]
            elif isinstance(line, TurnLine):
                where = f"tick {line.tick}"
                parts.append(_turn(self._match, self._replay.views[line.operator], line, saw.get(line.seat)))
            elif isinstance(line, TickLine):
                where = f"tick {line.tick}"
                totals[:] = [total + reward for total, reward in zip(totals, line.rewards, strict=True)]
                parts += [_events(line.events), _rewards(self._match, line, totals)]
            else:
                parts.append(_result(self._match, line))
        if not step.agrees:
            parts.append(_doubt(step, self._lines, self._replay.run.folder))
        elif isinstance(last := self._lines[-1], EndLine) and last.status == "unresolved":
            parts.append(_result(self._match, last))
        highest = self._replay.matches - 1
        which = f"match {plan.index} (0 to {highest}), block {plan.block}" if highest else "match 0"
        title = f"{game} · {which} · {where}"
        return Page(title, Group(*parts))


def said(text: str, style: str = "") -> Text:
    """What a game, an operator or a log says, as it is: nothing of it is markup, or obeyed by a terminal."""
    return Text(printable(text, lines=True), style)


def _seat(match: Match, seat: int) -> Text:
    return said(f"seat {seat} · {match.names[seat]}", f"bold {COLOURS[seat % len(COLOURS)]}")


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _seating(match: Match) -> RenderableType:
    table = _grid()
    for seat in range(len(match.names)):
        table.add_row(f"seat {seat}", said(match.names[seat], COLOURS[seat % len(COLOURS)]))
    table.add_row("seed", match.plan.seed.hex())
    options = ", ".join(f"{name}={value}" for name, value in match.session.options.items())
    table.add_row("options", said(options or "none"))
    return Panel(table, title="the table", title_align="left", box=box.ROUNDED, border_style="dim")


def _turn(match: Match, views: Views, line: TurnLine, saw: str | None) -> RenderableType:
    names = match.session.spec.actions.names
    table = _grid()
    if line.attempt:
        table.add_row("asked again", f"attempt {line.attempt + 1}")
    elif line.late or line.asked is not None:
        table.add_row("asked", "still thinking" if line.asked is None else f"at tick {line.asked}")
    elif saw is not None:
        # Whoever was not given the text is shown by it all the same: it says what the seat may know.
        table.add_row("saw" if views.text else "in words", said(saw))
    table.add_row("given as", Text(views.described()))
    table.add_row("legal", said(", ".join(names[action] for action in line.legal)))
    if line.thought:
        table.add_row("thought", said(line.thought, "italic"))
    elif line.raw and line.raw != line.answer:
        table.add_row("wrote", said(line.raw, "italic"))
    if isinstance(line.answer, int) and 0 <= line.answer < len(names):
        table.add_row("answer", said(f"{names[line.answer]} ({line.answer})"))
    else:
        table.add_row("answer", said("none" if line.answer is None else str(line.answer) or '""'))
    if line.fault:
        table.add_row("fault", said(f"{line.fault}: {line.detail}" if line.detail else line.fault, "bold red"))
    if line.action is not None:
        why = " (what the fault costs)" if line.fault else " (by the rule for late answers)" if line.late else ""
        table.add_row("action", said(names[line.action] + why, "bold"))
    if line.usage is not None:
        table.add_row("tokens", f"{line.usage.prompt} in, {line.usage.completion} out")
    return Panel(
        table,
        title=_seat(match, line.seat),
        title_align="left",
        box=box.ROUNDED,
        border_style=COLOURS[line.seat % len(COLOURS)],
    )


def _events(events: Sequence[str]) -> RenderableType:
    return said("\n".join(f"  • {printable(event)}" for event in events)) if events else Group()


def _rewards(match: Match, line: TickLine, totals: Sequence[float]) -> RenderableType:
    if not any(line.rewards):
        return Group()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("seat", overflow="fold")
    for title in ("reward", "so far"):
        table.add_column(title, justify="right", no_wrap=True)
    for seat, (reward, total) in enumerate(zip(line.rewards, totals, strict=True)):
        table.add_row(_seat(match, seat), f"{reward:+g}", f"{round(total, 9):+g}")
    return table


def _result(match: Match, line: EndLine) -> RenderableType:
    table = _grid()
    for seat in range(len(match.names)):
        value = "-" if line.returns is None else f"{line.returns[seat]:+.3f}"
        table.add_row(
            _seat(match, seat), said(f"{value} {match.session.spec.unit}" if line.returns is not None else value)
        )
    ticks = f"{line.ticks} tick{'s' * (line.ticks != 1)}"
    title = said(f"result: {line.status} after {ticks}")
    parts: list[RenderableType] = [said(line.reason)] if line.reason else []  # which may be long
    return Panel(Group(*parts, table), title=title, title_align="left", box=box.DOUBLE)


def _doubt(step: Step, lines: Sequence[Line], run: Path) -> RenderableType:
    if not isinstance(lines[-1], EndLine) and (step.missing is not None or len(step.recorded) < len(step.made)):
        return Text("The record ends here: the run stopped while this match was in play.", style="yellow")
    how = commands.arena("verify", run)
    text = f"The log and its re-execution differ here, so nothing after it is shown. {how} says how."
    return Panel(Text(text), border_style="red")
