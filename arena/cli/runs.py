"""What the commands print of a run: the table of what was played, what did not count and why, what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.text import Text

from arena import commands
from arena.cli.tables import plural, score_table
from arena.errors import ArenaError
from arena.evaluate.table import Table
from arena.record.reader import Run
from arena.text import printable

MOST_NOTES = 20
NUMBER = re.compile(r"(?<=\s)\d[\d,]*(?=[\s:,.]|$)")  # a word of its own: no part of an operator's name


def print_table(run: Run, table: Table, console: Console) -> None:
    """The table, and notes on what did not count."""
    head, times = run.typed_head, run.times()
    scores = score_table(
        table,
        times.seconds,
        game=head.game.name,
        seed=head.seed,
        seeded=head.game.seeded,
        pace=head.limits.pace,
        planned=head.matches,
        deals=None if not head.people else "mirrored" if head.mirror else "own",
    )
    console.print(scores)
    notes = [f"{plural(count, 'try', 'tries')} voided: {why}" for why, count in alike(times.voids)]
    notes += [f"{plural(count, 'match', 'matches')} unresolved: {why}" for why, count in alike(table.reasons)]
    for note in notes[:MOST_NOTES]:
        console.print(Text(printable(note)), soft_wrap=True)
    if len(notes) > MOST_NOTES:
        console.print(f"... and {len(notes) - MOST_NOTES} more reasons")


def alike(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Reasons and how often each was given, those that differ in numbers alone as one, told as it came first."""
    kinds: dict[str, list[str]] = {}
    for reason in reasons:
        kinds.setdefault(NUMBER.sub("0", reason), []).append(reason)
    return [
        (first if not others else f"{first} (or other numbers)", sum(reasons[reason] for reason in (first, *others)))
        for first, *others in kinds.values()
    ]


def print_commands(console: Console, *lines: tuple[str, ...]) -> None:
    """Commands as they can be typed."""
    for words in lines:
        console.print(f"  {commands.arena(*words)}", style="dim", highlight=False, markup=False, soft_wrap=True)


def print_stopped(folder: Path, console: Console, notes: Console) -> None:
    """Of a run that stopped early: what was played, and how to go on. Nothing where no run was begun."""
    if not (folder / "run.json").is_file():
        return
    run = Run(folder)
    table = run.table()
    if table.matches:
        print_table(run, table, console)
    planned = run.typed_head.matches
    notes.print(
        f"stopped after {table.matches} of {plural(planned, 'match', 'matches')}; go on with:",
        markup=False,
        soft_wrap=True,
    )
    print_commands(notes, ("play", "--resume", str(folder)))


def check_resolved(run: Run, table: Table) -> None:
    """ArenaError where no match of a complete run was resolved: nothing is known of anybody then."""
    if table.matches and table.unresolved == table.matches:
        reasons = "; ".join(f"{count} times {printable(reason)}" for reason, count in table.reasons.items())
        raise ArenaError(
            f"none of {plural(table.matches, 'match', 'matches')} was resolved: {reasons}. What the workers said is in "
            f"{run.folder / 'workers'}"
        )
