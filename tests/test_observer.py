"""A display that fails is switched off, and the run goes on. What it shows of others' words is not obeyed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from arena.cli.live import LiveTable
from arena.lineup import build_plan
from arena.match import Match
from arena.observer import Observer, SafeObserver
from arena.operator import Outcome
from arena.plan import Limits
from arena.play import run_plan
from arena.protocol import messages as m
from arena.record.times import Spent

HOSTILE = "[/v1/chat/completions] \x1b[2J\x07 \u202e [bold]no[/bold]"


def events() -> list[str]:
    return [name for name in vars(Observer) if not name.startswith("_")]


class Torn(Observer):
    """Raises at one event."""

    def __init__(self, event: str) -> None:
        self.heard: list[str] = []
        setattr(self, event, self._tear)

    def ticked(self, match: Match) -> None:
        self.heard.append("ticked")

    def _tear(self, *args: Any) -> None:
        self.heard.append("torn")
        raise ValueError("no [/screen]\x1b[2J")


@pytest.mark.parametrize("event", events())
def test_every_event_is_passed_on_and_may_raise_once(event: str) -> None:
    said: list[str] = []
    torn = Torn(event)
    safe = SafeObserver(torn, said.append)
    for _ in range(2):
        getattr(safe, event)(*[None] * (getattr(Observer, event).__code__.co_argcount - 1))
    assert torn.heard == ["torn"]
    assert said == ["the display was switched off: ValueError: no [/screen]\\x1b[2J"]


def test_a_run_goes_on_without_its_display(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def broken(name: str, status: m.Status) -> None:
        raise RuntimeError("no terminal")

    plan = build_plan("kuhn", ["random", "random"], matches=4)
    [table] = run_plan(plan, tmp_path / "run", observer=Torn("ended"), on_status=broken)
    assert table.matches == 4
    assert capfd.readouterr().err.count("switched off") == 1


def live(
    width: int = 80,
    blind: bool = False,
    game: str = "holdem",
    pool: tuple[str, ...] = ("random", "scripted"),
    **how: Any,
) -> tuple[LiveTable, Console]:
    plan = build_plan(game, pool, matches=12, limits=Limits(blind=blind))
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None, record=True)
    return LiveTable(plan, console, show=True, **how), console


class Played:
    """What the table asks of a match."""

    names = ("random", "scripted")
    last_events = (f"seat 0 says {HOSTILE}",)
    last_faults = ()
    outcome: Outcome | None = None

    class plan:
        index = 7
        lineup = (0, 1)
        game = 0


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_words_of_workers_are_printed_as_they_are_and_steer_nothing() -> None:
    table, console = live()
    match: Any = Played()
    table.status("random", m.Status(state="loading", text=HOSTILE, address=f"http://x/{HOSTILE}"))
    table.status("random", m.Status(state="loading", text=HOSTILE))
    table.voided(match, "backend", HOSTILE)
    table.unseen(HOSTILE)
    table.ticked(match)
    console.print(table._render())
    out = printed(console)
    assert not set(out) & {"\x1b", "\x07", "\u202e"}
    assert out.count("[/v1/chat/completions] \\x1b[2J") == 6  # the address has it twice


@pytest.mark.parametrize(
    ("game", "pool", "over", "told"),
    [
        ("holdem", ("random", "human:web"), False, False),
        ("holdem", ("random", "human:web"), True, True),
        ("holdem", ("random", "scripted"), False, True),
        ("connect_four", ("random", "human:web"), False, True),
    ],
)
def test_what_others_do_in_a_game_with_secrets_is_told_after_a_match_with_a_person(
    game: str, pool: tuple[str, ...], over: bool, told: bool
) -> None:
    table, console = live(game=game, pool=pool)
    match: Any = Played()
    match.outcome = Outcome(status="terminated", returns=(1.0, -1.0)) if over else None
    table.ticked(match)
    console.print(table._render())
    assert ("seat 0 says" in printed(console)) == told


def said_by(match: Any, table: LiveTable, said: Sequence[str]) -> None:
    for event in said:
        match.last_events = (event,)
        table.ticked(match)


def test_what_was_held_back_is_told_in_order_when_the_match_is_over() -> None:
    table, console = live(game="holdem", pool=("random", "human:web"))
    match: Any = Played()
    said = [f"event {number:02}" for number in range(9)]
    said_by(match, table, said[:-1])
    console.print(table._render())
    assert "event" not in printed(console)
    match.outcome = Outcome(status="terminated", returns=(1.0, -1.0))
    said_by(match, table, said[-1:])
    console.print(table._render())
    assert [line.rstrip() for line in printed(console).splitlines() if line.startswith("event")] == said


def test_what_was_held_back_of_a_match_that_is_void_is_never_told() -> None:
    """It may be played again, with the same cards."""
    table, console = live(game="holdem", pool=("random", "human:web"))
    match: Any = Played()
    said_by(match, table, ["event of the void try"])
    table.voided(match, "backend", "it was lost")
    match.outcome = Outcome(status="terminated", returns=(1.0, -1.0))
    said_by(match, table, ["event of the second try"])
    console.print(table._render())
    assert "void try" not in printed(console)
    assert "second try" in printed(console)


def test_of_more_events_than_a_screen_has_lines_the_last_are_shown() -> None:
    table, console = live(game="holdem", pool=("random", "human:web"))
    match: Any = Played()
    said_by(match, table, [f"event {number:03}" for number in range(200)])
    match.outcome = Outcome(status="terminated", returns=(1.0, -1.0))
    said_by(match, table, ["event 200"])
    lines = console.render_lines(table._render())
    assert len(lines) == console.height
    assert "event 200" in "".join(part.text for part in lines[-2])


@pytest.mark.parametrize("width", [40, 60, 80])
def test_nothing_is_cut_off(width: int) -> None:
    table, console = live(width)
    match: Any = Played()
    for _ in range(12):
        table.ended(match, Outcome(status="terminated", returns=(-12.345, 12.345)))
    table.spent["random"] = Spent(10, 123.4)
    console.print(table._render())
    out = printed(console)
    assert max(map(len, out.splitlines())) <= width
    for cell in ("random", "scripted", "-12.345", "12/12", "starting", *["12.3 s"] * (width > 40)):
        assert cell in out


def test_a_terminal_that_is_a_persons_is_told_what_is_waited_for() -> None:
    table, console = live(taken=True)
    table.status("random", m.Status(state="loading", text="loading the model"))
    assert printed(console) == ""  # it has not taken long yet
    table._late.function()
    table._late.finished.set()
    table.status("scripted", m.Status(state="loading", text="loading the rules"))
    table.status("random", m.Status(state="ready"))
    assert printed(console).splitlines() == [
        "random: loading the model",
        "scripted: starting",
        "scripted: loading the rules",
        "random: ready",
    ]
    match: Any = Played()
    table.started(match)
    table.status("random", m.Status(state="loading", text="again"))
    assert "again" not in printed(console)


def test_a_terminal_that_is_a_persons_shows_no_names_before_a_blind_match() -> None:
    table, console = live(taken=True, blind=True)
    table.status("random", m.Status(state="loading", text="loading the model"))
    table._late.function()
    assert printed(console).splitlines() == ["waiting for the other players to be ready"]
