"""A run as Parquet files: matches.parquet, turns.parquet and calls.parquet, for pandas, DuckDB and others.

The first two follow from the log alone, so equal runs give equal files; calls.parquet is the timing file, where all
that may differ stands. Rows are written in groups: memory does not grow with the run. Needs the extra `eval`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from arena import commands
from arena.errors import RecordError
from arena.log import EndLine, Line, MatchLine, TickLine, TurnLine
from arena.record.given import titles
from arena.record.reader import Run
from arena.record.times import TimingFile, TimingLine
from arena.report.parquet import ParquetFile, pyarrow

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = ("matches", "turns", "calls")
Columns = list[Sequence[Any]]


def write_columns(run: Run, folder: Path | None = None) -> list[Path]:
    """Writes the three files of `run` into `folder` (the run's own by default), and returns their paths.

    Matches that are over are in them, as in the tables of `arena show`. Raises MissingExtraError without pyarrow.
    """
    with ColumnsWriter(run, folder) as writer:
        for lines in run.played():
            writer.note(lines)
        for some in TimingFile(run.folder).pieces():
            writer.timed(some)
    return paths_of(run, folder)


def paths_of(run: Run, folder: Path | None = None) -> list[Path]:
    """Where the three files are, once they are written."""
    return [(folder or run.folder) / f"{name}.parquet" for name in NAMES]


def schemas() -> dict[str, pa.Schema]:
    """The columns of each file, in order. docs/run-folder.md says what they hold."""
    pa = pyarrow()
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


class ColumnsWriter:
    """Writes the three files from the lines that it is given; they take their names at its end."""

    def __init__(self, run: Run, folder: Path | None = None) -> None:
        self._run = run
        schema, paths = schemas(), paths_of(run, folder)
        self._games = titles(run.head.games)
        self._matches = ParquetFile(paths[0], schema["matches"], self._match_columns)
        self._turns = ParquetFile(paths[1], schema["turns"], self._turn_columns)
        self._calls = ParquetFile(paths[2], schema["calls"], _call_columns)
        self._voids: dict[int, int] = {}  # tries of a match that were void so far
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            for one in (self._matches, self._turns, self._calls):
                opened.enter_context(one)
            self._stack = opened.pop_all()
        return self

    def __exit__(self, *wrong: Any) -> None:
        self._stack.__exit__(*wrong)

    def note(self, lines: Sequence[Line]) -> None:
        """The lines of a whole match. RecordError where its beginning or its end is missing."""
        head, end = _ends(self._run, lines)
        rewards = turn_rewards(lines, len(head.seats))
        how = "truncated" if end.status == "truncated" else "terminated"
        turns: list[TurnLine] = []
        paid: list[float | None] = []
        ended: list[str | None] = []
        faults = [0] * len(head.seats)
        state, characters = head.state_hash, 0
        for at, line in enumerate(lines):
            if isinstance(line, TurnLine):
                turns.append(line)
                reward, last = rewards.get(at, (None, False))
                paid.append(reward)
                ended.append(None if reward is None else how if last else "none")
                faults[line.seat] += line.fault is not None
                characters += sum(map(len, filter(None, (line.thought, line.raw, line.say, line.detail))))
            elif isinstance(line, TickLine):
                state = line.state_hash
        self._turns.add([head] * len(turns), turns, paid, ended, characters=characters)
        self._matches.add((head,), (end,), (faults,), (state,))

    def timed(self, lines: Iterable[TimingLine]) -> None:
        """The next lines of the timing file."""
        calls, voids = [], []
        for line in lines:
            if line.type == "void":
                self._voids[line.match] = line.attempt
            elif line.type == "turn" and line.operator:
                calls.append(line)
                voids.append(self._voids.get(line.match, 0))
        self._calls.add(calls, voids)

    def _places(self, heads: Sequence[MatchLine]) -> Columns:
        return [
            [head.match for head in heads],
            [head.block for head in heads],
            [head.game_index for head in heads],
            [self._games[head.game_index] for head in heads],
        ]

    def _match_columns(
        self, heads: Sequence[MatchLine], ends: Sequence[EndLine], faults: Sequence[object], states: Sequence[str]
    ) -> Columns:
        return [
            *self._places(heads),
            [msgspec.json.encode(head.options, order="deterministic").decode() for head in heads],
            [head.seed for head in heads],
            [end.status for end in ends],
            [end.ticks for end in ends],
            [end.reason for end in ends],
            [head.seats for head in heads],
            [end.returns for end in ends],
            faults,
            states,
        ]

    def _turn_columns(
        self, heads: Sequence[MatchLine], turns: Sequence[TurnLine], rewards: Sequence[object], ended: Sequence[object]
    ) -> Columns:
        usages = [turn.usage for turn in turns]
        hashes = [turn.observation_hash for turn in turns]
        return [
            *self._places(heads),
            [turn.tick for turn in turns],
            [turn.seat for turn in turns],
            [turn.operator for turn in turns],
            [turn.attempt for turn in turns],
            [turn.tick if turn.asked is None else turn.asked for turn in turns],
            [turn.late for turn in turns],
            [turn.legal for turn in turns],
            [None if turn.answer is None else str(turn.answer) for turn in turns],
            [turn.action for turn in turns],
            [turn.fault for turn in turns],
            [turn.detail for turn in turns],
            [turn.thought for turn in turns],
            [turn.raw for turn in turns],
            [turn.say for turn in turns],
            [None if turn.unsaid is None else turn.unsaid.text for turn in turns],
            rewards,
            ended,
            [None if usage is None else usage.prompt for usage in usages],
            [None if usage is None else usage.completion for usage in usages],
            [None if usage is None else usage.dropped for usage in usages],
            [turn.calls and [msgspec.structs.asdict(call) for call in turn.calls] for turn in turns],
            [turn.weights_version for turn in turns],
            *([seen.get(view) for seen in hashes] for view in ("image", "vector", "text")),
        ]


def _call_columns(lines: Sequence[TimingLine], voids: Sequence[int]) -> Columns:
    return [
        [line.match for line in lines],
        [line.game for line in lines],
        voids,
        [line.tick for line in lines],
        [line.seat for line in lines],
        [line.attempt for line in lines],
        [line.operator for line in lines],
        [line.seconds for line in lines],
        [line.prompt for line in lines],
        [line.completion for line in lines],
        [line.cached for line in lines],
        [line.first_token for line in lines],
        [line.model_seconds for line in lines],
    ]


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


def _ends(run: Run, lines: Sequence[Line]) -> tuple[MatchLine, EndLine]:
    head, end = lines[0], lines[-1]
    if not isinstance(head, MatchLine) or not isinstance(end, EndLine):
        again = commands.arena("verify", run.folder)
        raise RecordError(f"{run.folder}: a match has no beginning or no end. `{again}` says which")
    return head, end
