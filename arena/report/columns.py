"""A run as Parquet files: matches.parquet, turns.parquet and calls.parquet, for pandas, DuckDB and others.

The first two follow from the log alone, so equal runs give equal files; calls.parquet is the timing file, where all
that may differ stands. Rows are written in groups: memory does not grow with the run. Needs the extra `eval`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
Row = dict[str, Any]


def write_columns(run: Run, folder: Path | None = None) -> list[Path]:
    """Writes the three files of `run` into `folder` (the run's own by default), and returns their paths.

    Matches that are over are in them, as in the tables of `arena show`. Raises MissingExtraError without pyarrow.
    """
    folder = folder or run.folder
    schema = schemas()
    rows: dict[str, Iterable[tuple[Row, int]]] = {
        "matches": _matches(run),
        "turns": _turns(run),
        "calls": _calls(run.folder / "timing-000.jsonl"),
    }
    return [_write(folder / f"{name}.parquet", schema[name], rows[name]) for name in NAMES]


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


def _write(path: Path, schema: pa.Schema, rows: Iterable[tuple[Row, int]]) -> Path:
    """Writes rows, each with the number of its characters, beside `path`, and renames the file when it is whole."""
    pa = _pyarrow()
    temporary = path.with_name(f".{path.name}.new")
    try:
        with pa.parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for group in _groups(rows):
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
        temporary.replace(path)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _groups(rows: Iterable[tuple[Row, int]]) -> Iterator[list[Row]]:
    group: list[Row] = []
    characters = 0
    for row, size in rows:
        group.append(row)
        characters += size
        if len(group) >= MOST_ROWS or characters >= MOST_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _place(run: Run, head: MatchLine) -> Row:
    """What names a match in every file."""
    return {
        "match": head.match,
        "block": head.block,
        "game_index": head.game_index,
        "game": run.head.games[head.game_index].name,
    }


def _matches(run: Run) -> Iterator[tuple[Row, int]]:
    for lines in run.played():
        head, end = _ends(run, lines)
        faults = [0] * len(head.seats)
        state = head.state_hash
        for line in lines:
            if isinstance(line, TurnLine):
                faults[line.seat] += line.fault is not None
            elif isinstance(line, TickLine):
                state = line.state_hash
        yield (
            {
                **_place(run, head),
                "options": msgspec.json.encode(head.options, order="deterministic").decode(),
                "seed": head.seed,
                "status": end.status,
                "ticks": end.ticks,
                "reason": end.reason,
                "operators": head.seats,
                "returns": end.returns,
                "faults": faults,
                "state_hash": state,
            },
            0,
        )


def _turns(run: Run) -> Iterator[tuple[Row, int]]:
    for lines in run.played():
        head, end = _ends(run, lines)
        place = _place(run, head)
        rewards = turn_rewards(lines, len(head.seats))
        how = "truncated" if end.status == "truncated" else "terminated"
        for at, line in enumerate(lines):
            if not isinstance(line, TurnLine):
                continue
            reward, last = rewards.get(at, (None, False))
            row, size = _turn(line)
            ended = None if reward is None else how if last else "none"
            yield {**place, **row, "reward": reward, "ended": ended}, size


def _turn(line: TurnLine) -> tuple[Row, int]:
    usage, hashes = line.usage, line.observation_hash
    row = {
        "tick": line.tick,
        "seat": line.seat,
        "operator": line.operator,
        "attempt": line.attempt,
        "asked": asked_at(line),
        "late": line.late,
        "legal": line.legal,
        "answer": None if line.answer is None else str(line.answer),
        "action": line.action,
        "fault": line.fault,
        "detail": line.detail,
        "thought": line.thought,
        "raw": line.raw,
        "said": line.say,
        "unsaid": None if line.unsaid is None else line.unsaid.text,
        "prompt_tokens": None if usage is None else usage.prompt,
        "completion_tokens": None if usage is None else usage.completion,
        "dropped_turns": None if usage is None else usage.dropped,
        "tools": [msgspec.structs.asdict(call) for call in line.calls],
        "weights_version": line.weights_version,
        "image_hash": hashes.get("image"),
        "vector_hash": hashes.get("vector"),
        "text_hash": hashes.get("text"),
    }
    return row, sum(len(value) for value in row.values() if isinstance(value, str))


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


def _calls(path: Path) -> Iterator[tuple[Row, int]]:
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
                    {
                        "match": line.match,
                        "game_index": line.game,
                        "void_tries": voids.get(line.match, 0),
                        "tick": line.tick,
                        "seat": line.seat,
                        "attempt": line.attempt,
                        "operator": line.operator,
                        "seconds": line.seconds,
                        "prompt_tokens": line.prompt,
                        "completion_tokens": line.completion,
                        "cached_tokens": line.cached,
                        "first_token": line.first_token,
                        "model_seconds": line.model_seconds,
                    },
                    0,
                )
