"""Votes at given clues: the matches of a run are played again from their log up to the vote, and other weights vote.

Every voter sees what the one in the log saw, clues included, so that two versions differ in their votes alone. One run
serves all versions, and each of its matches gives as many votes as it has civilians.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from arena.channel import Received
from arena.errors import InputError, WorkerError
from arena.evaluate.intervals import BlockShare
from arena.lineup import resolve
from arena.local_workers import LocalWorkers
from arena.log import EndLine, Line
from arena.match import Match
from arena.measures import Measures
from arena.operator import Decision, OpenSeat, Request
from arena.plan import MatchPlan, PlanSpec, operator_seed
from arena.protocol import messages as m
from arena.record.measured import measures_of
from arena.record.reader import Run
from arena.record.replay import Replay, questions
from arena.session import LocalSession
from arena.train.vlm.crossplay import NO_LIMITS
from arena.train.vlm.matches import seated_game
from arena_games.spy.pictures.scene import ATTRIBUTES
from arena_games.spy.rules import Spy

KINDS = {"right": "right", "n/a": "na"}
PLAIN, PLAIN_SPY = "plain", "plain_spy"
COLOURS = frozenset(ATTRIBUTES["colour"])


class Numbers:
    """Shares by deal: of each, how many there are, and their sum."""

    def __init__(self) -> None:
        self.by_deal: dict[int, tuple[int, float]] = {}

    def add(self, deal: int, value: float) -> None:
        count, total = self.by_deal.get(deal, (0, 0.0))
        self.by_deal[deal] = count + 1, total + value

    def of(self, deal: int) -> float:
        count, total = self.by_deal[deal]
        return total / count

    def told(self) -> dict[str, Any]:
        """The share, its 95% interval over deals (Wilson's), and of how many."""
        share = BlockShare()
        for count, total in self.by_deal.values():
            share.add(count, total)
        low, high = share.interval or (None, None)
        return {"score": share.mean, "low": low, "high": high, "count": sum(n for n, _ in self.by_deal.values())}


Measured = dict[str, Numbers]


@dataclass
class Table:
    """A match of the log that waits for its vote."""

    plan: MatchPlan
    match: Match
    game: Spy
    waiting: Sequence[Request]


def votes_of(run: Run, game: str, operator: str, version: tuple[str, Path | None], together: int = 16) -> Measured:
    """Of all civilians of a run, with these weights of `operator`: shares of votes that are right, and for nobody.

    And, where one player alone among the others named no colour, PLAIN: votes for that player, and PLAIN_SPY: whether
    it is the spy. Who sees no picture talks of no colour, so one can vote by that alone and look at no picture.

    `game`: the run's, as it was given. `version`: its name, and where its weights are; None: those that the operator
    is loaded with. `together`: matches that are asked for at once. An operator that remembers its match is asked for
    its vote alone, so it would remember nothing. InputError for games with more than one vote.
    """
    found = {name: Numbers() for name in (*KINDS.values(), PLAIN, PLAIN_SPY)}
    with closing(Replay(run)) as replay, Voters(run, game, operator, version) as voters:
        tell = _measures(replay)
        tables = (table for lines in run.played() if (table := _to_the_vote(replay, run.plan(lines[0]), lines)))
        while some := list(itertools.islice(tables, together)):
            voters.vote(some)
            for table in some:
                assert table.match.outcome is not None
                for what in tell.of(table.game, table.match.outcome.returns):
                    if what.table == "votes":
                        found[KINDS[what.column]].add(table.plan.block, float(what.value))
                for voted, plain in plain_talk(table.game):
                    found[PLAIN].add(table.plan.block, float(voted == plain))
                    found[PLAIN_SPY].add(table.plan.block, float(table.game.spy == plain))
    return found


def plain_talk(game: Spy) -> Iterator[tuple[int | None, int]]:
    """Of civilians who hear of one other player alone no colour: whom they vote for, and who that player is."""
    colourful = {one.seat for one in game.clues if one.text is not None and COLOURS & {*one.text.split()}}
    for ballot in game.ballots:
        for seat, voted in ballot.votes.items():
            plain = {*ballot.votes, game.spy} - colourful - {seat}
            if seat != game.spy and len(plain) == 1:
                yield voted, min(plain)


def _measures(replay: Replay) -> Measures:
    ((name, game, _),) = replay.games
    tell = measures_of(game)
    if tell is None or not isinstance(game, Spy) or game.ballots_at_most > 1:
        raise InputError(f"{name}: votes are asked again of spy alone, without elimination, which has one vote")
    return tell


def _to_the_vote(replay: Replay, plan: MatchPlan, lines: list[Line]) -> Table | None:
    """None for a match that did not come to its end."""
    if not isinstance(end := lines[-1], EndLine) or end.returns is None:
        return None
    match = replay.match(plan, alone=False)
    assert isinstance(match.session, LocalSession)
    game = match.session.game
    assert isinstance(game, Spy)
    for asked in questions(match, lines):
        if game.voting:
            return Table(plan, match, game, [request for request, _ in asked])
    return None


class Voters:
    """One version of an operator in all seats of a run's matches, asked for votes."""

    def __init__(self, run: Run, game: str, operator: str, version: tuple[str, Path | None]) -> None:
        self._run = run
        name, seats = seated_game(game, NO_LIMITS)
        plan = resolve(PlanSpec(games=(name,), operators=(operator,) * seats))
        self._entry = plan.pool[0]
        self._workers = LocalWorkers([self._entry])
        name, weights = version
        if weights is not None:
            self._workers.update(self._entry, name, str(weights))
        self._ids = itertools.count(1)

    def __enter__(self) -> Voters:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.close()

    def vote(self, tables: Sequence[Table]) -> None:
        """Has all vote, again where an answer could not be read, and ends the matches."""
        channel = self._workers.channel(self._entry)
        opened = [(table, seat) for table in tables for seat in range(table.game.seats)]
        for table, seat in opened:
            channel.send(self._opening(table, seat))
        waiting = {table.plan.index: table for table in tables}
        asked = [request for table in tables for request in table.waiting]
        while asked:
            for request, decision in self._answers(asked):
                waiting[request.match].match.feed(request.seat, decision)
            asked = [request for table in tables for request in table.match.requests()]
        for table in tables:
            table.match.advance()
        for table, seat in opened:
            assert table.match.outcome is not None
            channel.send(m.End(match=table.plan.index, seat=seat, outcome=table.match.outcome))

    def _opening(self, table: Table, seat: int) -> OpenSeat:
        return OpenSeat(
            match=table.plan.index,
            seat=seat,
            operator=self._entry.name,
            card=table.game.card(),
            views=self._entry.views,
            seed=operator_seed(self._run.head.plan.seed, table.plan, seat),
            seats=table.match.names_for(seat),
        )

    def _answers(self, requests: Sequence[Request]) -> Iterator[tuple[Request, Decision]]:
        asked = {number: msgspec.structs.replace(one, id=number) for one in requests for number in [next(self._ids)]}
        self._workers.channel(self._entry).send(m.Act(requests=list(asked.values())))
        while asked:
            for event in self._workers.poll(None):
                if not isinstance(event, Received):
                    raise WorkerError(f"{self._entry.name}: {event.reason}")
                if isinstance(event.message, m.Error):
                    raise WorkerError(f"{self._entry.name}: {event.message.text}")
                for answer in event.message.answers if isinstance(event.message, m.Action) else ():
                    if answer.decision is None:
                        raise WorkerError(f"{self._entry.name}: {answer.error}, {answer.detail}")
                    yield asked.pop(answer.id), answer.decision
