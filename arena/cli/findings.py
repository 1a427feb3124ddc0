"""What `arena check` prints."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from arena.testing.checking import Finding

STYLES = {"passes": "green", "fails": "bold red", "not tested": "yellow"}


def show(console: Console, finding: Finding) -> None:
    """One property; below it why, where and what to do, if it does not hold."""
    table = Table.grid(padding=(0, 2))
    table.add_column(width=10, no_wrap=True)
    table.add_column(overflow="fold")
    state = "FAILS" if finding.state == "fails" else finding.state
    table.add_row(Text(state, style=STYLES[finding.state]), Text(finding.property))
    console.print(table)
    lines = [(label, getattr(finding, label)) for label in ("why", "where", "repair")]
    below = Table.grid(padding=(0, 2))
    below.add_column(style="dim", width=6, no_wrap=True)
    below.add_column(overflow="fold")
    for label, text in lines:
        if text:
            below.add_row(label, Text(text))
    if below.row_count:
        console.print(Padding(below, (0, 0, 0, 12)))


def summary(found: Sequence[Finding]) -> str:
    """One line: how many pass, fail, and were not tested."""
    counts = {state: sum(finding.state == state for finding in found) for state in STYLES}
    verb = "fails" if counts["fails"] == 1 else "fail"
    return f"{counts['passes']} pass, {counts['fails']} {verb}, {counts['not tested']} not tested"


def builtins(found: Sequence[Finding]) -> list[dict[str, str]]:
    """For machines."""
    out = msgspec.to_builtins(list(found))
    assert isinstance(out, list)
    return out
