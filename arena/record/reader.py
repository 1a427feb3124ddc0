"""Reads a run folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from arena import commands
from arena.errors import RecordError
from arena.evaluate.table import Table, tabulate
from arena.record.lines import EndLine, Line, MatchLine, decoder
from arena.record.writer import FORMAT


class Run:
    """A run folder: its head (run.json) and its lines. RecordError when it is none, or damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / "run.json"
        if not path.is_file():
            raise RecordError(
                f"{folder} is no run folder: it has no run.json. `{commands.arena('play', '--out', 'DIR')}` writes one"
            )
        try:
            self.head: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise RecordError(f"{path} is damaged: {error}") from error
        if self.head.get("format") != FORMAT:
            raise RecordError(f"{path} has format {self.head.get('format')!r}; this arena reads format {FORMAT}")

    @property
    def operators(self) -> list[str]:
        return [operator["name"] for operator in self.head["operators"]]

    def lines(self) -> Iterator[Line]:
        """Every line of the log, in plan order."""
        for shard in sorted(self.folder.glob("log-*.jsonl")):
            with shard.open("rb") as file:
                for number, text in enumerate(file, 1):
                    try:
                        yield decoder.decode(text)
                    except msgspec.DecodeError as error:
                        raise RecordError(f"{shard}, line {number} is damaged: {error}") from error

    def matches(self) -> Iterator[list[Line]]:
        """The lines of each match."""
        current: list[Line] = []
        for line in self.lines():
            if isinstance(line, MatchLine) and current:
                yield current  # an end is missing: whoever reads it will say so
                current = []
            current.append(line)
            if isinstance(line, EndLine):
                yield current
                current = []
        if current:
            yield current

    def in_flight(self) -> list[str]:
        """Journals of matches that were not complete when the run stopped."""
        return sorted(path.name for path in (self.folder / "open").glob("*.jsonl"))

    def table(self) -> Table:
        """The result table, computed from the log."""
        return tabulate(self.lines(), self.operators, self.head["game"]["unit"])

    def recorded_table(self) -> Table | None:
        """The result table that the run wrote, if it got that far."""
        path = self.folder / "results.json"
        if not path.is_file():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Table)
        except msgspec.DecodeError as error:
            raise RecordError(f"{path} is damaged: {error}") from error
