"""What was true of the clues of a match, and how the votes went: for analysis, never shown to a seat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from arena.train.deduction import Ballot, Clue
from arena_games.spy.rules import Spy


@dataclass(frozen=True, slots=True)
class ClueScore:
    """A clue against both pictures. A number is None where the clue is no statement, or nobody knows what is shown."""

    seat: int
    spy: bool
    text: str | None  # None: it said nothing
    own: bool | None  # whether it is true of the picture of whoever gave it
    other: bool | None  # whether it is true of the picture of the other side
    bits: float | None  # how much it tells: -log2 of the share of all pictures of which it is true

    @property
    def parts(self) -> bool | None:
        """Whether it is true of one of the two pictures alone."""
        return None if self.own is None or self.other is None else self.own != self.other


@dataclass(frozen=True, slots=True)
class VoteScore:
    """A vote; `right` is None for "n/a". `agree`: how many others gave the same vote, of how many others."""

    seat: int
    spy: bool  # the voter is the spy
    right: bool | None
    agree: int
    others: int


def clues(game: Spy) -> Iterator[ClueScore]:
    """The clues that were given so far, in their order. Of several statements in one, their bits are added."""
    for clue in game.clues:
        spy = clue.seat == game.spy
        own = other = bits = None
        numbers, whole = game.statements.read(clue.text) if game.statements and clue.text else ((), False)
        if game.statements is not None and whole:
            bits = sum(game.statements.all[number].bits for number in numbers)
            sides = []
            for side in (spy, not spy):
                graph = game.pair.graphs[side]
                told = [game.statements.all[number].holds(graph) for number in numbers] if graph is not None else None
                sides.append(None if told is None else all(told))
            own, other = sides
        yield ClueScore(clue.seat, spy, clue.text, own, other, bits)


def votes(game: Spy) -> Iterator[VoteScore]:
    """The votes that were given so far, in their order."""
    for ballot in game.ballots:
        for seat, vote in ballot.votes.items():
            agree = sum(one == vote for other, one in ballot.votes.items() if other != seat)
            right = None if vote is None else vote == game.spy
            yield VoteScore(seat, seat == game.spy, right, agree, len(ballot.votes) - 1)


def ballots(game: Spy) -> Iterator[Ballot]:
    """The votes so far, each with the clues before it, for trainers: see arena.train.deduction."""
    scores, tick, playing = list(clues(game)), 0, set(range(game.seats))
    for ballot in game.ballots:
        judged = scores[: game.rounds * len(playing)]
        scores = scores[len(judged) :]
        yield Ballot(
            tick=tick + len(judged),
            spy=game.spy,
            players=tuple(sorted(playing)),
            clues=tuple(Clue(tick=tick + at, seat=one.seat, true=one.own) for at, one in enumerate(judged)),
            votes=ballot.votes,
        )
        tick += len(judged) + 1
        playing -= {ballot.out}
