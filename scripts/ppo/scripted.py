"""Demonstrations of numbers for `arena train ppo --set demos=FILE`: `scripted` holds every seat of a game.

    python scripts/ppo/scripted.py points24@solvable=only --out runs/points24.npz --matches 20000
    python scripts/ppo/scripted.py spy --seats 3,4,5 --out runs/spy.npz --matches 9000

Now and then a seat does something else by chance, so that what to do then is shown too. Every decision is what
`scripted` would do there; its return is that of the match as it went on.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from arena.canonical import generator, key
from arena.export.opponents import opponent
from arena.game import Game, Move, Views, floats
from arena.names import parse
from arena.plugins import game_class

VIEWS = Views(vector=True, text=True)


class Album:
    """What was seen at each decision, what was legal, what `scripted` would do, and what the match brought."""

    def __init__(self) -> None:
        self.vectors: list[np.ndarray] = []
        self.masks: list[np.ndarray] = []
        self.actions: list[int] = []
        self.returns: list[float] = []

    def play(self, game: Game, chance: np.random.Generator, astray: float, scale: float) -> None:
        """One match."""
        scripted, card = opponent("scripted", type(game)), game.card()
        decided: dict[int, list[int]] = defaultdict(list)  # by seat, the numbers of its decisions
        result = game.reset(chance.bytes(16))
        while result.due:
            moves = {}
            for seat in result.due:
                seen = game.observe(seat, VIEWS)
                action = scripted.play(seen, card, chance)
                decided[seat].append(len(self.actions))
                self.vectors.append(floats(seen.vector, card.vector_scale).astype(np.float16))
                self.masks.append(seen.mask(len(card.actions)))
                self.actions.append(action)
                self.returns.append(0.0)
                strays = chance.random() < astray
                moves[seat] = Move(int(chance.choice(seen.legal)) if strays else action)
            result = game.step(moves)
            for seat, reward in enumerate(result.rewards):
                for at in decided[seat]:
                    self.returns[at] += reward * scale

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            path,
            vectors=np.stack(self.vectors),
            masks=np.stack(self.masks),
            actions=np.array(self.actions, dtype=np.int64),
            returns=np.array(self.returns, dtype=np.float32),
        )


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game", help="its name, with options")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--matches", type=int, default=10_000)
    parser.add_argument("--seats", default="", help="numbers of seats in turn; default: the fewest")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--astray", type=float, default=0.1, help="how often a seat does something by chance")
    parser.add_argument("--scale", type=float, default=1.0, help="of rewards, as the setting reward_scale")
    given = parser.parse_args(argv)
    name = parse(given.game)
    made = game_class(name.base)
    seats = [int(one) for one in given.seats.split(",") if one] or [made.spec.seats[0]]
    games = [made(one, name.options) for one in seats]
    album = Album()
    for number in range(given.matches):
        album.play(games[number % len(games)], generator(key("demo", given.seed, number)), given.astray, given.scale)
        if number % 1000 == 999:
            print(f"{number + 1} matches, {len(album.actions)} decisions", flush=True)
    album.save(given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
