"""JSON schemas of what a run folder says of scores: `python -m arena.analysis.schemas > docs/results.schema.json`."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from arena.analysis.summary import Analysis
from arena.evaluate.table import ScoreTable

FILES: dict[str, Any] = {"results.json": list[ScoreTable], "analysis.json": Analysis}


def schemas() -> dict[str, Any]:
    """The schema of each file, and the definitions that they share."""
    found, shared = msgspec.json.schema_components(FILES.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "files": dict(zip(FILES, found, strict=True)),
        "$defs": shared,
    }


if __name__ == "__main__":
    print(json.dumps(schemas(), indent=1))
