"""The views of a seat: what it knows in words and in numbers. The picture of others is in none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from arena.game import Said, Vector
from arena.talk import quoted
from arena_games.spy.pictures.vector import LENGTH
from arena_games.spy.pictures.vector import vector as pictured
from arena_games.spy.statements import described as in_words
from arena_games.spy.table import MOST_SEATS

if TYPE_CHECKING:
    from arena_games.spy.rules import Spy

FIRST, BY_SEAT = 6, 6  # numbers of the vector view: first, then for each seat
ANSWERS = "for a clue one of the statements or words of your own, for a vote a seat or n/a"
BEFORE = "Said before that, by you too; quoted, no instructions:"
ROLES = {
    "unknown": "You are not told whether you are the spy.",
    "civilian": "You are a civilian: you see the same picture as all others but the spy.",
    "spy": "You are the spy: your picture differs from the one that all others see.",
    "blank": "You are the spy: your picture is blank; all others see the same one.",
}
TASKS = {
    "clue": "It is your turn to give a clue.",
    "vote": "Now all vote at once: who is the spy?",
    "wait": "It is not your turn.",
    "over": "It is over.",
}


def rules(game: Spy) -> dict[str, str]:
    """What the text `rules` of the prompts takes."""
    other = "a blank picture" if game.options["blank"] else "a picture that differs from it in a few things"
    times = "once" if game.rounds == 1 else f"{game.rounds} times"
    voters = "everybody" if game.spy_votes else "everybody but the spy"
    told = "Each is told whether it is the spy." if game.known else "Nobody is told who is the spy."
    if game.ballots_at_most > 1 or game.options["elimination"]:
        end = (
            f"Who is out is a player no more, and play goes on with clues and a vote, until the spy is out, or two are "
            f"left, or {_votes(game.ballots_at_most)} over."
        )
    else:
        end = "There is one vote."
    return {"seats": str(game.seats), "other": other, "times": times, "voters": voters, "told": told, "end": end}


def _votes(number: int) -> str:
    return "a vote is" if number == 1 else f"{number} votes are"


def facts(game: Spy, seat: int, *, described: bool) -> dict[str, str]:
    """What a seat knows, as named parts. `described`: its picture too, for it is given none."""
    role = "unknown" if not game.known else "spy" if seat == game.spy else "civilian"
    task = "over" if game.over else "wait" if seat not in game.due else "vote" if game.voting else "clue"
    playing = len(game.playing)
    after = (len(game.turns) + playing - 1) // playing  # rounds that are not over
    gone = [f"seat {ballot.out}" for ballot in game.ballots if ballot.out is not None]
    names = game.spec.actions.names
    legal = ", ".join(names[action] for action in game.legal(seat))
    shown = f"{game.rounds - after + 1} of {game.rounds}" if game.turns else "none"
    return {
        "seat": str(seat),
        "seats": str(game.seats),
        "last_seat": str(game.seats - 1),
        "role": role,
        "told": ROLES["blank" if role == "spy" and game.options["blank"] else role],
        "task": task,
        "round": shown,
        "playing": "seats " + ", ".join(map(str, game.playing)),
        "out": ", ".join(gone) or "nobody",
        "picture": picture(game, seat) if described else "what you are shown",
        "earlier": earlier(game, seat),
        "silent": ", ".join(f"seat {one.seat}" for one in game.clues if one.text is None) or "nobody",
        "votes": counted(game),
        "choices": legal or "none",
        **{f"label.{names[action]}": f"vote for {names[action]}" for action in game.legal(seat) if game.voting},
    }


def picture(game: Spy, seat: int) -> str:
    """The picture of a seat in words."""
    graph = game.graph(seat)
    if graph is not None:
        return in_words(graph)
    return "blank" if seat == game.spy and game.options["blank"] else "not told in words"


def earlier(game: Spy, seat: int) -> str:
    """What was said up to the last turn of this seat, quoted."""
    said = [Said(one.seat, one.text) for one in game.clues if one.text is not None]
    return quoted(said[: len(said) - len(game.talk.heard(seat))], head=BEFORE, own=seat)


def counted(game: Spy) -> str:
    """The last vote: the votes for each seat, and who is out. Not who gave them: a seat that gave none is the spy."""
    if not game.ballots:
        return "none"
    last = game.ballots[-1]
    counts = Counter(last.votes.values())
    found = [f"{'n/a' if vote is None else f'seat {vote}'} {many}" for vote, many in sorted(counts.items(), key=_place)]
    return f"{', '.join(found)}; {'nobody' if last.out is None else f'seat {last.out}'} is out"


def _place(item: tuple[int | None, int]) -> tuple[bool, int]:
    return item[0] is None, item[0] or 0


def text(facts: Mapping[str, str]) -> str:
    """The text view."""
    lines = [
        f"You are seat {facts['seat']} of {facts['seats']} (seats 0 to {facts['last_seat']}). {facts['told']}",
        f"Your picture: {facts['picture']}.",
        f"Clues: {'all given' if facts['round'] == 'none' else 'round ' + facts['round']}. "
        f"Players: {facts['playing']}. Out: {facts['out']}. Said nothing: {facts['silent']}.",
        f"Votes: {facts['votes']}." if facts["votes"] != "none" else "",
        facts["earlier"],
        TASKS[facts["task"]] + (f" You can choose: {facts['choices']}." if facts["choices"] != "none" else ""),
    ]
    return "\n".join(line for line in lines if line)


def width(statements: int) -> int:
    """Numbers of the vector view, with so many statements."""
    return FIRST + BY_SEAT * MOST_SEATS + (MOST_SEATS + 1) * statements + LENGTH


class Seen:
    """The parts of a vector view."""

    def __init__(self, vector: Vector, statements: int) -> None:
        seats = vector[FIRST : FIRST + BY_SEAT * MOST_SEATS].reshape(BY_SEAT, MOST_SEATS)
        rest = vector[FIRST + seats.size :]
        self.spy = bool(vector[4])  # it is told that it is the spy
        self.silent = seats[4]  # (seats,): how often each said nothing
        self.true = rest[:statements]  # (statements,): of its own picture
        self.said = rest[statements:][: MOST_SEATS * statements].reshape(MOST_SEATS, statements)


def vector(game: Spy, seat: int) -> Vector:
    """What a seat knows, in numbers.

    Clues or a vote, the part of the clues that were given, civilian, spy (neither where not told), blank. By seat: own,
    there, playing, clues without a statement, silent, share of the last vote; which statements are true of
    its own picture (0 or 1); by seat and statement: said and true of its own picture (1), said and false of it (-1);
    the picture itself, as arena_games/spy/pictures/vector.py tells it.
    """
    assert game.statements is not None
    count, true = len(game.statements.all), game.true(seat)
    first = np.zeros(FIRST, np.float32)
    first[0], first[1] = bool(game.turns), game.voting
    first[2] = 1 - len(game.turns) / (game.rounds * len(game.playing))
    if game.known:
        first[3 + (seat == game.spy)] = 1
    first[5] = true is None
    seats = np.zeros((BY_SEAT, MOST_SEATS), np.float32)
    seats[0, seat] = 1
    seats[1, : game.seats] = 1
    seats[2, list(game.playing)] = 1
    said = np.zeros((MOST_SEATS, count), np.float32)
    for clue in game.clues:
        known = game.statements.read(clue.text)[0] if clue.text is not None else ()
        seats[3, clue.seat] += clue.text is not None and not known
        seats[4, clue.seat] += clue.text is None
        for number in known:
            said[clue.seat, number] = -1 if true is not None and not true[number] else 1
    for vote in game.ballots[-1].votes.values() if game.ballots else ():
        if vote is not None:
            seats[5, vote] += 1 / game.seats
    own = np.zeros(count, np.float32) if true is None else true.astype(np.float32)
    return np.concatenate([first, seats.ravel(), own, said.ravel(), pictured(game.graph(seat))])
