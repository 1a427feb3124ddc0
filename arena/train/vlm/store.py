"""The turn store: the rows of every update as Parquet, and their pictures by content.

    rows/000012.parquet    a line a row: the fields of Row
    images/000012.parquet  sha256, height, width, pixels (bytes, height x width x 3) of the pictures that are new there

Files are written beside their place and moved into it, so a reader finds whole updates only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from arena.errors import ArenaError, RecordError, sentence
from arena.game import Image
from arena.train.vlm.hindsight import Hindsight
from arena.train.vlm.rows import Collected, MatchStat, Row

ARRAYS = {"prompt": np.int32, "response": np.int32, "mu": np.float32, "vector": np.float32}
JSON = ("state", "hindsight")
SUFFIX = ".parquet"


class RowStore:
    """Of one training run. RecordError for what cannot be read, ArenaError for what cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._where: dict[str, int] = {}  # the update whose file has a picture
        self._read: set[int] = set()
        self._shown: tuple[int, dict[str, Image]] = (-1, {})  # the pictures of the file that was read last

    def append(self, update: int, rows: Sequence[Row], images: Mapping[str, Image]) -> None:
        """Write the rows of an update, in place of what is there of it, and its pictures that no earlier one has."""
        import pyarrow as pa

        self._index(update)
        new = {name: image for name, image in images.items() if self._where.get(name, update) >= update}
        columns = {
            "sha256": pa.array(list(new), pa.string()),
            "height": pa.array([image.shape[0] for image in new.values()], pa.int32()),
            "width": pa.array([image.shape[1] for image in new.values()], pa.int32()),
            "pixels": _pixels(list(new.values())),
        }
        self._write("images", update, pa.table(columns))
        self._where.update(dict.fromkeys(new, update))
        self._read.add(update)
        self._write("rows", update, _table(rows))  # last: whoever finds the rows finds their pictures

    def updates(self) -> list[int]:
        """The updates whose rows are here, ascending."""
        return sorted(int(path.stem) for path in self.folder.glob(f"rows/*{SUFFIX}"))

    def read(self, update: int) -> list[Row]:
        """The rows of an update, as they were appended."""
        return _rows(self._table("rows", update))

    def image(self, sha: str) -> Image:
        """The picture of this name: uint8 (height, width, 3)."""
        if sha not in self._where:
            self._index()
        if sha not in self._where:
            raise RecordError(
                f"{self.folder / 'images'} lacks the picture {sha[:12]}... of a turn that is learnt from: restore its "
                "files from a copy, or begin anew with another --out"
            )
        update = self._where[sha]
        if self._shown[0] != update:
            self._shown = update, self.images(update)
        return self._shown[1][sha]

    def images(self, update: int) -> dict[str, Image]:
        """The pictures that are new in this update."""
        found = self._table("images", update).to_pylist()
        shapes = ((one["sha256"], one["pixels"], (one["height"], one["width"], 3)) for one in found)
        return {name: np.frombuffer(pixels, np.uint8).reshape(shape) for name, pixels, shape in shapes}

    def _index(self, before: int | None = None) -> None:
        """Note which file has which picture; those of updates from `before` on are left out."""
        import pyarrow.parquet as pq

        for path in sorted(self.folder.glob(f"images/*{SUFFIX}")):
            update = int(path.stem)
            if update in self._read or (before is not None and update >= before):
                continue
            try:
                names = pq.read_table(path, columns=["sha256"])["sha256"].to_pylist()
            except (OSError, ValueError) as error:
                raise unreadable(path, error) from error
            for name in names:
                self._where.setdefault(name, update)
            self._read.add(update)

    def _path(self, kind: str, update: int) -> Path:
        return self.folder / kind / f"{update:06d}{SUFFIX}"

    def _table(self, kind: str, update: int) -> Any:
        import pyarrow.parquet as pq

        path = self._path(kind, update)
        try:
            return pq.read_table(path)
        except (OSError, ValueError) as error:
            raise unreadable(path, error) from error

    def _write(self, kind: str, update: int, table: Any) -> None:
        import pyarrow.parquet as pq

        path = self._path(kind, update)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            pq.write_table(table, temporary, compression="zstd", compression_level=1, use_dictionary=False)
            _moved(temporary, path)
        except OSError as error:
            raise unwritable(path, error) from error


