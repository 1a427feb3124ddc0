"""A run as Parquet files: matches.parquet, turns.parquet and calls.parquet, for pandas, DuckDB and others.

The first two follow from the log alone, so equal runs give equal files; calls.parquet is the timing file, where all
that may differ stands. Rows are written in groups: memory does not grow with the run. Needs the extra `eval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from arena import commands
from arena.errors import RecordError
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.plugins import require_modules
from arena.record.reader import Run

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS = 16_384  # of a row group
MOST_CHARACTERS = 16_000_000  # of the texts of a row group, about
NAMES = ("matches", "turns", "calls")
Row = tuple[Any, ...]


def write_columns(run: Run, folder: Path | None = None) -> list[Path]:
    """Writes the three files of `run` into `folder` (the run's own by default), and returns their paths.

    Matches that are over are in them, as in the tables of `arena show`. Raises MissingExtraError without pyarrow.
    """
    folder = folder or run.folder
    schema = schemas()
    made = {name: _File(folder / f"{name}.parquet", schema[name]) for name in NAMES}
    with made["matches"] as matches, made["turns"] as turns:
        _played(run, matches, turns)
    with made["calls"] as calls:
        for row in _calls(run.folder / "timing-000.jsonl"):
            calls.add(row)
    return [one.path for one in made.values()]


def schemas() -> dict[str, pa.Schema]:
    """The columns of each file, in order. docs/run-folder.md says what they hold."""
    pa = _pyarrow()
    small, whole, real, text, flag = pa.int32(), pa.int64(), pa.float64(), pa.string(), pa.bool_()
    place = [("match", whole), ("block", whole), ("game_index", small), ("game", text)]
    return {
        "matches": pa.schema(
            [
                *place,
                ("options", text),
                ("seed", text),
                ("status", text),
                ("ticks", small),
                ("reason", text),
                ("operators", pa.list_(text)),
                ("returns", pa.list_(real)),
                ("faults", pa.list_(small)),
                ("state_hash", text),
            ]
        ),
        "turns": pa.schema(
            [
                *place,
                ("tick", small),
                ("seat", small),
                ("operator", text),
                ("attempt", small),
                ("asked", small),
                ("late", flag),
                ("legal", pa.list_(small)),
                ("answer", text),
                ("action", small),
                ("fault", text),
                ("detail", text),
                ("thought", text),
                ("raw", text),
                ("said", text),
                ("unsaid", text),
                ("reward", real),
                ("ended", text),
                ("prompt_tokens", small),
                ("completion_tokens", small),
                ("dropped_turns", small),
                (
                    "tools",
                    pa.list_(
                        pa.struct(
                            [("tool", text), ("arguments", text), ("text", text), ("picture", text), ("error", text)]
                        )
                    ),
                ),
                ("weights_version", text),
                ("image_hash", text),
                ("vector_hash", text),
                ("text_hash", text),
            ]
        ),
        "calls": pa.schema(
            [
                ("match", whole),
                ("game_index", small),
                ("void_tries", small),
                ("tick", small),
                ("seat", small),
                ("attempt", small),
                ("operator", text),
                ("seconds", real),
                ("prompt_tokens", small),
                ("completion_tokens", small),
                ("cached_tokens", small),
                ("first_token", real),
                ("model_seconds", real),
            ]
        ),
    }


def _pyarrow() -> Any:
    require_modules("a Parquet file", ["pyarrow"], "eval")
    import pyarrow
    import pyarrow.parquet

    return pyarrow


class _File:
    """A Parquet file that is written row by row beside `path`, and takes its name when it is whole."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self._schema = path, schema
        self._rows: list[Row] = []
        self._characters = 0

    def __enter__(self) -> _File:
        self._temporary = self.path.with_name(f".{self.path.name}.new")
        with self._told():
            self._writer = _pyarrow().parquet.ParquetWriter(self._temporary, self._schema, compression="zstd")
        return self

    def __exit__(self, wrong: type[BaseException] | None, *_: object) -> None:
        try:
            with self._told():
                if wrong is None:
                    self._flush()
                self._writer.close()
                if wrong is None:
                    self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def add(self, row: Row, characters: int = 0) -> None:
        """Add a row: the values of the columns in order, with texts of about so many characters."""
        self._rows.append(row)
        self._characters += characters
        if len(self._rows) >= MOST_ROWS or self._characters >= MOST_CHARACTERS:
            with self._told():
                self._flush()

    def _flush(self) -> None:
        if self._rows:
            pa = _pyarrow()
            columns = zip(zip(*self._rows, strict=True), self._schema.types, strict=True)
            arrays = [pa.array(values, kind) for values, kind in columns]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows, self._characters = [], 0

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RecordError(f"{self.path} cannot be written: {error.strerror or error}") from error


def _played(run: Run, matches: _File, turns: _File) -> None:
    """Writes each match and its turns, in one pass over the log."""
    names = [game.name for game in run.head.games]
    for lines in run.played():
        head, end = _ends(run, lines)
        place = (head.match, head.block, head.game_index, names[head.game_index])
        rewards = turn_rewards(lines, len(head.seats))
        how = "truncated" if end.status == "truncated" else "terminated"
        faults = [0] * len(head.seats)
        state = head.state_hash
        for at, line in enumerate(lines):
            if isinstance(line, TurnLine):
                faults[line.seat] += line.fault is not None
                reward, last = rewards.get(at, (None, False))
                ended = None if reward is None else how if last else "none"
                turns.add(*_turn(place, line, reward, ended))
            elif isinstance(line, TickLine):
                state = line.state_hash
        options = msgspec.json.encode(head.options, order="deterministic").decode()
        matches.add(
            (*place, options, head.seed, end.status, end.ticks, end.reason, head.seats, end.returns, faults, state)
        )


def _turn(place: Row, line: TurnLine, reward: float | None, ended: str | None) -> tuple[Row, int]:
    """The row of a turn, and the number of its characters."""
    usage, hashes = line.usage, line.observation_hash
    answer = None if line.answer is None else str(line.answer)
    unsaid = None if line.unsaid is None else line.unsaid.text
    row = (
        *place,
        line.tick,
        line.seat,
        line.operator,
        line.attempt,
        asked_at(line),
        line.late,
        line.legal,
        answer,
        line.action,
        line.fault,
        line.detail,
        line.thought,
        line.raw,
        line.say,
        unsaid,
        reward,
        ended,
        None if usage is None else usage.prompt,
        None if usage is None else usage.completion,
        None if usage is None else usage.dropped,
        [msgspec.structs.asdict(call) for call in line.calls],
        line.weights_version,
        hashes.get("image"),
        hashes.get("vector"),
        hashes.get("text"),
    )
    return row, sum(map(len, filter(None, (answer, line.detail, line.thought, line.raw, line.say, unsaid))))


def turn_rewards(lines: Sequence[Line], seats: int) -> dict[int, tuple[float, bool]]:
    """By the place of a turn in `lines`: the seat's reward until its next turn, and whether it is the last of its seat.

    As arena/turns.py: a turn begins when its seat is asked. An answer that was asked again has no reward, its last
    attempt has it; nor has a tick that a seat was late for, which belongs to the turn before.
    """
    totals = [[0.0] for _ in range(seats)]  # by seat: the sum of its rewards before each tick
    begun: dict[int, tuple[int, int]] = {}  # by seat: its turn, and the tick at which that was asked
    out: dict[int, tuple[float, bool]] = {}
    for at, line in enumerate(lines):
        if isinstance(line, TickLine):
            for seat, reward in enumerate(line.rewards):
                totals[seat].append(totals[seat][-1] + reward)
        elif isinstance(line, TurnLine) and not line.late:
            asked = asked_at(line)
            if line.seat in begun:
                before, since = begun[line.seat]
                out[before] = (totals[line.seat][asked] - totals[line.seat][since], False)
            begun[line.seat] = (at, asked)
    for seat, (turn, since) in begun.items():
        out[turn] = (totals[seat][-1] - totals[seat][since], True)
    return out


def asked_at(line: TurnLine) -> int:
    """The tick of the question that was answered."""
    return line.tick if line.asked is None else line.asked


def _ends(run: Run, lines: list[Line]) -> tuple[MatchLine, EndLine]:
    head, end = lines[0], lines[-1]
    if not isinstance(head, MatchLine) or not isinstance(end, EndLine):
        again = commands.arena("verify", run.folder)
        raise RecordError(f"{run.folder}: a match has no beginning or no end. `{again}` says which")
    return head, end


class _Call(msgspec.Struct):
    """A line of the timing file."""

    type: str
    match: int = 0
    game: int = 0
    tick: int = 0
    seat: int = 0
    attempt: int = 0
    operator: str = ""
    seconds: float = 0.0
    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    first_token: float | None = None
    model_seconds: float | None = None


def _calls(path: Path) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(_Call)
    voids: dict[int, int] = {}  # tries of a match that were void so far
    if not path.is_file():
        return
    with path.open("rb") as file:
        for text in file:
            try:
                line = decoder.decode(text)
            except msgspec.DecodeError:  # torn, or of another kind
                continue
            if line.type == "void":
                voids[line.match] = line.attempt
            elif line.type == "turn" and line.operator:
                yield (
                    line.match,
                    line.game,
                    voids.get(line.match, 0),
                    line.tick,
                    line.seat,
                    line.attempt,
                    line.operator,
                    line.seconds,
                    line.prompt,
                    line.completion,
                    line.cached,
                    line.first_token,
                    line.model_seconds,
                )
