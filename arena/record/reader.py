"""Reads a run folder."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from arena import commands
from arena.errors import RecordError
from arena.evaluate.table import Table, tabulate
from arena.log import Line
from arena.record import shards
from arena.record.head import Head, typed
from arena.record.times import Times, read_times
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

    @functools.cached_property
    def typed_head(self) -> Head:
        """The head, checked. Raises RecordError."""
        return typed(self.head, self.folder)

    @property
    def operators(self) -> list[str]:
        return [operator["name"] for operator in self.head["operators"]]

    def lines(self) -> Iterator[Line]:
        """Every line of the log, in plan order. What is torn at its end is a match in flight and left out."""
        for lines in self.matches():
            yield from lines

    def matches(self) -> Iterator[list[Line]]:
        """The lines of each match of the log; one match at a time is held."""
        for piece in shards.pieces(self.folder):
            yield piece.lines

    def played(self) -> Iterator[list[Line]]:
        """As `matches`, and then those that are over as well, but wait in open/ for one before them."""
        logged = 0
        for lines in self.matches():
            logged += 1
            yield lines
        for match, lines in self._journaled(logged):
            if shards.is_whole(lines, match):
                yield lines

    @functools.cached_property
    def logged(self) -> int:
        """How many matches the log has."""
        return sum(1 for _ in self.matches())

    def in_flight(self) -> list[int]:
        """The matches that had begun and were not over when the run stopped."""
        return [match for match, lines in self._journaled(self.logged) if not shards.is_whole(lines, match)]

    def _journaled(self, logged: int) -> Iterator[tuple[int, list[Line]]]:
        """The lines in open/ of matches that are not in the log."""
        for match, path in shards.journals(self.folder).items():
            if match >= logged:
                yield match, shards.read_journal(path)

    def table(self) -> Table:
        """The result table of what was played, computed from the log."""
        game = self.head["game"]
        lines = (line for match in self.played() for line in match)
        returns = game.get("returns")
        return tabulate(
            lines,
            self.operators,
            game["unit"],
            (returns[0], returns[1]) if returns else None,
            mirror=self.head.get("mirror", True),
        )

    def times(self) -> Times:
        """What the timing file says."""
        return read_times(self.folder / "timing-000.jsonl")

    def recorded_table(self) -> Table | None:
        """The result table that the run wrote, if it got that far."""
        path = self.folder / "results.json"
        if not path.is_file():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Table)
        except msgspec.DecodeError as error:
            raise RecordError(f"{path} is damaged: {error}") from error
