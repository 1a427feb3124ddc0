"""Who wins as spy and as civilian in a run of `spy`, how good the votes were, and what the clues were worth.

    python -m scripts.eval.spy_league RUN

Plays the run again from its log, so that every clue is known against both pictures. Intervals are 95%, over blocks: the
matches of one deal in all seat orders count as one. They do not widen for people who sat there twice. Matches without a
result are left out, and counted. "Statements" is the share of what was said that is known statements; the numbers after
it are of these alone.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from arena.analysis.resample import rate_interval
from arena.errors import ArenaError, InputError
from arena.evaluate.intervals import BlockMean
from arena.log import EndLine
from arena.record.reader import Run
from arena.record.replay import Replay, execute
from arena_games.spy.rules import Spy
from arena_games.spy.truth import clues, votes

ROLES = {True: "spy", False: "civilian"}


@dataclass
class Numbers:
    """Numbers that come one by one, by block; of a share they are 0 and 1."""

    by_block: dict[tuple[int, int], list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, block: tuple[int, int], value: float) -> None:
        self.by_block[block].append(float(value))

    @property
    def count(self) -> int:
        return sum(map(len, self.by_block.values()))

    @property
    def mean(self) -> float:
        return sum(map(sum, self.by_block.values())) / self.count

    def interval(self) -> tuple[float, float] | None:
        """Of a mean by Student's t, None where two blocks or their differences lack; of a share Wilson's."""
        sizes, totals = ([of(values) for values in self.by_block.values()] for of in (len, sum))
        if all(value in (0, 1) for values in self.by_block.values() for value in values):
            return rate_interval(np.array(totals, np.float64), np.array(sizes, np.float64), None)
        out = BlockMean()
        for size, total in zip(sizes, totals, strict=True):
            out.add(int(size), total)
        return out.interval


Table = dict[tuple[str, ...], Numbers]


def _table() -> Table:
    return defaultdict(Numbers)


@dataclass
class League:
    """The tables of a run: by operator and role, or by operator, or by how many others voted the same."""

    won: Table = field(default_factory=_table)
    right: Table = field(default_factory=_table)  # "n/a" is not right
    abstained: Table = field(default_factory=_table)
    by_agreement: Table = field(default_factory=_table)
    silent: Table = field(default_factory=_table)
    scored: Table = field(default_factory=_table)  # of what was said
    true: Table = field(default_factory=_table)
    fits: Table = field(default_factory=_table)
    parts: Table = field(default_factory=_table)
    bits: Table = field(default_factory=_table)
    matches: int = 0
    left_out: int = 0

    def add(self, game: Spy, names: Sequence[str], returns: Sequence[float], block: tuple[int, int]) -> None:
        """A match that this game has just played; `names` are in seat order."""
        self.matches += 1
        for seat, name in enumerate(names):
            self.won[name, ROLES[seat == game.spy]].add(block, returns[seat] > 0)
        for vote in votes(game):
            if not vote.spy:
                self.right[(names[vote.seat],)].add(block, vote.right is True)
                self.abstained[(names[vote.seat],)].add(block, vote.right is None)
                if vote.right is not None:
                    self.by_agreement[f"{vote.agree} of {vote.others}",].add(block, vote.right)
        for clue in clues(game):
            who = names[clue.seat], ROLES[clue.spy]
            self.silent[who].add(block, clue.text is None)
            if clue.text is not None:
                self.scored[who].add(block, clue.bits is not None)
            for table, value in ((self.true, clue.own), (self.fits, clue.other), (self.parts, clue.parts)):
                if value is not None:
                    table[who].add(block, value)
            if clue.bits is not None:
                self.bits[who].add(block, clue.bits)


def read(run: Run) -> League:
    """Plays all matches of `spy` in a run again. InputError for a run without any."""
    league = League()
    with closing(Replay(run)) as replay:
        games = [game for _, game, _ in replay.games]
        if not any(isinstance(game, Spy) for game in games):
            raise InputError(f"{run.folder} has no match of spy: its games are {', '.join(g.spec.id for g in games)}")
        for lines in run.played():
            plan, end = run.plan(lines[0]), lines[-1]
            game = games[plan.game]
            if not isinstance(game, Spy):
                continue
            if not isinstance(end, EndLine) or end.returns is None or end.status != "terminated":
                league.left_out += 1
                continue
            for _ in execute(replay.match(plan), lines):
                pass
            names = [operator.name for operator in replay.seated(plan)]
            league.add(game, names, end.returns, (plan.game, plan.block))
    return league


def told(numbers: Numbers | None) -> str:
    """Mean and interval; "-" without any."""
    if numbers is None or not numbers.count:
        return "-"
    interval = numbers.interval()
    return f"{numbers.mean:.2f}" + ("" if interval is None else f" [{interval[0]:.2f}, {interval[1]:.2f}]")


def rows(heads: Sequence[str], *columns: Table) -> str:
    """A row for each key of the first column, with how many numbers that has."""
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    for key in sorted(columns[0]):
        cells = [*key, str(columns[0][key].count), *(told(column.get(key)) for column in columns)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(league: League) -> str:
    """All tables, as Markdown."""
    clues_said = rows(
        (
            "operator",
            "role",
            "clues",
            "silent",
            "statements",
            "true",
            "true of the other picture",
            "parts them",
            "bits",
        ),
        *(league.silent, league.scored, league.true, league.fits, league.parts, league.bits),
    )
    parts = [
        f"{league.matches} matches, {league.left_out} without a result. 95% intervals over blocks.",
        rows(("operator", "role", "matches", "won"), league.won),
        "Votes of civilians:",
        rows(("operator", "votes", "right", "n/a"), league.right, league.abstained),
        "Calibration: votes for a seat by how many other voters gave the same one.",
        rows(("the same", "votes", "right"), league.by_agreement),
        "Clues against both pictures:",
        clues_said,
    ]
    return "\n\n".join(parts)


def main(argv: Sequence[str]) -> int:
    if len(argv) != 1:
        print("usage: python -m scripts.eval.spy_league RUN", file=sys.stderr)
        return 2
    try:
        print(page(read(Run(Path(argv[0])))))
    except ArenaError as error:
        print(f"spy_league: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
