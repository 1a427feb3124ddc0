"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from arena.cli.narrow import NarrowTable
from arena.evaluate.table import Row
from arena.evaluate.table import Table as Results
from arena.plan import Pace
from arena.text import printable


def score_table(
    results: Results,
    seconds: Mapping[str, tuple[int, float]],
    *,
    game: str,
    seed: int,
    seeded: bool = True,
    pace: Pace = "lockstep",
) -> RenderableType:
    """The scores of a run. `seconds` gives (answers, seconds waited for them) by operator; `seeded`: the game's seed
    changes something.

    Fits 80 columns: tokens are left out where nobody used any, and faults follow in a table of their own.
    """
    late = any(row.late for row in results.rows)
    tokens = any(row.prompt_tokens or row.completion_tokens for row in results.rows)
    blocks = f"{results.blocks} block{'s' * (results.blocks != 1)}"
    table = _table(
        title=f"{game} · {results.matches} match{'es' * (results.matches != 1)} in {blocks} · seed {seed}{paced(pace)}",
        caption=f"score in {results.unit}, mean over matches; interval over blocks{_alike(results, seeded)}",
    )
    for title in ("score", "95% interval", "turns", "a turn"):
        table.add_column(title, justify="right", no_wrap=True)
    if late:
        table.add_column("late", justify="right", no_wrap=True)
    if tokens:
        table.add_column("tokens in/out", justify="right", no_wrap=True)
    for row in results.rows:
        answers, waited = seconds.get(row.operator, (0, 0.0))
        cells: list[RenderableType] = [_name(row), number(row.score), _interval(row), str(row.turns)]
        cells.append(duration(waited / answers) if answers else "-")
        if late:
            cells.append(str(row.late))
        if tokens:
            cells.append(f"{row.prompt_tokens}/{row.completion_tokens}")
        table.add_row(*cells)
    if not any(row.faults or row.unresolved for row in results.rows):
        return table
    return Group(table, _fault_table(results), Text("scores count faults; fault-free: mean over matches without one"))


def _alike(results: Results, seeded: bool) -> str:
    """The effective sample size, where blocks may repeat each other although they are many."""
    if results.blocks < 2 or results.distinct == results.blocks or (seeded and results.distinct > 1):
        return ""
    why = "" if seeded else "; the seed changes nothing in this game"
    return f"{why}; {results.distinct} of {results.blocks} blocks went a way of their own"


def paced(pace: Pace) -> str:
    """What a title says of the pace: runs of two paces are never shown in one table."""
    return "" if pace == "lockstep" else f" · {pace}"


def _fault_table(results: Results) -> Table:
    table = _table()
    table.add_column("faults", overflow="fold")
    table.add_column("fault-free", justify="right", no_wrap=True)
    for row in results.rows:
        table.add_row(_name(row), _faults(row), number(row.score_fault_free))
    return table


def _table(title: str | None = None, caption: str | None = None) -> Table:
    table = NarrowTable(
        title=None if title is None else Text(printable(title), "table.title"),
        caption=None if caption is None else Text(printable(caption), "table.caption"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
    )
    table.add_column("operator", overflow="fold", min_width=8)
    return table


def number(value: float | None) -> str:
    """A score with its sign."""
    return "-" if value is None else f"{value:+.3f}"


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _name(row: Row) -> Text:
    return Text(printable(row.operator))


def _interval(row: Row) -> str:
    return f"{row.low:+.2f}..{row.high:+.2f}" if row.low is not None else "-"


def _faults(row: Row) -> str:
    counts = [f"{count} {kind}" for kind, count in sorted(row.faults.items())]
    if row.unresolved:
        counts.append(f"{row.unresolved} unresolved")
    return ", ".join(counts) or "none"
