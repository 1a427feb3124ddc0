"""`arena show`: the table of a run, at any time."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from arena.cli.runs import print_commands, print_facts, print_tables, progress
from arena.record.disk import in_use
from arena.record.reader import Run
from arena.record.training import read_training


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
def show(run: Path) -> None:
    """Show the scores of RUN: of one that is complete, that stopped, or that is being played. Of a training, how far
    it came, and the scores of its evaluation.

    The table is computed from the log. `arena verify RUN` says whether the log is right.
    """
    console, notes = Console(), Console(stderr=True)
    if not show_training(run, console, notes):
        return
    recorded = Run(run)
    tables = recorded.tables()
    print_tables(recorded, tables, console)
    print_facts(recorded, console)
    if in_use(run):
        notes.print(f"it is being played: {progress(recorded, tables)}", soft_wrap=True)
    elif recorded.recorded_tables() is None:
        notes.print(f"it stopped after {progress(recorded, tables)}; go on with:", soft_wrap=True)
        print_commands(notes, ("play", "--resume", str(run)))
    else:
        notes.print("it is complete", soft_wrap=True)


def show_training(folder: Path, console: Console, notes: Console) -> bool:
    """What stands there of a training, if it is one; whether there is a run to show."""
    training = read_training(folder)
    if training is None:
        return True
    for sentence in training.sentences():
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    evaluated = (folder / "run.json").is_file()
    if not training.complete or not evaluated:
        left = "was not evaluated yet" if training.complete else "is being trained, or it stopped"
        notes.print(f"it {left}; go on with:\n  {training.again}", markup=False, highlight=False, soft_wrap=True)
    return evaluated
