"""The turns of a run beside its log: what the log leaves out because it is large, in RUN/turns/turns.sqlite.

A row is one turn, keyed (match, seat, tick, attempt) as in the log, where its observation hash, text and move stand.
A match's turns are one transaction, and are in the file before the log says that the match is over: so a kill loses
none that the log has. What a killed try left is written over by the next one.

    table turn    match, seat, tick, attempt; reward, ended; prompt_tokens, tokens (blobs of little-endian int32),
                  logprobs (float32); finish_reason, weights_version
    table episode match; before (JSON: every seat's rewards before its first turn)
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import msgspec
import numpy as np
import numpy.typing as npt

from arena.errors import ArenaError, RecordError
from arena.game import Ended, Observation
from arena.log import EndLine, Line, MatchLine, TurnLine
from arena.plan import MatchPlan
from arena.record.reader import Run
from arena.record.replay import Replay, execute
from arena.turns import Episode, Turn, TurnSink

FORMAT = 1
COLUMNS = "seat, tick, attempt, reward, ended, prompt_tokens, tokens, logprobs, finish_reason, weights_version"
SCHEMA = """
create table if not exists turn (
    match integer, seat integer, tick integer, attempt integer, reward real not null, ended text not null,
    prompt_tokens blob, tokens blob, logprobs blob, finish_reason text, weights_version text,
    primary key (match, seat, tick, attempt)
) without rowid;
create table if not exists episode (match integer primary key, before text not null);
"""
SECONDS = 30.0  # that a reader or writer waits for another


def store_of(folder: Path) -> Path:
    """The file with the turns of the run in `folder`."""
    return folder / "turns" / "turns.sqlite"


class StoredRows(NamedTuple):
    """A match as it is stored."""

    before: tuple[float, ...]  # of every seat: its rewards before its first turn
    rows: list[tuple[Any, ...]]  # as COLUMNS


class TurnStore(TurnSink):
    """Writes the turns of a run. Raises ArenaError if they cannot be written: the run ends, and can be resumed."""

    in_order = False

    def __init__(self, folder: Path) -> None:
        """Opens the turns of the run in `folder`, new or resumed."""
        self._folder = folder
        path = store_of(folder)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=SECONDS, isolation_level=None)
            self._db.execute("pragma journal_mode = wal")  # a kill at any time leaves whole matches
            self._db.execute("pragma synchronous = normal")
            self._db.executescript(SCHEMA)
            self._db.execute(f"pragma user_version = {FORMAT}")
        except (OSError, sqlite3.Error) as error:
            raise RecordError(f"cannot write the turns of the run into {path}: {error}") from error

    def match_over(self, episode: Episode) -> None:
        self.put(episode.plan.index, StoredRows(episode.before, [_row(turn) for turn in episode.turns]))

    def match_void(self, plan: MatchPlan, reason: str) -> None:
        self.put(plan.index, None)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):  # a reader has it open: the mode stays
            self._db.execute("pragma journal_mode = delete")  # one plain file, which a reader need not write beside
        self._db.close()

    def put(self, match: int, found: StoredRows | None) -> None:
        """Write the rows of a match in place of those of an earlier try; None: only remove those."""
        try:
            self._db.execute("begin immediate")
            self._db.execute("delete from turn where match = ?", (match,))
            self._db.execute("delete from episode where match = ?", (match,))
            if found is not None:
                before = msgspec.json.encode(found.before).decode()
                self._db.execute("insert into episode values (?, ?)", (match, before))
                rows = ((match, *row) for row in found.rows)
                self._db.executemany(f"insert into turn values ({', '.join('?' * 11)})", rows)
            self._db.execute("commit")
        except sqlite3.Error as error:
            raise ArenaError(
                f"the turns of the run cannot be written into {store_of(self._folder)} any more: {error}. What was "
                f"played is kept. Free space or restore the folder, then go on with: arena play --resume {self._folder}"
            ) from error


def _row(turn: Turn) -> tuple[Any, ...]:
    request, decision = turn.request, turn.decision
    return (
        request.seat,
        request.tick,
        request.attempt,
        turn.reward,
        turn.ended,
        _blob(decision.prompt_tokens, "<i4"),
        _blob(decision.tokens, "<i4"),
        _blob(decision.logprobs, "<f4"),
        decision.finish_reason,
        decision.weights_version,
    )


def _blob(array: npt.NDArray[Any] | None, dtype: str) -> bytes | None:
    return None if array is None else np.ascontiguousarray(array, dtype=dtype).tobytes()


class StoredTurn(NamedTuple):
    """A turn of a run folder: the line of the log, and what stands beside it."""

    match: int
    seat: int
    tick: int  # at which it was asked
    attempt: int
    line: TurnLine  # operator, answer, thought, move, fault, ...
    reward: float  # until the seat's next turn
    ended: Ended
    prompt_tokens: npt.NDArray[np.int32] | None
    tokens: npt.NDArray[np.int32] | None
    logprobs: npt.NDArray[np.float32] | None
    finish_reason: str | None
    weights_version: str | None
    observation: Observation | None = None  # by re-execution, if requested


class StoredEpisode(NamedTuple):
    """A match of a run folder as its turns, by tick, seat and attempt."""

    head: MatchLine
    before: tuple[float, ...]  # of every seat: its rewards before its first turn
    turns: list[StoredTurn]


def read(run: Run, *, observations: bool = False, trust: bool = False) -> Iterator[StoredEpisode]:
    """The turns of every match of `run` that is over, in plan order; a match that stayed unresolved has none.

    observations: with what the seat saw, pictures too, which is had by playing every match again; `trust` as in verify.

    RecordError when the run was played without `--turns`, when its turns are damaged or do not fit the log, or when
    the match cannot be played again.
    """
    if not store_of(run.folder).is_file():
        raise RecordError(f"{run.folder} has no turns beside its log: they are kept by `arena play --turns`")
    with contextlib.ExitStack() as stack:
        stored = stack.enter_context(contextlib.closing(TurnReader(run.folder)))
        replay = stack.enter_context(contextlib.closing(Replay(run, trust=trust))) if observations else None
        for lines in run.played():
            yield stored.episode(lines, _seen(replay, lines) if replay is not None else {})


class TurnReader:
    """The stored turns of a run folder. Every method raises RecordError when the file is damaged."""

    def __init__(self, folder: Path) -> None:
        self._path = store_of(folder)
        try:
            uri = f"{self._path.resolve().as_uri()}?mode=ro"
            self._db = sqlite3.connect(uri, uri=True, timeout=SECONDS)
            ((version,),) = self._db.execute("pragma user_version")
        except sqlite3.Error as error:
            raise self._damaged(error) from error
        if version != FORMAT:
            what = "is empty, or no store of turns" if not version else f"was written in format {version}"
            raise RecordError(f"{self._path} {what}: this version of the arena reads format {FORMAT}")

    def close(self) -> None:
        self._db.close()

    def flaw(self, episode: Episode) -> str | None:
        """What is stored otherwise than `episode`, which was made anew, says; None: nothing."""
        found = self.rows(episode.plan.index)
        if found is None:
            return "it has no stored turns"
        before, rows = found
        if before != episode.before:
            return f"{before} is stored as the rewards before the first turn, re-execution gives {episode.before}"
        stored = {row[:3]: row[3:5] for row in rows}
        made = {_place(turn): (turn.reward, turn.ended) for turn in episode.turns}
        for place in sorted(stored.keys() | made.keys()):
            if stored.get(place) != made.get(place):
                where = "seat {}, tick {}, attempt {}".format(*place)
                return f"of {where} the stored turn is {stored.get(place)}, re-execution gives {made.get(place)}"
        return None

    def episode(self, lines: list[Line], seen: Mapping[tuple[int, int], Observation]) -> StoredEpisode:
        """The match with these lines; `seen`: observations by seat and tick."""
        head, end = lines[0], lines[-1]
        assert isinstance(head, MatchLine)
        assert isinstance(end, EndLine)
        if end.status == "unresolved":
            return StoredEpisode(head, (), [])
        found = self.rows(head.match)
        if found is None:
            raise RecordError(f"{self._path} lacks match {head.match}, which the log has")
        before, rows = found
        logged = {(line.seat, _asked(line), line.attempt): line for line in lines if _is_turn(line)}
        turns = []
        for seat, tick, attempt, reward, ended, prompt, tokens, logprobs, reason, version in rows:
            line = logged.pop((seat, tick, attempt), None)
            where = f"match {head.match}, seat {seat}, tick {tick}"
            if line is None:
                raise RecordError(f"{self._path} has a turn of {where}; the log has none")
            arrays = (_array(prompt, "<i4"), _array(tokens, "<i4"), _array(logprobs, "<f4"))
            key = (head.match, seat, tick, attempt)
            turns.append(StoredTurn(*key, line, reward, ended, *arrays, reason, version, seen.get((seat, tick))))
        if logged:
            seat, tick, _ = next(iter(logged))
            where = f"match {head.match}, seat {seat}, tick {tick}"
            raise RecordError(f"{self._path} lacks the turn of {where}, which the log has")
        return StoredEpisode(head, before, turns)

    def rows(self, match: int) -> StoredRows | None:
        """The rows of a match, by tick, seat and attempt; None without the match."""
        try:
            found = self._db.execute("select before from episode where match = ?", (match,)).fetchone()
            rows = f"select {COLUMNS} from turn where match = ? order by tick, seat, attempt"
            turns = self._db.execute(rows, (match,)).fetchall()
            return None if found is None else StoredRows(tuple(msgspec.json.decode(found[0])), turns)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> RecordError:
        return RecordError(f"{self._path} cannot be read: {error}")


def _place(turn: Turn) -> tuple[int, int, int]:
    return turn.request.seat, turn.request.tick, turn.request.attempt


def _seen(replay: Replay, lines: list[Line]) -> dict[tuple[int, int], Observation]:
    """What each seat saw when it was asked, by (seat, tick)."""
    head = lines[0]
    assert isinstance(head, MatchLine)
    out = {}
    for step in execute(replay.match(replay.run.plan(head)), lines):
        if not step.agrees:
            raise RecordError(f"match {head.match} cannot be played again: `arena verify` says where it differs")
        out.update({(request.seat, request.tick): request.observation for request in step.requests})
    return out


def _is_turn(line: Line) -> TypeGuard[TurnLine]:
    """Whether a line is of an answer; a line that a seat was late is not."""
    return isinstance(line, TurnLine) and not line.late


def _asked(line: TurnLine) -> int:
    return line.tick if line.asked is None else line.asked


def _array(blob: bytes | None, dtype: str) -> npt.NDArray[Any] | None:
    return None if blob is None else np.frombuffer(blob, dtype=dtype)
