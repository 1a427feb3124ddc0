"""The pages of one match for `arena replay`: the start, one page a tick, and the result on the last one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from arena import commands
from arena.errors import RecordError
from arena.figures import brief, counted, signed
from arena.log import Line
from arena.operator import ToolCall
from arena.plan import MatchPlan
from arena.record.asked import models
from arena.record.given import worded
from arena.record.moments import Moment, Result, ShownTurn, moments
from arena.record.replay import Replay
from arena.text import printable

PICTURE = (600, 960)  # (height, width) of the pictures that --frames saves
MOST_AGAIN = 4  # lines of a prompt that are shown although they are as in the last one
UNKNOWN = "(the record does not tell what the model was asked here)"
NOT_GIVEN = "(the moment in words, for you: not what the model was given)"
COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")  # of the seats


@dataclass(frozen=True, slots=True)
class Page:
    """The page of one step of a match."""

    moment: Moment
    title: str
    body: RenderableType

    def heading(self, width: int) -> RenderableType:
        """The title as a rule, or as lines where it is too long for one of `width` columns."""
        title = said(self.title, "bold")
        return Rule(title, align="left") if title.cell_len + 4 <= width else title


class ReplayPages:
    """The pages of one match of a run. Each is made once, on demand."""

    def __init__(self, replay: Replay, plan: MatchPlan, lines: Sequence[Line], frames: Path | None = None) -> None:
        self._replay = replay
        self._match = replay.match(plan)
        self._lines = lines
        self._frames = frames
        self._made: list[Page] = []
        self._prompts: dict[int, str] = {}  # the last of each seat's model
        self._pages = self._make()

    def page(self, number: int) -> Page | None:
        """Page `number`, from 0; None after the last. No other match may be in re-execution: see Replay.match."""
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
        views, asked = self._replay.views(self._match.plan), models(self._replay, self._match)
        for number, moment in enumerate(moments(self._match, self._lines, views, asked)):
            if self._frames is not None:
                self._save(self._frames, number)
            yield Page(moment, self._title(moment), _body(moment, self._replay.run.folder, self._prompts))

    def _title(self, moment: Moment) -> str:
        low, high = self._replay.run.head.first, self._replay.end - 1
        which = f"match {moment.match}" + (f" ({low} to {high}), block {moment.block}" if high > low else "")
        return f"{moment.game} · {which} · {'start' if moment.tick is None else f'tick {moment.tick}'}"

    def _save(self, folder: Path, number: int) -> None:
        from PIL import Image

        name = f"match-{self._match.plan.index:06d}-step-{number:04d}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(self._match.session.draw(*PICTURE)).save(folder / name)
        except OSError as error:
            raise RecordError(f"--frames {folder}: {name} cannot be written: {error.strerror or error}") from error


def said(text: str, style: str = "") -> Text:
    """Text from a game, an operator or a log: it is not read as markup, and cannot control the terminal."""
    return Text(printable(text, lines=True), style)


def _body(moment: Moment, run: Path, prompts: dict[int, str]) -> RenderableType:
    parts: list[RenderableType] = [_seating(moment)] if moment.seed else []
    parts += [_turn(moment, turn, prompts) for turn in moment.turns]
    if moment.events:
        parts.append(said("\n".join(f"  • {printable(event)}" for event in moment.events)))
    if any(moment.rewards):
        parts.append(_rewards(moment))
    if moment.result is not None:
        parts.append(_result(moment, moment.result))
    match moment.stops:
        case "record ends":
            parts.append(Text("The record ends here: the run stopped while this match was in play.", style="yellow"))
        case "log differs":
            how = commands.arena("verify", run)
            text = f"The log and its re-execution differ here, so nothing after it is shown. {how} says how."
            parts.append(Panel(Text(text), border_style="red"))
    return Group(*parts)


def _colour(seat: int) -> str:
    return COLOURS[seat % len(COLOURS)]


def _seat(moment: Moment, seat: int) -> Text:
    return said(f"seat {seat} · {moment.seats[seat]}", f"bold {_colour(seat)}")


def _grid() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _seating(moment: Moment) -> RenderableType:
    table = _grid()
    for seat, name in enumerate(moment.seats):
        table.add_row(f"seat {seat}", said(name, _colour(seat)))
    table.add_row("seed", moment.seed)
    options = ", ".join(f"{name}={value}" for name, value in worded(moment.options).items())
    table.add_row("options", said(options or "as by default"))
    return Panel(table, title="the table", title_align="left", box=box.ROUNDED, border_style="dim")


def _turn(moment: Moment, turn: ShownTurn, prompts: dict[int, str]) -> RenderableType:
    """`prompts`: what each seat's model was asked last; it is brought up to date."""
    table = _grid()
    if turn.attempt:
        table.add_row("asked again", f"attempt {turn.attempt + 1}")
    if turn.prompt:
        table.add_row("prompt", said(_new(turn.prompt, prompts.get(turn.seat, ""))))
        prompts[turn.seat] = turn.prompt
    elif turn.prompt is not None:
        table.add_row("prompt", UNKNOWN)
    if turn.attempt:
        pass
    elif turn.late or turn.asked is not None:
        table.add_row("asked", "still thinking" if turn.asked is None else f"at tick {turn.asked}")
    elif turn.saw is not None:
        # Also for a seat that was given other views: the text says what the seat may know.
        if turn.prompt is None:
            table.add_row("saw" if turn.given.text else "in words", said(turn.saw))
        elif turn.saw not in turn.prompt:
            table.add_row("in words", said(f"{NOT_GIVEN}\n{turn.saw}"))
    else:
        table.add_row("saw", said(f"({moment.game} has no text view; --frames saves its pictures)"))
    for one in turn.heard if turn.given.text and not turn.attempt and not turn.prompt else ():
        table.add_row("heard", said(f"seat {one.seat}: {printable(one.text)}"))
    if not turn.prompt:
        table.add_row("given as", Text(turn.given.described()))
    table.add_row("legal", said(", ".join(turn.legal)))
    for call in turn.calls:
        table.add_row("tool", said(printable(f"{call.tool} {call.arguments}")))
        table.add_row("error" if call.error is not None else "gave", said(_result_of(call)))
    if turn.thought:
        table.add_row("thought", said(turn.thought, "italic"))
    elif turn.raw and turn.raw != turn.answer:
        table.add_row("wrote", said(turn.raw, "italic"))
    if turn.named is not None:
        table.add_row("answer", said(f"{turn.named} ({turn.answer})"))
    else:
        table.add_row("answer", said("none" if turn.answer is None else str(turn.answer) or '""'))
    if turn.fault:
        table.add_row("fault", said(f"{turn.fault}: {turn.detail}" if turn.detail else turn.fault, "bold red"))
    if turn.action is not None:
        why = " (what the fault costs)" if turn.fault else " (by the rule for late answers)" if turn.late else ""
        table.add_row("action", said(turn.action + why, "bold"))
    if turn.said is not None:
        table.add_row("said", said(turn.said))
    if turn.unsaid is not None:
        table.add_row("not said", said(f"{turn.unsaid.text} ({turn.unsaid.why})"))
    if turn.prompt_tokens or turn.completion_tokens:
        table.add_row("tokens", f"{turn.prompt_tokens} in, {turn.completion_tokens} out")
    return Panel(
        table,
        title=_seat(moment, turn.seat),
        title_align="left",
        box=box.ROUNDED,
        border_style=_colour(turn.seat),
    )


