"""A Parquet file that is written group by group: memory does not grow with it. Needs the extra `eval`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.errors import RecordError
from arena.plugins import require_modules

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 16_384  # of a row group
FEW_ROWS = 512  # that are made columns at once: few enough to be in the processor's cache meanwhile
MOST_CHARACTERS = 16_000_000  # of the texts of a row group, about


def pyarrow() -> Any:
    """The module. MissingExtraError where it is not installed."""
    require_modules("a Parquet file", ["pyarrow"], "eval")
    import pyarrow.parquet

    return pyarrow


class ParquetFile:
    """A file that is written beside `path`, and takes its name when it is whole. RecordError where it cannot be."""

    def __init__(self, path: Path, schema: pa.Schema, columns: Callable[..., list[Sequence[Any]]]) -> None:
        """columns: makes them, in the order of the schema, from rows as `add` is given them."""
        self.path, self._schema, self._make = path, schema, columns
        self._rows: list[list[Any]] = []  # that are not in columns yet
        self._columns: list[list[Any]] = [[] for _ in schema]  # of rows that are not written yet
        self._characters = 0

    def __enter__(self) -> ParquetFile:
        # The number of the process tells it from one that a killed process left, and which may still write there.
        for left in self.path.parent.glob(f".{self.path.name}.*.new"):
            left.unlink(missing_ok=True)
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        with self._told():
            self._writer = pyarrow().parquet.ParquetWriter(self._temporary, self._schema, compression="zstd")
        return self

    def __exit__(self, wrong: type[BaseException] | None, *_: object) -> None:
        try:
            if wrong is None:
                self._take()
                self._write(len(self._columns[0]))
            with self._told():
                self._writer.close()
                if wrong is None:
                    self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def add(self, *rows: Sequence[Any], characters: int = 0) -> None:
        """Add rows: for each of them an element of each of the sequences, with texts of about so many characters."""
        if not self._rows:
            self._rows = [[] for _ in rows]
        for mine, more in zip(self._rows, rows, strict=True):
            mine.extend(more)
        self._characters += characters
        if len(self._rows[0]) >= FEW_ROWS or self._characters >= MOST_CHARACTERS:
            self._take()

    def _take(self) -> None:
        """Makes columns of the rows; whole groups are written."""
        if self._rows:
            for column, values in zip(self._columns, self._make(*self._rows), strict=True):
                column.extend(values)
            self._rows.clear()
        while len(self._columns[0]) >= MOST_ROWS:
            self._write(MOST_ROWS)
        if self._characters >= MOST_CHARACTERS:
            self._write(len(self._columns[0]))

    def _write(self, count: int) -> None:
        """Writes the first rows as a group."""
        self._characters = 0
        if not count:
            return
        pa = pyarrow()
        columns = zip(self._columns, self._schema.types, strict=True)
        arrays = [pa.array(values[:count], kind) for values, kind in columns]
        with self._told():
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        for values in self._columns:
            del values[:count]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordError(f"{self.path} cannot be written: {error.strerror or error}") from error
