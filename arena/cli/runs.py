"""The commands' output about a run: the tables, what did not count and why, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from arena import commands
from arena.cli.measured import Measured
from arena.cli.tables import score_table
from arena.errors import ArenaError, InputError
from arena.evaluate.table import ScoreTable
from arena.figures import plural
from arena.record.given import titles
from arena.record.reader import Run
from arena.text import printable

MOST_NOTES = 20
NUMBER = re.compile(r"(?<=\s)\d[\d,]*(?=[\s:,.]|$)")  # a separate word, not part of an operator's name


def print_tables(run: Run, tables: Sequence[ScoreTable], console: Console) -> None:
    """The tables, one a game, and notes on what did not count."""
    head, times = run.head, run.times()
    for number, (table, game) in enumerate(zip(tables, head.games, strict=True)):
        scores = score_table(
            table,
            times.spent.get(number, {}),
            game=table.game,
            seed=head.plan.seed,
            seeded=game.seeded,
            pace=head.plan.limits.pace,
            planned=head.count if len(tables) == 1 else None,
            deals=head.deals,
            pairings=head.pairings(game),
            met=head.met(number),
            prices=run.prices(),
        )
        console.print(scores)
        for found in table.measures:
            console.print(Measured(found))
    several = len(head.games) > 1
    meant = {
        f"{one.name} is {one.stood_for}" + (f" at {title}" if several else ""): None
        for game, title in zip(head.games, titles(head.games), strict=True)
        for one in game.operators
        if one.stood_for is not None
    }
    for said in meant:
        console.print(Text(printable(said)), soft_wrap=True)
    notes = [f"{plural(count, 'try', 'tries')} voided: {why}" for why, count in alike(times.voids)]
    for table in tables:
        notes += [f"{plural(count, 'match', 'matches')} unresolved: {why}" for why, count in alike(table.reasons)]
    for note in notes[:MOST_NOTES]:
        console.print(Text(printable(note)), soft_wrap=True)
    if len(notes) > MOST_NOTES:
        console.print(f"... and {len(notes) - MOST_NOTES} more reasons")


def print_facts(run: Run, console: Console) -> None:
    """What operators found out about themselves: a line each, more where that changed while it was played."""
    facts, lost = run.usable_facts()
    if lost is not None:
        console.print(Text(printable(lost)), soft_wrap=True)
    for operator, several in facts.items():
        for number, said in enumerate(several):
            words = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in said.items() if text)
            console.print(Text(printable(f"{operator}{' then' * (number > 0)}: {words}")), soft_wrap=True)


def progress(run: Run, tables: Sequence[ScoreTable]) -> str:
    """The numbers of played and planned matches in words."""
    played = sum(table.matches for table in tables)
    if run.head.count is None:
        return plural(played, "match", "matches")
    return f"{played} of {plural(run.head.count, 'match', 'matches')}"


def alike(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Reasons with their counts; reasons that differ only in numbers are one, worded as the first."""
    kinds: dict[str, list[str]] = {}
    for reason in reasons:
        kinds.setdefault(NUMBER.sub("0", reason), []).append(reason)
    return [
        (first if not others else f"{first} (or other numbers)", sum(reasons[reason] for reason in (first, *others)))
        for first, *others in kinds.values()
    ]


def print_commands(console: Console, *lines: tuple[str, ...]) -> None:
    """Print commands that can be typed as they are."""
    for words in lines:
        console.print(f"  {commands.arena(*words)}", style="dim", highlight=False, markup=False, soft_wrap=True)


def print_stopped(
    folder: Path, console: Console, notes: Console, error: BaseException, resume: tuple[str, ...] = ()
) -> None:
    """Print what a stopped run has played, and what to do. Prints nothing if no run was begun.

    `error` is why it stopped, which is told after this.
    """
    if not (folder / "run.json").is_file():
        return
    run = Run(folder)
    tables = run.tables()
    if any(table.matches for table in tables):
        print_tables(run, tables, console)
    elif isinstance(error, InputError):  # a run goes on as it was begun
        notes.print(
            f"no match was finished, and --resume would be refused in the same way. Put right what is said below and "
            f"start a new run ({folder} has only the workers' logs)",
            markup=False,
            soft_wrap=True,
        )
        return
    how = "once what is said below is put right, go on with:" if isinstance(error, ArenaError) else "go on with:"
    notes.print(f"stopped after {progress(run, tables)}; {how}", markup=False, soft_wrap=True)
    print_commands(notes, resume or ("play", "--resume", str(folder)))


def check_resolved(run: Run, tables: Sequence[ScoreTable]) -> None:
    """Raises ArenaError if no match of a complete run was resolved: then there is no score."""
    matches = sum(table.matches for table in tables)
    if matches and matches == sum(table.unresolved for table in tables):
        reasons = "; ".join(
            f"{count} times {printable(why)}" for table in tables for why, count in table.reasons.items()
        )
        raise ArenaError(
            f"none of {plural(matches, 'match', 'matches')} was resolved: {reasons}. What the workers said is in "
            f"{run.folder / 'workers'}"
        )
