"""The deals that people have met, so that they meet none twice, in this run or another.

They are kept in $ARENA_HOME/people/deals.db (SQLite) for each person with an id: the game (its digest), the seed of the
run, and the number of the deal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import TracebackType

from arena.people import PeopleError, folder
from arena.plan import Deals, MatchPlan, Plan
from arena.record.reader import Run


class SeenDeals:
    """The deals that people have met. Raises PeopleError where the file cannot be read or written."""

    def __init__(self) -> None:
        self._path = folder() / "deals.db"
        try:
            self._file = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._file.execute(
                "create table if not exists met (person text, game text, seed integer, deal integer, "
                "primary key (person, game, seed, deal)) without rowid"
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def __enter__(self) -> SeenDeals:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, people: Iterable[str], game: str, seed: int, deal: int) -> None:
        """These people meet the deal of this number of the game (its digest), in runs of this seed."""
        try:
            self._file.executemany(
                "insert or ignore into met values (?, ?, ?, ?)", [(person, game, seed, deal) for person in people]
            )
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def of(self, people: Sequence[str], game: str, seed: int) -> set[int]:
        """The deals that at least one of them has met."""
        marks = ",".join("?" * len(people))
        try:
            found = self._file.execute(
                f"select deal from met where person in ({marks}) and game = ? and seed = ?",
                (*people, game, seed),
            )
            return {deal for (deal,) in found}
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> PeopleError:
        return PeopleError(
            f"the deals that people have met cannot be read or written ({self._path}: {error}). Mend or move that "
            "file, or leave @person= out"
        )


def started(plan: Plan, match: MatchPlan) -> None:
    """Keeps that the people of this match meet its deal."""
    people = [entry.person for entry in plan.seated(match) if entry.person is not None]
    game = plan.games[match.game]
    if people and game.facts.spec.seeded:
        with SeenDeals() as seen:
            seen.add(people, game.digest, plan.seed, plan.deal(match.block, match.game))


def without_met(plan: Plan, run: Run | None) -> Plan:
    """The plan without the deals that its people have met. `run`: of this plan, to go on with.

    A deal of a match that was stopped in the middle has been met: other deals follow the last one that is whole.
    """
    people = [entry.person for entry in plan.pool if entry.person is not None]
    before: tuple[Deals, ...] = plan.skipped if run is None else run.head.plan.skipped
    if not people:
        return replace(plan, skipped=before)
    last = [-1] * len(plan.games)
    if run is not None:
        over = replace(plan, skipped=before)
        for lines in run.played():
            match = run.plan(lines[0])
            last[match.game] = max(last[match.game], over.deal(match.block, match.game))
    out = []
    with SeenDeals() as seen:
        for number, game in enumerate(plan.games):
            theirs = seen.of(people, game.digest, plan.seed) if game.facts.spec.seeded else set[int]()
            known = {deal for first, stop in (before[number] if before else ()) for deal in range(first, stop)}
            out.append(ranges(known | {deal for deal in theirs if deal > last[number]}))
    return replace(plan, skipped=tuple(out) if any(out) else ())


def ranges(numbers: Iterable[int]) -> Deals:
    """Ascending ranges (first, stop) of these numbers."""
    out: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if out and out[-1][1] == number:
            out[-1] = out[-1][0], number + 1
        else:
            out.append((number, number + 1))
    return tuple(out)
