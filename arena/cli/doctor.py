"""`arena doctor`: checks whether this installation works, and says how to repair it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from arena import commands

if TYPE_CHECKING:
    from arena.cli.checks import Finding

SIGNS = {
    "ok": ("ok", "green"),
    "absent": ("-", "dim"),
    "warning": ("warning", "yellow"),
    "problem": ("PROBLEM", "bold red"),
}


@click.command()
def doctor() -> None:
    """Check this installation: versions, plugins, a real match with worker processes, terminal, GPU.

    Exit code 0 when all works that is here, warnings included; 1 when there is a problem.
    """
    try:
        from arena.cli.checks import CHECKS
    except ImportError as error:
        # A base dependency is missing or broken: nothing else can be looked at.
        print(f"PROBLEM  the arena cannot import what it needs: {error}\n         → {commands.install('')}")
        sys.exit(1)
    counts = dict.fromkeys(SIGNS, 0)
    for check in CHECKS:
        for finding in check():
            counts[finding.state] += 1
            _show(finding)
    warnings = f", {_count(counts['warning'], 'warning')}" if counts["warning"] else ""
    if counts["problem"]:
        print(f"\n{_count(counts['problem'], 'problem')}{warnings}")
        sys.exit(1)
    print(f"\nall that is here works{warnings}" if counts["absent"] else f"\nall works{warnings}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _show(finding: Finding) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from arena.cli.lean import Lean

    sign, style = SIGNS[finding.state]
    table = Table.grid(padding=(0, 1))
    table.add_column(width=7)
    table.add_column(width=11, overflow="fold")
    table.add_column(overflow="fold")
    table.add_row(Text(sign, style=style), Text(finding.what), Text(finding.text))
    if finding.advice:
        table.add_row("", "", Text(f"→ {finding.advice}", style=style))
    Console().print(Lean(table))
