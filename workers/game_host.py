"""The game host: `python -P -m workers.game_host`. Many games of any kind in one process; see arena/host_games.py."""

from __future__ import annotations

import sys

from arena.host_games import GameHost
from workers.host import serve

if __name__ == "__main__":
    sys.exit(serve("games", GameHost, eager=True))
