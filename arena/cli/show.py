"""`arena show`: the table of a run, at any time."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from arena.cli.runs import print_commands, print_tables, progress
from arena.record.disk import in_use
from arena.record.reader import Run


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def show(run: Path) -> None:
    """Show the scores of RUN: of one that is complete, that stopped, or that is being played.

    The table is computed from the log. `arena verify RUN` says whether the log is right.
    """
    recorded = Run(run)
    tables = recorded.tables()
    console, notes = Console(), Console(stderr=True)
    print_tables(recorded, tables, console)
    if in_use(run):
        notes.print(f"it is being played: {progress(recorded, tables)}", soft_wrap=True)
    elif recorded.recorded_tables() is None:
        notes.print(f"it stopped after {progress(recorded, tables)}; go on with:", soft_wrap=True)
        print_commands(notes, ("play", "--resume", str(run)))
    else:
        notes.print("it is complete", soft_wrap=True)
