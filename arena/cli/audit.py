"""`arena audit`: what a reviewer would ask of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from arena.analysis.audit import Audit
from arena.analysis.audit import audit as audit_run
from arena.bars import Bar
from arena.figures import plural
from arena.record.reader import Run
from arena.text import printable

MARKS = {True: ("LOOK", "yellow"), False: ("note", "dim")}


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object, of the struct Audit in arena/analysis/audit.py."
)
@click.option("--strict", is_flag=True, help="Exit code 1 if there is something to look at.")
def audit(run: Path, as_json: bool, strict: bool) -> None:
    """Ask of RUN what a reviewer would: seats, circles, who met whom, ties, faults, answers, seeds.

    Each question gets an answer, and each finding its number, its evidence and what to do. LOOK marks
    what misleads a reader of the table who does not know it; a note is a fact to know. Findings are
    information: the exit code is 0, with --strict 1 if anything is marked LOOK.

    Nothing is executed again: `arena verify RUN` first shows that the log is right.
    """
    with Bar("reading the log"):
        found = audit_run(Run(run))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _print(found, Console())
    sys.exit(1 if strict and found.warnings else 0)


def _print(found: Audit, console: Console) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(Text(printable(text), style), soft_wrap=not console.is_terminal)

    of = "" if found.planned in (None, found.matches) else f" of {found.planned} that are planned"
    say(f"{plural(found.matches, 'match', 'matches')}{of}, {plural(found.blocks, 'block')}")
    for answer in found.answers:
        say(f"{answer.question} {'' if answer.known else 'Cannot be told: '}{answer.answer}.", "bold")
        for finding in answer.findings:
            mark, style = MARKS[finding.warning]
            say(f"  {mark}  {finding.text} {finding.advice}".rstrip(), style)
            for place in finding.evidence:
                say(f"        {place}", "dim")
    say(f"{plural(len(found.warnings), 'thing')} to look at" if found.warnings else "nothing to look at")
