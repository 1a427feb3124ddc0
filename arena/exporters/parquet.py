"""Rows for Hugging Face `datasets`: a Parquet file that says which columns are pictures, written in groups of rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image as Pictures

from arena.game import Image

MOST_ROWS = 256  # of a group
MOST_BYTES = 32_000_000  # of the pictures of a group, about
Row = dict[str, Any]
Said = Sequence[str | Image]  # the parts of a message
_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_PART = pa.struct([("type", pa.string()), ("text", pa.string())])
_TEXT = {"dtype": "string", "_type": "Value"}
_PARTS = {"feature": {"type": _TEXT, "text": _TEXT}, "_type": "List"}
_KINDS = {"text": ("string", pa.string()), "whole": ("int64", pa.int64()), "real": ("float64", pa.float64())}


class Table:
    """A dataset with or without pictures.

    With them a message's content is a list of parts, and `images` has those of a row in the order in which they are
    shown, as models that see want it. Without, content is plain text and there is no such column, as those that only
    read want it.
    """

    def __init__(self, columns: Mapping[str, str], pictures: bool) -> None:
        """`columns`: the kind of each: text, whole, real, messages."""
        self._columns = columns
        self._pictures = pictures

    def write(self, path: Path, rows: Iterable[Row]) -> int:
        """Writes the rows, of which messages are pairs (role, parts), and returns how many they are."""
        content: pa.DataType = pa.list_(_PART) if self._pictures else pa.string()
        messages = pa.list_(pa.struct([("role", pa.string()), ("content", content)]))
        said = {"feature": {"role": _TEXT, "content": _PARTS if self._pictures else _TEXT}, "_type": "List"}
        fields, features = [], dict[str, Any]()
        for name, kind in self._columns.items():
            dtype, sort = _KINDS.get(kind, ("", messages))
            fields.append((name, sort))
            features[name] = {"dtype": dtype, "_type": "Value"} if dtype else said
        if self._pictures:
            fields.append(("images", pa.list_(_PICTURE)))
            features["images"] = {"feature": {"_type": "Image"}, "_type": "List"}
        told = json.dumps({"info": {"features": features}})
        schema = pa.schema(fields).with_metadata({"huggingface": told})
        path.parent.mkdir(parents=True, exist_ok=True)
        count, group, size = 0, list[Row](), 0
        with pq.ParquetWriter(path, schema) as writer:
            for row in map(self._row, rows):
                group.append(row)
                size += sum(len(one["bytes"]) for one in row.get("images", ()))
                count += 1
                if len(group) >= MOST_ROWS or size >= MOST_BYTES:
                    writer.write_table(pa.Table.from_pylist(group, schema))
                    group, size = [], 0
            writer.write_table(pa.Table.from_pylist(group, schema))
        return count

    def _row(self, row: Row) -> Row:
        pictures: list[Row] = []
        out = {
            name: [self._message(role, parts, pictures) for role, parts in row[name]]
            if kind == "messages"
            else row[name]
            for name, kind in self._columns.items()
        }
        return {**out, "images": pictures} if self._pictures else out

    def _message(self, role: str, parts: Said, pictures: list[Row]) -> Row:
        if not self._pictures:
            return {"role": role, "content": "".join(part for part in parts if isinstance(part, str))}
        content: list[Row] = []
        for part in parts:
            if isinstance(part, str):
                content.append({"type": "text", "text": part})
            else:
                pictures.append({"bytes": png(part), "path": None})
                content.append({"type": "image", "text": None})
        return {"role": role, "content": content}


def png(picture: Image) -> bytes:
    """The picture as PNG, without loss."""
    out = io.BytesIO()
    Pictures.fromarray(np.ascontiguousarray(picture)).save(out, format="PNG")
    return out.getvalue()