class MatchFiles:
    """The rows of an update match by match while it is played, so that a kill loses at most the matches in flight."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, match: int, found: Collected) -> None:
        """Keep the rows of a match, in place of those of an earlier try. ArenaError if they cannot be written."""
        import pyarrow as pa

        told = {
            "rows": [_plain(row) for row in found.rows],
            "images": {name: (image.shape, image.tobytes()) for name, image in found.images.items()},
            "matches": found.matches,
            "dropped": dict(found.dropped),
        }
        path = self._path(match)
        temporary = path.with_name(f".{path.name}.new")
        try:
            with pa.output_stream(temporary, compression="zstd") as file:
                file.write(msgspec.msgpack.encode(told))
            temporary.replace(path)
        except OSError as error:
            raise unwritable(path, error) from error

    def get(self, match: int) -> Collected | None:
        """What was kept of a match; None if there is none that can be read."""
        import pyarrow as pa

        try:
            with pa.input_stream(self._path(match), compression="zstd") as file:
                told = msgspec.msgpack.decode(file.read())
        except (OSError, msgspec.DecodeError):
            return None
        out = Collected([_row(one) for one in told["rows"]])
        out.images = {
            name: np.frombuffer(pixels, np.uint8).reshape(shape) for name, (shape, pixels) in told["images"].items()
        }
        out.matches = msgspec.convert(told["matches"], list[MatchStat])
        out.dropped.update(told["dropped"])
        return out

    @property
    def about(self) -> str | None:
        """What `begin` was told; None before that."""
        try:
            return (self.folder / "about").read_text(encoding="utf-8")
        except OSError:
            return None

    def begin(self, about: str) -> None:
        """Remove all rows. `about`: what they will be rows of."""
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(parents=True)
            (self.folder / "about").write_text(about, encoding="utf-8")
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _path(self, match: int) -> Path:
        return self.folder / f"{match:06d}.rows"


def unreadable(path: Path, error: Exception) -> RecordError:
    why = error if path.exists() else "it is missing"
    return RecordError(f"{path} cannot be read: {sentence(why)} Restore it from a copy, or begin anew")


def unwritable(path: Path, error: OSError) -> ArenaError:
    return ArenaError(
        f"{path} cannot be written any more: {error.strerror or error}. What was finished is kept. Free space or "
        "restore the folder, then go on with --resume"
    )


def _moved(temporary: Path, path: Path) -> None:
    """Move a file into its place so that it survives a power cut."""
    fd = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)


def _plain(row: Row) -> dict[str, Any]:
    """A row as plain data: arrays as bytes."""
    out = {one.name: getattr(row, one.name) for one in fields(Row)}
    for name in ARRAYS:
        out[name] = None if out[name] is None else out[name].tobytes()
    return out


def _row(told: dict[str, Any]) -> Row:
    arrays = {name: None if told[name] is None else np.frombuffer(told[name], kind) for name, kind in ARRAYS.items()}
    spans = tuple((first, length) for first, length in told["spans"])
    kinds = {"images": tuple(told["images"]), "spans": spans}
    return Row(**{**told, **arrays, **kinds, "hindsight": _hindsight(told["hindsight"])})


def _hindsight(told: dict[str, Any] | None) -> Hindsight | None:
    return None if told is None else msgspec.convert(told, Hindsight)


def _schema() -> Any:
    import pyarrow as pa

    ints, words = pa.int32(), pa.string()
    floats, flag = pa.float32(), pa.bool_()
    kinds = {
        **{"episode": pa.int64(), "game": words, "role": words, "seat": ints, "turn": ints},
        **{"group": pa.int64(), "prompt": pa.list_(ints), "images": pa.list_(words)},
        **{"spans": pa.list_(pa.list_(ints)), "response": pa.list_(ints), "mu": pa.list_(floats), "thought": ints},
        **{"version": words, "trainable": flag, "reward": pa.float64(), "done": flag, "truncated": flag},
        **{"parsed": flag, "vector": pa.list_(floats), "state": words, "hindsight": words},  # JSON
    }
    return pa.schema(kinds)


def _pixels(images: Sequence[Image]) -> Any:
    """Their bytes as one column; each is copied once."""
    import pyarrow as pa

    ends = np.cumsum([0, *(image.size for image in images)], dtype=np.int64)
    data = np.concatenate([image.ravel() for image in images]) if images else np.zeros(0, np.uint8)
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(images), [None, pa.py_buffer(ends), pa.py_buffer(data)]
    )


def _table(rows: Sequence[Row]) -> Any:
    import pyarrow as pa

    schema = _schema()
    columns = []
    for column in schema:
        values = [getattr(row, column.name) for row in rows]
        if column.name in JSON:
            values = [None if one is None else msgspec.json.encode(one).decode() for one in values]
        columns.append(pa.array(values, column.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _rows(table: Any) -> list[Row]:
    columns = {name: table[name] for name in table.column_names}
    lists = {name: [_array(one, ARRAYS[name]) for one in columns[name]] for name in ARRAYS}
    plain = {name: column.to_pylist() for name, column in columns.items() if name not in ARRAYS}
    out: list[Row] = []
    for at in range(table.num_rows):
        told = {name: values[at] for name, values in (*plain.items(), *lists.items())}
        told["images"] = tuple(told["images"])
        told["spans"] = tuple((first, length) for first, length in told["spans"])
        told |= {name: None if told[name] is None else msgspec.json.decode(told[name]) for name in JSON}
        told["hindsight"] = _hindsight(told["hindsight"])
        out.append(Row(**told))
    return out


def _array(value: Any, kind: Any) -> Any:
    return None if not value.is_valid else value.values.to_numpy(zero_copy_only=False).astype(kind, copy=False)
