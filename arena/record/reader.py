"""Reads a run folder."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from arena import commands
from arena.errors import RecordError
from arena.evaluate.table import GameFacts, ScoreTable, Tabulator
from arena.log import EndLine, Line, MatchLine
from arena.plan import MatchPlan, MatchResult
from arena.price import Price
from arena.record import shards
from arena.record.documents import read_json
from arena.record.facts import Facts, read_facts, usable_facts
from arena.record.given import titles
from arena.record.head import read_head
from arena.record.times import Times, read_timing


class Run:
    """A run folder: its head (run.json) and its lines. Raises RecordError if it is not a run, or is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.head = read_head(folder)

    @property
    def operators(self) -> list[str]:
        """Names of the pool."""
        return [operator.name for operator in self.head.games[0].operators]

    def lines(self) -> Iterator[Line]:
        """Every line of the log, in plan order. A torn match at the end is in flight and left out."""
        for lines in self.matches():
            yield from lines

    def matches(self) -> Iterator[list[Line]]:
        """The lines of each match of the log; only one match is in memory at a time."""
        for piece in shards.pieces(self.folder):
            yield piece.lines

    def played(self) -> Iterator[list[Line]]:
        """As `matches`, followed by the finished matches that wait in open/ for an earlier one."""
        logged = 0
        for lines in self.matches():
            logged += 1
            yield lines
        for match, lines in self._journaled(logged):
            if shards.is_whole(lines, match):
                yield lines

    @functools.cached_property
    def logged(self) -> int:
        """The number of matches in the log."""
        return sum(1 for _ in self.matches())

    def in_play(self) -> Iterator[list[Line]]:
        """The lines of the matches that were in play when the run stopped, as far as they came."""
        if shards.journals(self.folder):  # else the log need not be read for them
            for match, lines in self._journaled(self.logged):
                if lines and not shards.is_whole(lines, match):
                    yield lines

    def _journaled(self, logged: int) -> Iterator[tuple[int, list[Line]]]:
        """The journals in open/ of matches that are not in the log."""
        first = self.head.first
        for match, path in shards.journals(self.folder).items():
            if match >= first + logged:
                yield match, shards.read_journal(path)

    def match(self, index: int) -> list[Line]:
        """The lines of one match; for one that was in flight when the run stopped, those of its journal.

        RecordError when there is neither.
        """
        found = (
            itertools.islice(self.matches(), index - self.head.first, None) if index >= self.head.first else iter(())
        )
        lines = next(found, None) or shards.read_journal(shards.journal(self.folder, index))
        if not lines:
            raise RecordError(
                f"{self.folder} has no match {index}: `{commands.arena('verify', self.folder)}` says what is missing"
            )
        return lines

    def plan(self, line: Line) -> MatchPlan:
        """The plan of a match, from its first line. Raises RecordError if this plan has no such match."""
        if not isinstance(line, MatchLine):
            raise RecordError(f"{self.folder}: a {type(line).__name__} stands where a match should begin")
        try:
            lineup = tuple(map(self.operators.index, line.seats))
            game = self.head.games[line.game_index]
            if len(lineup) != game.seats or line.game_index < 0:
                raise ValueError(f"{len(lineup)} seats")
            return MatchPlan(line.match, line.block, lineup, bytes.fromhex(line.seed), line.game_index)
        except (ValueError, IndexError) as error:
            raise RecordError(
                f"{self.folder}: match {line.match} is none of this plan: it is of game {line.game_index} with "
                f"{', '.join(line.seats)} ({error})"
            ) from error

    def result(self, lines: Sequence[Line]) -> MatchResult:
        """The result of a whole match. Raises RecordError if these are not its lines."""
        end = lines[-1]
        if not isinstance(end, EndLine):
            raise RecordError(f"{self.folder}: a match has no end")
        return MatchResult(self.plan(lines[0]), end.status, end.returns)

    def results(self, due: int, waiting: Iterable[int]) -> Iterator[MatchResult]:
        """The results of the matches before `due`, from the log, and then of those that wait in open/."""
        logged = itertools.islice(self.matches(), due - self.head.first)
        late = [self.result(shards.read_journal(shards.journal(self.folder, match))) for match in sorted(waiting)]
        return itertools.chain(map(self.result, logged), late)

    def tables(self) -> list[ScoreTable]:
        """The result tables, one for each game, computed from the log."""
        tabulator = self.tabulator()
        for lines in self.played():
            for line in lines:
                tabulator.note(line)
        return tabulator.tables()

    def tabulator(self) -> Tabulator:
        """Computes the result tables from the lines that it is given."""
        games = []
        for game, title in zip(self.head.games, titles(self.head.games), strict=True):
            views = [operator.views.described() for operator in game.operators]
            people = [operator.name for operator in game.operators if operator.person is not None]
            games.append(GameFacts(title, game.unit, self.operators, game.returns, views, game.unlike, people))
        return Tabulator(games, mirror=bool(self.head.plan.mirror))

    def facts(self) -> Facts:
        """What operators found out about themselves, by name."""
        return read_facts(self.folder)

    def usable_facts(self) -> tuple[Facts, str | None]:
        """As `facts`; of a damaged file none, and what is wrong with it, in words."""
        return usable_facts(self.folder)

    def times(self) -> Times:
        """The sums of the timing file."""
        return read_timing(self.folder).times

    def prices(self) -> dict[str, Price | None]:
        """What the tokens of each operator cost; None where nobody said it."""
        return {operator.name: operator.price for operator in self.head.games[0].operators}

    @property
    def ended(self) -> bool:
        """Whether the run came to its end: its result tables were written, which is done last."""
        return self._results.is_file()

    @property
    def _results(self) -> Path:
        return self.folder / "results.json"

    def recorded_tables(self) -> list[ScoreTable] | None:
        """The result tables that the run wrote; None if it stopped before. RecordError if they cannot be read."""
        return read_json(self._results, list[ScoreTable]) if self.ended else None


Read = Callable[[Run], tuple[list[ScoreTable], Times]]  # reads a run that was played, for these and maybe for more


def read_tables(run: Run) -> tuple[list[ScoreTable], Times]:
    """What a run needs at its end."""
    return run.tables(), run.times()
