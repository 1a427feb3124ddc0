"""The headers of all messages as a JSON Schema: docs/protocol.schema.json, for who writes a worker by machine.

python -m arena.protocol.schema > docs/protocol.schema.json
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from arena.protocol import messages as m
from arena.protocol.codec import DTYPES
from arena.protocol.version import MAJOR, MINOR


def schema() -> dict[str, Any]:
    """`toArena` and `toWorker` hold one definition a message; a `bin` of MessagePack stands as a string of base64."""
    (to_arena, to_worker), definitions = msgspec.json.schema_components(
        (m.ToArena, m.ToWorker), schema_hook=_array, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Headers of the arena protocol {MAJOR}.{MINOR}",
        "description": "docs/protocol.md is normative. Headers are MessagePack maps; bytes stand here as base64.",
        "oneOf": [{"$ref": "#/$defs/toArena"}, {"$ref": "#/$defs/toWorker"}],
        "$defs": {"toArena": to_arena, "toWorker": to_worker, **definitions},
    }


def _array(kind: Any) -> dict[str, Any]:
    """An array's place in the header: see ArrayRef."""
    buffer, shape = {"type": "integer"}, {"type": "array", "items": {"type": "integer"}}
    return {
        "type": "array",
        "prefixItems": [buffer, {"enum": sorted(DTYPES)}, shape],
        "minItems": 3,
        "items": False,
    }


def text() -> str:
    """As the file holds it."""
    return msgspec.json.format(msgspec.json.encode(schema(), order="deterministic"), indent=1).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
