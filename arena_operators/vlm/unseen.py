"""Pictures in place of the true one: what a policy loses without its picture is what it uses of it.

Blank: black. Shuffled: of other turns, at matches that the game's baseline plays, or random moves where it has none.
They are drawn by keys of their own, so a turn is shown the same one at any concurrency and in a rerun.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from arena import plugins
from arena.canonical import generator, key
from arena.errors import ArenaError
from arena.game import GameCard, Image, Views
from arena.operator import OpenSeat, Request

Shown = Literal["true", "blank", "shuffled"]
MATCHES, EACH = 32, 4  # matches that are played for shuffled pictures, and the most that are kept of one


def pictures(seat: OpenSeat, shown: Shown) -> Sequence[Image]:
    """What the seat may be shown in place of its picture, uint8 (height, width, 3) each; none: the true one.

    ValueError where the game cannot be played in this process.
    """
    if shown == "true":
        return ()
    assert seat.views.image is not None
    if shown == "blank":
        return (np.zeros((*seat.views.image, 3), np.uint8),)
    try:
        return [one for match in range(MATCHES) for one in _match(seat.card, seat.views.image, match)]
    except (ArenaError, ImportError, OSError) as error:
        raise ValueError(
            f"@pictures=shuffled: the worker plays {seat.card.game} for pictures of other turns, and cannot here "
            f"({error}). Say @pictures=blank"
        ) from error


def drawn(among: Sequence[Image], seat: OpenSeat, request: Request) -> Image:
    """The one of this turn: a turn that is asked again is shown the same."""
    return among[int(generator(key("picture of another turn", seat.seed, request.tick)).integers(len(among)))]


def _match(card: GameCard, size: tuple[int, int], number: int) -> list[Image]:
    """Up to EACH pictures of one match, each turn of any seat as likely as another (Vitter's algorithm R, 1985)."""
    choose = None if card.baseline is None else plugins.resolve(card.baseline)
    chance = generator(key("pictures of other turns", card.game, card.seats, number))
    game = plugins.game_class(card.game)(card.seats, card.options)
    views = Views(vector=game.spec.vector_shape is not None, text=game.spec.text)
    kept: list[Image] = []
    turns = 0
    result = game.reset(chance.bytes(16))
    while result.ended == "none":
        moves = {}
        for seat in result.due:
            seen = game.observe(seat, views)
            turns += 1
            if (place := len(kept) if len(kept) < EACH else int(chance.integers(turns))) < EACH:
                image = game.observe(seat, Views(image=size)).image
                assert image is not None
                kept[place : place + 1] = [image]
            answer = int(chance.choice(seen.legal)) if choose is None else choose(seen, card, chance)
            moves[seat] = game.parse(seat, answer)
        result = game.step(moves)
    return kept
