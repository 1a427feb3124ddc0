"""Draws docs/images/spy-pictures.png: pairs of the pictures of spy, civilians' on the left and the spy's on the right.

python scripts/draw_spy.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from arena_games.spy.pictures.sources import Pair, source

OUT = Path(__file__).parent.parent / "docs" / "images" / "spy-pictures.png"
SIZE, GAP = 176, 5
SHOWN = (("scenes", 0), ("scenes", 3), ("scenes", 13), ("scenes", 43), ("charts", 14), ("charts", 2))  # source, seed


def beside(pair: Pair) -> np.ndarray:
    """Both pictures of a pair, with white around them."""
    white = np.full((SIZE, 2, 3), 255, np.uint8)
    both = np.concatenate([pair.pictures[0], white, pair.pictures[1]], axis=1)
    return np.pad(both, ((GAP, GAP), (GAP, GAP), (0, 0)), constant_values=255)


def main() -> None:
    pairs = [beside(source(name, size=SIZE).pair(np.random.default_rng(seed))) for name, seed in SHOWN]
    rows = [np.concatenate(pairs[at : at + 2], axis=1) for at in range(0, len(pairs), 2)]
    Image.fromarray(np.concatenate(rows)).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
