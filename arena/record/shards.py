"""The files of a log: shards of whole matches, and journals of matches in flight.

Only the end of the last shard can be torn: a match was being appended there when the run was killed or the disk was
full, and its journal still has it. Damage anywhere else is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from arena.errors import RecordError
from arena.log import EndLine, Line, MatchLine, decoder


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of one match in a shard: all of them, unless the log was damaged."""

    lines: list[Line]
    shard: Path
    end: int  # offset of its end in the shard, in bytes

    @property
    def whole(self) -> bool:
        return isinstance(self.lines[0], MatchLine) and isinstance(self.lines[-1], EndLine)


def shards(folder: Path) -> list[Path]:
    """The shards of a run folder, in order."""
    return sorted(folder.glob("log-*.jsonl"), key=lambda path: (len(path.name), path.name))


def pieces(folder: Path) -> Iterator[Piece]:
    """The matches of the log in its order; only one is in memory at a time.

    A match at the very end that has no end, or whose last line has none, is in flight and left out. Raises RecordError
    for a line that cannot be read anywhere else.
    """
    paths = shards(folder)
    for path in paths:
        yield from _pieces(path, last=path == paths[-1])


def growing(folder: Path, goes_on: Callable[[], bool]) -> Iterator[list[Line]]:
    """The whole matches of a log that is being written, in its order, until `goes_on`, which waits, says no."""
    shard = at = 0  # what was read: shards, and bytes of the next one
    more = True
    while more:
        more = goes_on()  # before it is read on: what was written until it says no is read
        paths = shards(folder)
        for path in paths[shard:]:
            for piece in _pieces(path, last=path == paths[-1], at=at):
                at = piece.end
                yield piece.lines
            if path != paths[-1]:
                shard, at = shard + 1, 0


def _pieces(path: Path, last: bool, at: int = 0) -> Iterator[Piece]:
    """The matches of a shard from this byte on."""
    current: list[Line] = []
    with path.open("rb") as file:
        file.seek(at)
        for number, text in enumerate(file, 1):
            if last and not text.endswith(b"\n"):
                return
            try:
                line = decoder.decode(text)
            except msgspec.DecodeError as error:
                raise RecordError(f"{path}, line {number} is damaged: {error}") from error
            if isinstance(line, MatchLine) and current:
                yield Piece(current, path, at)  # an end is missing, which the reader reports
                current = []
            at += len(text)
            current.append(line)
            if isinstance(line, EndLine):
                yield Piece(current, path, at)
                current = []
    if current and not last:
        yield Piece(current, path, at)


def journal(folder: Path, match: int) -> Path:
    """The journal of a match in flight."""
    return folder / "open" / f"match-{match:06d}.jsonl"


def journals(folder: Path) -> dict[int, Path]:
    """The existing journals, by match, ascending."""
    found = {}
    for path in (folder / "open").glob("match-*.jsonl"):
        number = path.name[len("match-") : -len(".jsonl")]
        if number.isdecimal():
            found[int(number)] = path
    return dict(sorted(found.items()))


def read_journal(path: Path) -> list[Line]:
    """The lines of a journal, without a torn last line; none if the journal is gone."""
    out: list[Line] = []
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # of a run that goes on: the match was moved into the log
        return out
    for text in data.splitlines(keepends=True):
        if not text.endswith(b"\n"):
            break
        try:
            out.append(decoder.decode(text))
        except msgspec.DecodeError:
            break
    return out


def is_whole(lines: list[Line], match: int) -> bool:
    """Whether these are all the lines of that match."""
    return bool(
        lines
        and isinstance(lines[0], MatchLine)
        and isinstance(lines[-1], EndLine)
        and lines[0].match == lines[-1].match == match
    )
