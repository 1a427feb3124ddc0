"""The files of a training that have a line an update: what its metrics are, and how long each took."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from arena.record.disk import Disk

METRICS, TIMING = "metrics.jsonl", "timing.jsonl"


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file, by name; none where it is not there. What is no whole line of an update is passed over."""
    return [line for _, line in _whole(path)]


def append(path: Path, update: int, values: Mapping[str, float]) -> None:
    """Add the line of an update. Values that are not finite are left out: JSON has none."""
    known = {key: value for key, value in values.items() if math.isfinite(value)}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"update": update, **known}) + "\n")


def cut(path: Path, update: int) -> list[int]:
    """Drop the lines of updates after this one. Returns the updates up to it that have no line that can be read."""
    if not path.exists():
        return list(range(1, update + 1))
    kept = {line["update"]: text for text, line in _whole(path) if line["update"] <= update}
    Disk().replace(path, "".join(kept.values()).encode())
    return [one for one in range(1, update + 1) if one not in kept]


def _whole(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line as text and as values. The last one may be being written."""
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if path.is_file() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not text.endswith("\n") or not isinstance(line, dict) or not isinstance(line.get("update"), int):
            continue
        if all(isinstance(value, (int, float)) for value in line.values()):
            yield text, line