def _new(prompt: str, before: str) -> str:
    """A prompt, without the lines that the seat's last one began with, where these are many, as the rules are."""
    lines = prompt.split("\n")
    pairs = zip(lines, before.split("\n"), strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return prompt if same < MOST_AGAIN else "\n".join([f"[{same} lines as before]", *lines[same:]])


def _result_of(call: ToolCall) -> str:
    if call.error is not None:
        return call.error
    picture = None if call.picture is None else f"a picture ({call.picture})"
    return "\n".join(part for part in (call.text, picture) if part is not None)


def _rewards(moment: Moment) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("seat", overflow="fold")
    for title in ("reward", "so far"):
        table.add_column(title, justify="right", no_wrap=True)
    for seat, (reward, total) in enumerate(zip(moment.rewards, moment.totals, strict=True)):
        table.add_row(_seat(moment, seat), brief(reward), brief(round(total, 9)))
    return table


def _result(moment: Moment, result: Result) -> RenderableType:
    table = _grid()
    for seat in range(len(moment.seats)):
        value = "-" if result.returns is None else f"{signed(result.returns[seat])} {counted(result.unit)}"
        table.add_row(_seat(moment, seat), said(value))
    ticks = f"{result.ticks} tick{'s' * (result.ticks != 1)}"
    title = said(f"result: {result.status} after {ticks}")
    parts: list[RenderableType] = [said(result.reason)] if result.reason else []  # which may be long
    return Panel(Group(*parts, table), title=title, title_align="left", box=box.DOUBLE)
