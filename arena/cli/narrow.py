"""A table that stays readable on a narrow terminal, where every row becomes a list of its cells."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

LEAST = 8  # characters of the first column, whose cells are folded


class NarrowTable(Table):
    """The first column names the row, and can be folded; the cells of the other columns have one line.

    With `terse` a list has the cells of a row in one line, folded, without those that say nothing ("-").
    """

    terse = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.needed <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        first, *others = self.columns
        label = max((cell_len(str(column.header)) for column in others), default=0)
        if self.title:
            yield _text(self.title)
        for name, *cells in zip(*(_cells(column) for column in (first, *others)), strict=True):
            yield name
            if self.terse:
                told = (
                    f"{column.header} {cell}" for column, cell in zip(others, cells, strict=True) if str(cell) != "-"
                )
                yield Padding(Text(" · ".join(told)), (0, 0, 0, 2), expand=False)
                continue
            for column, cell in zip(others, cells, strict=True):
                yield Text.assemble("  ", (str(column.header).ljust(label), "dim"), "  ", cell)
        if self.caption:
            yield _text(self.caption)

    @property
    def needed(self) -> int:
        """The width at which no cell but those of the first column is cut."""
        widths = [max(map(cell_len, _lines(column)), default=0) for column in self.columns[1:]]
        return LEAST + sum(widths) + 2 * len(self.columns) + 1


def _cells(column: Column) -> list[Text]:
    return [_text(cell) for cell in column.cells]


def _lines(column: Column) -> Iterable[str]:
    return (str(column.header), *(cell.plain for cell in _cells(column)))


def _text(cell: object) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))
