"""What games measured in their matches (arena/measures.py), as results.json has it."""

from __future__ import annotations

from collections.abc import Sequence

from arena.evaluate.measured import MeasuredCell, MeasuredRow, MeasuredTable
from arena.evaluate.table import ScoreTable
from arena.figures import measure, plural
from arena.report.html import Html, figure, section, table, tag

NOTE = (
    "What only the game can tell of its matches, which were played again for it; no seat was shown any of it. "
    "Intervals are of 95%, over blocks, or over people where they sat there."
)


def measured(tables: Sequence[ScoreTable]) -> Html:
    """The tables of each game that has some; nothing for a run without any."""
    parts: list[Html] = []
    for at, one in enumerate(tables):
        if not one.measures:
            continue
        of = min(found.matches for found in one.measures)
        parts.append(tag("h3", f"{one.game} · {plural(of, 'match', 'matches')}"))
        for place, found in enumerate(one.measures):
            heads = [" · ".join(found.names), found.counted, *found.columns]
            path = f"tables.{at}.measures.{place}.rows"
            rows = [_row(f"{path}.{number}", row, found) for number, row in enumerate(found.rows)]
            parts.append(table(found.title, heads, rows))
            if found.note:
                parts.append(tag("p", found.note, class_="note"))
    return section("What the games tell", "measures", *parts, tag("p", NOTE, class_="note")) if parts else Html("")


def _row(path: str, row: MeasuredRow, found: MeasuredTable) -> list[object]:
    cells = [
        "-" if cell is None else _cell(f"{path}.cells.{number}", cell, kind)
        for number, (cell, kind) in enumerate(zip(row.cells, found.kinds, strict=True))
    ]
    return [" · ".join(row.names), figure(f"{path}.count", row.count, str(row.count)), *cells]


def _cell(path: str, cell: MeasuredCell, kind: str) -> Html:
    value = figure(f"{path}.value", cell.value, measure(cell.value, kind))
    if cell.low is None or cell.high is None:
        return value
    bounds = ("low", cell.low), ("high", cell.high)
    ends = (figure(f"{path}.{end}", of, measure(of, kind).rstrip("%")) for end, of in bounds)
    return Html(f"{value} ({' to '.join(ends)})")
