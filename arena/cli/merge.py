"""`arena merge`: one run of the parts that were played apart."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from arena.bars import Bar
from arena.cli.runs import print_commands, print_tables
from arena.record.merge import merge as merge_runs
from arena.record.reader import Run


@click.command()
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder of the whole run.")
def merge(parts: tuple[Path, ...], out: Path) -> None:
    """Make one run of PARTS, which `arena play --part K/N` played, on one machine or on several.

    Its log is that of a run which was never divided, byte for byte. Parts of different plans, parts that overlap or
    leave a gap, and parts that are not complete are refused.
    """
    with Bar("merging"):
        tables = merge_runs(parts, out)
    print_tables(Run(out), tables, Console())
    notes = Console(stderr=True)
    notes.print(f"run: {out}", highlight=False, markup=False, soft_wrap=True)
    print_commands(notes, ("verify", str(out)))
