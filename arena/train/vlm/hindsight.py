"""What became known of a clue or a vote when its match was over: see arena.train.deduction.

Who was the spy is known to the game alone. So a match is played again from the moves of its turns, and the game is
asked: that takes no picture, and who plays need not be asked again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from arena import plugins
from arena.game import Game, Move
from arena.names import parse
from arena.plan import PlannedGame
from arena.train.deduction import Ballot, Deduction
from arena.turns import Episode

Stage = Literal["clues", "votes"]
SPY, CIVILIAN = "spy", "civilian"


class Hindsight(msgspec.Struct, frozen=True, kw_only=True):
    """Of one turn. A place is a seat's number among the players of the vote, 0, 1, ..."""

    stage: Stage
    ballot: int  # which vote of the match it is, or is judged by: 0, 1, ...
    place: int  # whose turn it is
    spy: int  # the spy's place
    players: int  # of the vote
    votes: tuple[int | None, ...]  # the places that the civilians voted for; None: nobody
    vote: int | None = None  # of a vote: its own
    true: bool | None = None  # of a clue: whether it is, of what its seat saw; None: nobody knows

    @property
    def role(self) -> str:
        return SPY if self.place == self.spy else CIVILIAN


def of_game(given: str) -> Deduction | None:
    """What a game by name has to say; None: nothing. Foreign code is not imported."""
    if plugins.is_foreign(given):
        return None
    return _of(plugins.game_class(parse(given).base))


def _of(game: type[Game]) -> Deduction | None:
    return None if game.deduction is None else plugins.resolve(game.deduction)


def known(game: PlannedGame, episode: Episode) -> dict[tuple[int, int], Hindsight]:
    """By tick and seat, of the turns of a match; votes of the spy, and clues that no vote followed, are left out."""
    say = None if game.runtime is not None else _of(type(game.facts))
    if say is None:
        return {}
    out: dict[tuple[int, int], Hindsight] = {}
    for number, ballot in enumerate(say(_played(game.facts, episode))):
        place = {seat: at for at, seat in enumerate(ballot.players)}
        votes = {seat: None if one is None else place[one] for seat, one in _civilian(ballot).items()}
        here = Hindsight(
            stage="clues",
            ballot=number,
            place=0,
            spy=place[ballot.spy],
            players=len(place),
            votes=tuple(votes.values()),
        )
        for clue in ballot.clues:
            out[clue.tick, clue.seat] = replace(here, place=place[clue.seat], true=clue.true)
        for seat, vote in votes.items():
            out[ballot.tick, seat] = replace(here, stage="votes", place=place[seat], vote=vote)
    return out


def _civilian(ballot: Ballot) -> dict[int, int | None]:
    return {seat: vote for seat, vote in sorted(ballot.votes.items()) if seat != ballot.spy}


def _played(facts: Game, episode: Episode) -> Game:
    """The game after the moves of a match, as far as every due seat has one."""
    moves: Mapping[int, dict[int, Move]] = defaultdict(dict)
    for turn in episode.turns:
        if turn.move is not None:
            moves[turn.request.tick][turn.request.seat] = turn.move
    game = type(facts)(facts.seats, facts.options)
    result = game.reset(episode.plan.seed)
    for tick in sorted(moves):
        if tuple(sorted(moves[tick])) != result.due:
            break
        result = game.step(moves[tick])
    return game
