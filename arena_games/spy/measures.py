"""What a match of spy tells for the tables of a run: who won in which role, how the votes went, what clues were worth.

See arena/measures.py. The scores of clues and votes are those of truth.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from arena.game import Game
from arena.measures import Layout, Measure
from arena_games.spy.rules import Spy
from arena_games.spy.truth import clues, votes

ROLES = {True: "spy", False: "civilian"}
TABLES: Mapping[str, Layout] = {
    "won": Layout("Wins by role", ("operator", "role"), "matches", {"won": "share"}),
    "votes": Layout(
        "Votes of civilians",
        ("operator",),
        "votes",
        {"right": "share", "n/a": "share"},
        'A vote for "n/a" is not right.',
    ),
    "calibration": Layout(
        "Calibration: votes of civilians for a seat",
        ("others with the same vote",),
        "votes",
        {"right": "share"},
        "Whether a vote is right more often where others vote the same.",
    ),
    "clues": Layout(
        "Clues against both pictures",
        ("operator", "role"),
        "clues",
        {
            "silent": "share",
            "statements": "share",
            "true": "share",
            "true of the other": "share",
            "parts them": "share",
            "bits": "mean",
        },
        "Statements: the share of what was said that is known statements; the numbers after it are of these alone. "
        "Parts them: true of one of the two pictures alone. Bits: -log2 of the share of all pictures of which it is "
        "true.",
    ),
}


class SpyMeasures:
    """The Measures of spy. Of pictures of the user's own nobody knows what is true, so clues are not judged."""

    def __init__(self, judged: bool) -> None:
        self.tables = {name: table for name, table in TABLES.items() if judged or name != "clues"}

    def of(self, game: Game, returns: Sequence[float]) -> Iterator[Measure]:
        assert isinstance(game, Spy)
        if not game.over:  # the match was cut
            return
        for seat, gained in enumerate(returns):
            yield Measure("won", "won", gained > 0, seat, (ROLES[seat == game.spy],))
        for vote in votes(game):
            if not vote.spy:
                yield Measure("votes", "right", vote.right is True, vote.seat)
                yield Measure("votes", "n/a", vote.right is None, vote.seat)
                if vote.right is not None:
                    yield Measure("calibration", "right", vote.right, names=(f"{vote.agree} of {vote.others}",))
        for clue in clues(game) if "clues" in self.tables else ():
            role = (ROLES[clue.spy],)
            yield Measure("clues", "silent", clue.text is None, clue.seat, role)
            if clue.text is None:
                continue
            told = {
                "statements": clue.bits is not None,
                "true": clue.own,
                "true of the other": clue.other,
                "parts them": clue.parts,
                "bits": clue.bits,
            }
            yield from (
                Measure("clues", column, value, clue.seat, role) for column, value in told.items() if value is not None
            )


def measures(game: Game) -> SpyMeasures:
    assert isinstance(game, Spy)
    return SpyMeasures(judged=game.statements is not None)
