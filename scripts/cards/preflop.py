"""Makes arena_games/cards/preflop.json: equity of the 169 preflop classes against 1 to 5 hands. Half a minute."""

import json
from pathlib import Path

from arena_games.cards.codes import RANKS
from arena_games.cards.equity import MOST_OPPONENTS, hand_class, sampled_equity

SAMPLES = 200_000


def main(path: Path, samples: int = SAMPLES) -> None:
    """Write the table to `path`."""
    table: dict[str, list[float]] = {}
    for high in range(len(RANKS)):
        for low in range(high + 1):
            for suited in (False, True):
                if suited and high == low:
                    continue
                hole = (high * 4 + 3, low * 4 + (3 if suited else 2))
                row = [sampled_equity(hole, (), count, samples) for count in range(1, MOST_OPPONENTS + 1)]
                table[hand_class(hole)] = [round(share, 4) for share in row]
    path.write_text(json.dumps({"samples": samples, "equity": table}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path("arena_games/cards/preflop.json"))
