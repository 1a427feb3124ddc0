"""A table on a terminal of any width: every cell can be read."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from arena.cli.narrow import NarrowTable

CELLS = ("vlm@temperature=0", "-0.005", "-0.10..+0.09", "224", "2.1 ms")


def shown(width: int) -> list[str]:
    table = NarrowTable(title="kuhn, 200 matches", caption="score in chips")
    for title in ("operator", "score", "95% interval", "turns", "a turn"):
        first = title == "operator"
        table.add_column(title, overflow="fold" if first else None, min_width=8 if first else None, no_wrap=not first)
    table.add_row(Text(CELLS[0]), *CELLS[1:])
    console = Console(width=width, record=True, file=StringIO())
    console.print(table)
    return console.export_text().splitlines()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_every_cell_can_be_read(width):
    lines = shown(width)
    text = "\n".join(lines)
    assert all(cell in text for cell in CELLS[1:])
    assert "…" not in text
    assert all(len(line) <= width for line in lines)


def test_a_terse_list_has_no_cells_that_say_nothing():
    table = NarrowTable()
    table.terse = True
    for title in ("operator", "role", "statements", "true"):
        table.add_column(title, no_wrap=title != "operator")
    table.add_row("random#1", "spy", "100%", "-")
    console = Console(width=20, record=True, file=StringIO())
    console.print(table)
    text = console.export_text()
    assert " ".join(text.split()) == "random#1 role spy · statements 100%"
    assert max(map(len, text.splitlines())) <= 20


def test_it_is_a_list_only_where_it_must_be():
    assert any("score" in line and "turns" in line for line in shown(80))
    assert not any("score" in line and "turns" in line for line in shown(40))
