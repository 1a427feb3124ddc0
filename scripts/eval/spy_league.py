"""Who wins as spy and as civilian in a run of `spy`, how good the votes were, and what the clues were worth.

    arena play --game spy --operators vlm:nano-games,ppo,scripted,random --matches 240 --out RUN
    python -m scripts.eval.spy_league RUN

Plays the run again from its log, and prints the tables of arena_games/spy/measures.py as Markdown: those that stand in
results.json and the report of a run, also of one that stopped, or that was played before they were written there.
Intervals are of 95%, over blocks, or over people where they sat there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from arena.errors import ArenaError, InputError
from arena.evaluate.measured import MeasuredCell, MeasuredTable
from arena.evaluate.table import ScoreTable
from arena.figures import NO_INTERVAL, plural
from arena.record.measured import measured
from arena.record.reader import Run


def read(run: Run) -> list[ScoreTable]:
    """The tables of each game of `spy`, with what it measures. InputError for a run without one."""
    tables = run.tables()
    games = [head.name for head in run.head.games]
    if "spy" not in games:
        raise InputError(f"{run.folder} has no match of spy: its games are {', '.join(games)}")
    return [measured(run, at, tables[at]) for at, game in enumerate(games) if game == "spy"]


def page(tables: Sequence[ScoreTable]) -> str:
    """All tables, as Markdown."""
    parts = []
    for table in tables:
        of = table.measures[0].matches if table.measures else 0
        out = table.matches - of
        parts.append(f"{plural(of, 'match', 'matches')}, {out} without a result. 95% intervals over blocks or people.")
        for found in table.measures:
            parts += [f"{found.title}:", markdown(found), *[found.note] * bool(found.note)]
    return "\n\n".join(parts)


def markdown(found: MeasuredTable) -> str:
    """One table."""
    heads = [*found.names, found.counted, *found.columns]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    lines += [f"| {' | '.join([*row.names, str(row.count), *map(told, row.cells)])} |" for row in found.rows]
    return "\n".join(lines)


def told(cell: MeasuredCell | None) -> str:
    """Value and interval; "-" without any value."""
    if cell is None:
        return "-"
    return f"{cell.value:.2f} " + (f"({NO_INTERVAL})" if cell.low is None else f"[{cell.low:.2f}, {cell.high:.2f}]")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of the run")
    try:
        print(page(read(Run(parser.parse_args(argv).run))))
    except ArenaError as error:
        print(f"spy_league: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
