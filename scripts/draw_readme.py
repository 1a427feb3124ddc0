"""Draws docs/images/table.png: a hold'em table of three on the river, as a spectator sees it.

python scripts/draw_readme.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from arena.canonical import generator, key
from arena.game import Game, Move, Views
from arena.plugins import resolve
from arena_games.holdem.rules import Holdem

OUT = Path(__file__).parent.parent / "docs" / "images" / "table.png"
SIZE = (600, 960)  # height, width
LEAST_POT = 120  # chips: a hand in which something happened


def worth_showing() -> Game:
    """The first table, by seed, where three play for a good pot on the river of the first hand."""
    choose = resolve(str(Holdem.spec.baseline))
    for number in range(10_000):
        game = Holdem(3, {"hands": 1})
        due = game.reset(key("readme", number)).due
        chance = generator(key("readme play", number))
        while due:
            bets = [game.ledger.bets[game.player_of(seat)] for seat in range(3)]
            if (
                len(game.board()) == 5
                and len(game.ledger.live) == 3
                and game.ledger.pot >= LEAST_POT
                and bets[2]
                and not bets[1]
            ):
                return game
            observation = game.observe(due[0], Views(vector=True, text=True))
            due = game.step({due[0]: Move(choose(observation, game.card(), chance))}).due
    raise RuntimeError("no such table in 10,000 hands")


def main() -> None:
    """Write the picture."""
    OUT.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(worth_showing().draw(*SIZE))
    # 128 colours are enough for a table, and a third of the bytes.
    picture.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(OUT, optimize=True)
    print(OUT)


if __name__ == "__main__":
    main()
