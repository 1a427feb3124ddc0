"""`arena replay`: shows a recorded run step by step."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.control import Control
from rich.segment import Segment, Segments
from rich.text import Text

from arena.cli.replay_pages import Page, ReplayPages
from arena.cli.whole import Whole
from arena.errors import InputError, RecordError
from arena.record.reader import Run
from arena.record.replay import Replay

if TYPE_CHECKING:
    from arena.cli.keys import Keys

HELP = "→ next  ← back  n/p match  a auto  1-9 speed  ↑↓ scroll  q quit"
BRIEF = "→ ← n p a q"


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--match", "-m", type=Whole(0), help="The match to begin with (--plain: the only one shown).")
@click.option("--plain", is_flag=True, help="Print every step and wait for no key. So it is without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="For machines: each step as one line of JSON.")
@click.option("--frames", type=click.Path(path_type=Path, file_okay=False), help="Save each picture shown as PNG here.")
@click.option("--trust", is_flag=True, help="Run the game file that came with RUN, although it was never played here.")
def replay(run: Path, match: int | None, plain: bool, as_json: bool, frames: Path | None, trust: bool) -> None:
    """Show RUN step by step: what each seat saw, thought, answered and did, what happened, who won.

    The matches are played again from the log, so what is shown is what `arena verify` checks.

    \b
    Enter, Space, →   next step        n, p     next, previous match
    ←                 back             a, 1-9   play by itself, steps a second
    ↑ ↓               scroll           q, Esc   quit
    """
    with closing(Replay(Run(run), trust=trust)) as recorded:
        _show(recorded, match, plain, as_json, frames)
    if frames is not None:
        click.echo(f"pictures: {frames}", err=True)


def _show(recorded: Replay, match: int | None, plain: bool, as_json: bool, frames: Path | None) -> None:
    first, last = recorded.run.head.first, recorded.end - 1
    if match is not None and not first <= match <= last:
        raise InputError(f"--match {match}: this run has matches {first} to {last}")
    console = Console()
    if plain or as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        if match is not None:
            replays = iter([_pages(recorded, match, frames)])
        else:
            replays = (ReplayPages(recorded, plan, lines, frames) for plan, lines in recorded.recorded())
        for pages in replays:
            for page in pages.all():
                if as_json:
                    click.echo(msgspec.json.encode(page.moment))
                else:
                    console.print(page.heading(console.width), page.body)
    else:
        from arena.cli.keys import Keys  # needs termios, which not every system has

        with Keys() as keys:
            Viewer(recorded, console, keys, frames, first if match is None else match).run()


def _pages(recorded: Replay, match: int, frames: Path | None) -> ReplayPages:
    lines = recorded.run.match(match)
    return ReplayPages(recorded, recorded.run.plan(lines[0]), lines, frames)


class Viewer:
    """One page at a time on a terminal, moved by keys."""

    def __init__(self, replay: Replay, console: Console, keys: Keys, frames: Path | None, match: int) -> None:
        self._replay = replay
        self._console = console
        self._keys = keys
        self._frames = frames
        self._number = 0  # of the page
        self._offset = 0  # lines scrolled
        self._speed = 2  # steps a second
        self._auto = False
        self._note = ""
        self._pages = self._load(match)
        self._match = match

    def run(self) -> None:
        """Show pages until the person quits."""
        self._console.set_alt_screen(True)
        self._console.show_cursor(False)
        try:
            self._draw()
            while True:
                due = time.monotonic() + 1 / self._speed
                key = self._keys.get(1 / self._speed if self._auto else None)
                if key in ("q", "escape", "closed"):
                    return
                if not key and self._auto and time.monotonic() >= due:
                    key = "right"
                self._press(key)
                self._draw()
        finally:
            self._console.show_cursor(True)
            self._console.set_alt_screen(False)

    def _press(self, key: str) -> None:
        self._note = ""
        match key:
            case "right" | "enter" | "space":
                self._next()
            case "left":
                self._number, self._offset = max(0, self._number - 1), 0
            case "n" if self._match < self._replay.end - 1:
                self._enter(self._match + 1)
            case "p" if self._match > self._replay.run.head.first:
                self._enter(self._match - 1)
            case "a":
                self._auto = not self._auto
            case "up":
                self._offset = max(0, self._offset - 1)
            case "down":
                self._offset += 1
            case _ if key.isdigit() and key != "0":
                self._speed = int(key)

    def _next(self) -> None:
        if self._pages.page(self._number + 1) is not None:
            self._number, self._offset = self._number + 1, 0
        elif self._auto and self._match < self._replay.end - 1:
            self._enter(self._match + 1)
        else:
            self._auto = False

    def _enter(self, match: int) -> None:
        try:
            pages = self._load(match)
        except RecordError:
            self._auto, self._note = False, f"match {match} is not recorded"
            return
        self._pages, self._match, self._number, self._offset = pages, match, 0, 0

    def _load(self, match: int) -> ReplayPages:
        return _pages(self._replay, match, self._frames)

    def _page(self) -> Page:
        page = self._pages.page(self._number)
        assert page is not None  # the first page is always there, and others are only entered when they are
        return page

    def _draw(self) -> None:
        page = self._page()
        width, height = self._console.size
        options = self._console.options.update(width=width)
        lines = self._console.render_lines(page.body, options, pad=False)
        head = self._console.render_lines(page.heading(width), options, pad=False)
        room = max(1, height - 2 - len(head))
        self._offset = min(self._offset, max(0, len(lines) - room))
        hidden = len(lines) - room - self._offset
        shown = [segment for line in lines[self._offset : self._offset + room] for segment in (*line, Segment.line())]
        self._console.control(Control.home(), Control.clear())
        self._console.print(Segments([segment for line in head for segment in (*line, Segment.line())]), end="")
        self._console.print(Segments(shown), end="")
        state = f"step {self._number}"
        state += f" · auto {self._speed}/s" if self._auto else ""
        state += f" · {hidden} more lines ↓" if hidden > 0 else ""
        state += f" · {self._note}" if self._note else ""
        self._console.control(Control.move_to(0, height - 1))
        keys = HELP if len(state) + len(HELP) + 2 < width else BRIEF
        self._console.print(Text(f"{state}  {keys}"[: width - 1], style="reverse"), end="")
