"""Trains nano at hold'em for two against itself, its past and others, three seeds, and measures what came out.

    python -m scripts.train.holdems train --out work/holdems                  # resumable; --seeds 0 for one of them
    python -m scripts.train.holdems measure --out work/holdems --json work/holdems/holdem.json --plot work/holdems/curve

measure: sessions of ten hands, each deal from both seats, as `scripts.train.races` measures races.
"""

from __future__ import annotations

from scripts.train import races

HOLDEM = races.Study("holdem", "holdem-nano", "vlm:nano", "holdem@seats=2@hands=10")

if __name__ == "__main__":
    races.main(HOLDEM, __doc__)
