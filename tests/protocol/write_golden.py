"""Writes the golden bytes of the minor version in use: `python -m tests.protocol.write_golden`. Once a release."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from arena.protocol.version import MAJOR, MINOR
from tests.protocol.samples import ALL, frames_of


def main() -> None:
    path = Path(__file__).parent / "golden" / f"{MAJOR}.{MINOR}.json"
    if path.exists():
        sys.exit(f"{path} exists: released bytes never change. Raise the minor version first.")
    out: dict[str, dict[str, list[str]]] = {"arena": {}, "worker": {}}
    for side, name in ALL:
        out[side][name] = [frame.hex() for frame in frames_of(side, name)]
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
