"""The spectator's picture: what civilians see, what the spy sees, and what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from arena import plain
from arena.game import Image
from arena_games.spy.pictures.fit import fitted

if TYPE_CHECKING:
    from arena_games.spy.rules import Spy

DRAWN = 256  # pixels of a side, before they are fitted
FRAME = {False: (47, 133, 90), True: (197, 48, 48)}  # of the civilians' picture and of the spy's


def table(game: Spy, height: int, width: int) -> Image:
    """Both pictures side by side, and below them the clues and the votes: uint8 (height, width, 3)."""
    side = min(width // 2, height * 3 // 5)
    out = np.full((height, width, 3), plain.PAPER, np.uint8)
    for at, spy in enumerate((False, True)):
        left = width // 2 - side + at * side
        out[:side, left : left + side] = FRAME[spy]
        edge = max(1, side // 60)
        inner = side - 2 * edge
        if inner > 0:
            out[edge : side - edge, left + edge : left + side - edge] = fitted(game.picture(spy, DRAWN), inner, inner)
    out[side:] = plain.sheet(words(game), height - side, width)
    return out


def words(game: Spy) -> list[str]:
    """What was said and voted, for those who may know who is the spy."""
    lines = [f"Left: what civilians see. Right: what the spy sees, seat {game.spy}."]
    lines += [f"seat {one.seat}: {one.text if one.text is not None else '(nothing)'}" for one in game.clues]
    for ballot in game.ballots:
        votes = ", ".join(f"{seat} for {'n/a' if vote is None else vote}" for seat, vote in ballot.votes.items())
        lines.append(f"votes: {votes}; out: {'nobody' if ballot.out is None else f'seat {ballot.out}'}")
    return lines
