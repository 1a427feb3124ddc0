"""The game host: `python -P -m arena_workers.game_host`. Many games of any kind in one process (arena/host_games.py).

`--describe HANDLE` only describes one game, for an arena that does not run its code; see arena/described.py.
"""

from __future__ import annotations

import ctypes
import signal
import sys

from arena import described
from arena.host_games import GameHost
from arena_workers.host import serve

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Ask the kernel, where it can, to kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--describe":
        end_with_parent()
        sys.exit(described.main(int(sys.argv[2])))
    sys.exit(serve("games", GameHost))
