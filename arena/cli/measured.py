"""What games measured (arena/measures.py), as tables for the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from arena.cli.narrow import NarrowTable
from arena.evaluate.measured import MeasuredCell, MeasuredTable
from arena.figures import NO_INTERVAL, measure
from arena.text import printable

LEFT_OUT = "Intervals are in results.json and in the report: there is no room for them here."


@dataclass(frozen=True, slots=True)
class Measured:
    """A table with its title and how to read it. Each number stands before its 95% interval, where there is room."""

    table: MeasuredTable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        sure = any(cell is not None and cell.low is not None for row in self.table.rows for cell in row.cells)
        table = self._columns(sure)
        fits = table.needed <= options.max_width
        yield Text(printable(self.table.title), "table.title")
        yield table if fits else self._columns(sure=False)
        for note in (self.table.note, LEFT_OUT if sure and not fits else ""):
            if note:
                yield Text(printable(note), "table.caption")

    def _columns(self, sure: bool) -> NarrowTable:
        found = self.table
        table = NarrowTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        table.terse = True
        first, *names = found.names
        table.add_column(printable(first), overflow="fold", min_width=8)
        for name in names:
            table.add_column(printable(name), no_wrap=True)
        for head in (found.counted, *found.columns):
            table.add_column(printable(head), justify="right", no_wrap=True)
        for row in found.rows:
            cells = [_told(cell, kind, sure) for cell, kind in zip(row.cells, found.kinds, strict=True)]
            table.add_row(*(Text(printable(name)) for name in row.names), str(row.count), *cells)
        return table


def _told(cell: MeasuredCell | None, kind: str, sure: bool) -> str:
    if cell is None:
        return "-"
    value = measure(cell.value, kind)
    if not sure:
        return value
    if cell.low is None or cell.high is None:
        return f"{value} ({NO_INTERVAL})"
    return f"{value} {measure(cell.low, kind)}..{measure(cell.high, kind)}"
