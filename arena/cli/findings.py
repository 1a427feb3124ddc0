"""The output of `arena check` for games, operators and workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from arena.testing.checking import Finding

STYLES = {"passes": "green", "fails": "bold red", "not tested": "yellow"}


def report(
    title: str, notes: Sequence[str], test: Callable[[Callable[[str], None]], Iterable[Finding]], as_json: bool
) -> None:
    """Print the findings of `test(on_start)` as they come, and exit with 1 if something fails.

    `on_start` is to be told each property before it is tested.
    """
    console = Console(highlight=False)
    found: list[Finding] = []
    if not as_json:
        console.print(Text(title, style="bold"))
        for note in notes:
            console.print(Text(note, style="dim"))
    with Console(stderr=True).status("starting") as status:
        for finding in test(lambda text: status.update(Text(text))):
            found.append(finding)
            if not as_json:
                show(console, finding)
    if as_json:
        print(json.dumps({"checked": title, "notes": list(notes), "findings": msgspec.to_builtins(found)}, indent=2))
    else:
        console.print(Text(summary(found), style="bold"))
    if any(finding.state == "fails" for finding in found):
        sys.exit(1)


def show(console: Console, finding: Finding) -> None:
    """Print one property and, if it fails, why, where and what to do."""
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
