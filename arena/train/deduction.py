"""What a game in which players look for one among them says of a match that is over: who it was, who gave which clue,
and who voted for whom. Trainers reward clues and votes by it; no seat is shown it in play.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from arena.game import Game


class Clue(msgspec.Struct, frozen=True, kw_only=True):
    """A clue that a seat gave."""

    tick: int
    seat: int
    true: bool | None = None  # of what the seat itself saw; None: nobody knows


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """A vote, with the clues that it judges: those given since the vote before."""

    tick: int
    spy: int  # the seat that is looked for
    players: tuple[int, ...]  # the seats that were not out, ascending
    clues: tuple[Clue, ...]
    votes: Mapping[int, int | None]  # by seat: the seat that it voted for; None: nobody


Deduction = Callable[[Game], Iterable[Ballot]]
# deduction(a game that has just played its match) -> the votes of the match, in order
