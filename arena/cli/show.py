"""`arena show`: the table of a run, at any time."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from arena import commands
from arena.cli.details import print_details
from arena.cli.runs import print_commands, print_facts, print_tables, progress
from arena.errors import InputError, RecordError
from arena.record.disk import in_use
from arena.record.measured import usable_measures
from arena.record.reader import Run
from arena.record.training import read_training
from arena.train.vlm import begun, sft_told, told


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--conditions", is_flag=True, help="What each operator had: views, history, tools, sampling, server.")
@click.option("--behaviour", is_flag=True, help="How each operator behaves: actions, time, tokens, agreement.")
@click.option("--json", "as_json", is_flag=True, help="With one of these: as one JSON object.")
def show(run: Path, conditions: bool, behaviour: bool, as_json: bool) -> None:
    """Show the scores of RUN: of one that is complete, that stopped, or that is being played. Of a training, how far
    it came, and the scores of its evaluation.

    The table is computed from the log. `arena verify RUN` says whether the log is right.
    """
    console, notes = Console(), Console(stderr=True)
    if not show_training(run, console, notes):
        return
    recorded = Run(run)
    if as_json and conditions == behaviour:
        raise InputError("--json goes with --conditions or with --behaviour: the scores are in results.json")
    if conditions or behaviour:
        print_details(recorded, console, conditions=conditions, behaviour=behaviour, as_json=as_json)
        return
    tables, unmeasured = usable_measures(recorded, recorded.tables())
    print_tables(recorded, tables, console)
    if unmeasured is not None:
        notes.print(unmeasured, markup=False, highlight=False, soft_wrap=True)
    print_facts(recorded, console)
    if in_use(run):
        notes.print(f"it is being played: {progress(recorded, tables)}", soft_wrap=True)
    elif not recorded.ended:
        notes.print(f"it stopped after {progress(recorded, tables)}; go on with:", soft_wrap=True)
        print_commands(notes, ("play", "--resume", str(run)))
    elif recorded.head.count not in (None, sum(table.matches for table in tables)):
        raise RecordError(
            f"{run} is damaged: it came to its end, and its log has {progress(recorded, tables)}. "
            f"`{commands.arena('verify', run)}` says which are missing"
        )
    else:
        notes.print("it is complete", soft_wrap=True)


def show_training(folder: Path, console: Console, notes: Console) -> bool:
    """What stands there of a training, if it is one; whether there is a run to show."""
    of_model = told.sentences(folder) if (folder / begun.HEAD).is_file() else sft_told.sentences(folder)
    if of_model:
        for sentence in of_model:
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)
        return False
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
