"""The tables of what games measure (arena/measures.py), summed up match by match: memory does not grow with these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from arena.evaluate.clusters import ClusteredMean
from arena.evaluate.intervals import BlockMean, BlockShare
from arena.measures import Kind, Layout, Measure


class MeasuredCell(msgspec.Struct, frozen=True):
    """A share or a mean, with its 95% interval over blocks, or over people; None: nothing says how sure it is."""

    value: float
    low: float | None
    high: float | None
    count: int  # of the numbers it is of


class MeasuredRow(msgspec.Struct, frozen=True):
    names: list[str]
    count: int  # of what the table counts
    cells: list[MeasuredCell | None]  # a column each; None: there was none


class MeasuredTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of what the game measured in its matches."""

    title: str
    names: list[str]  # what names a row
    counted: str  # what the rows count
    columns: list[str]
    kinds: list[Kind]  # of the columns
    note: str = ""
    matches: int  # of which something was measured
    rows: list[MeasuredRow]


class _Cell:
    """The numbers of one cell."""

    def __init__(self, kind: type[BlockMean] | type[BlockShare]) -> None:
        self.mean = ClusteredMean(kind)
        self.size, self.total = 0, 0.0  # of the block that is read
        self.people: set[str] = set()  # who sat there in it, but for whom the row is about

    def end_block(self) -> None:
        self.mean.add(self.size, self.total, frozenset(self.people))
        self.size, self.total = 0, 0.0
        self.people.clear()

    def told(self, sure: bool) -> MeasuredCell | None:
        found = self.mean.all
        if found.mean is None:
            return None
        low, high = (self.mean.interval if sure else None) or (None, None)
        return MeasuredCell(found.mean, low, high, found.matches)


class MeasureTally:
    """The sums of one game. The matches of a block follow each other."""

    def __init__(self, tables: Mapping[str, Layout], people: Iterable[str] = ()) -> None:
        self._tables = tables
        self._people = frozenset(people)
        self._cells: dict[tuple[str, tuple[str, ...], str], _Cell] = {}
        self._block: int | None = None
        self._matches = 0

    def add(self, block: int, seats: Sequence[str], measures: Iterable[Measure]) -> None:
        """The (checked) measures of a match; `seats`: the names of the operators."""
        if block != self._block:
            self._end_block()
            self._block = block
        self._matches += 1
        people = self._people.intersection(seats)
        for one in measures:
            mine = () if one.seat is None else (seats[one.seat],)
            key = one.table, (*mine, *one.names), one.column
            cell = self._cells.get(key)
            if cell is None:
                share = self._tables[one.table].columns[one.column] == "share"
                cell = self._cells[key] = _Cell(BlockShare if share else BlockMean)
            cell.size += 1
            cell.total += one.value
            cell.people |= people.difference(mine)

    def _end_block(self) -> None:
        for cell in self._cells.values():
            cell.end_block()

    def tables(self, sure: bool) -> list[MeasuredTable]:
        """All tables that have a row; no match follows. Not `sure`: blocks do not tell how sure a number is."""
        self._end_block()
        out = []
        for name, layout in self._tables.items():
            rows = [
                self._row(name, names, layout, sure)
                for names in sorted({row for table, row, _ in self._cells if table == name})
            ]
            if not rows:
                continue
            out.append(
                MeasuredTable(
                    title=layout.title,
                    names=list(layout.names),
                    counted=layout.counted,
                    columns=list(layout.columns),
                    kinds=list(layout.columns.values()),
                    note=layout.note,
                    matches=self._matches,
                    rows=rows,
                )
            )
        return out

    def _row(self, table: str, names: tuple[str, ...], layout: Layout, sure: bool) -> MeasuredRow:
        found = [self._cells.get((table, names, column)) for column in layout.columns]
        cells = [None if cell is None else cell.told(sure) for cell in found]
        return MeasuredRow(list(names), 0 if cells[0] is None else cells[0].count, cells)
