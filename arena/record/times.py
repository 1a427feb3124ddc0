"""Reads the timing file of a run: what the operators' answers took, and why tries failed.

Lines that cannot be read (torn, or of a later version) are skipped: nothing depends on them.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from arena.operator import Usage
from arena.price import Price
from arena.spilled import Spilled

MOST_REASONS = 100  # most reasons that are counted separately
OTHER = "other reasons"
PIECE = 512  # lines


class TimingLine(msgspec.Struct):
    type: str
    match: int = 0
    game: int = 0
    tick: int = 0
    seat: int = 0
    attempt: int = 0
    operator: str = ""
    seconds: float = 0.0
    prompt: int | None = None  # tokens; None: no model was used
    completion: int | None = None
    cached: int | None = None
    first_token: float | None = None
    model_seconds: float | None = None
    dropped: int = 0
    fault: str = ""
    reason: str = ""

    @property
    def usage(self) -> Usage | None:
        """What a model took for the answer; None: none was used."""
        if self.prompt is None and self.completion is None:
            return None
        tokens = self.prompt or 0, self.completion or 0, self.cached or 0
        return Usage(*tokens, self.first_token, self.model_seconds, self.dropped)


decoder = msgspec.json.Decoder(TimingLine)


def turn_times(operator: str, seconds: float, usage: Usage | None) -> dict[str, Any]:
    """The fields of a turn's line that say what it took."""
    out: dict[str, Any] = {"operator": operator, "seconds": round(seconds, 6)}
    if usage is None:
        return out
    out["prompt"], out["completion"] = usage.prompt, usage.completion
    if usage.cached:
        out["cached"] = usage.cached
    if usage.first_token is not None:
        out["first_token"] = round(usage.first_token, 6)
    if usage.seconds is not None:
        out["model_seconds"] = round(usage.seconds, 6)
    if usage.dropped:
        out["dropped"] = usage.dropped
    return out


@dataclass(slots=True)
class Spent:
    """What an operator's answers took: all of them, those of voided tries too."""

    answers: int = 0
    seconds: float = 0.0  # waited for them
    prompt: int = 0  # tokens
    completion: int = 0
    cached: int = 0  # of `prompt`
    first_tokens: int = 0  # answers that say when their first token came
    first_seconds: float = 0.0  # seconds to those
    timed: int = 0  # answers that say how long the model took
    model_seconds: float = 0.0
    dropped: int = 0  # earlier turns that models were not told, since their context was full

    def add(self, seconds: float, usage: Usage | None) -> None:
        """One answer."""
        self.answers += 1
        self.seconds += seconds
        if usage is None:
            return
        self.prompt += usage.prompt
        self.completion += usage.completion
        self.cached += usage.cached
        self.dropped += usage.dropped
        if usage.first_token is not None:
            self.first_tokens += 1
            self.first_seconds += usage.first_token
        if usage.seconds is not None:
            self.timed += 1
            self.model_seconds += usage.seconds

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.prompt + self.completion

    @property
    def hits(self) -> float | None:
        """The share of the prompts' tokens that servers had in their caches; None where none did."""
        return min(self.cached, self.prompt) / self.prompt if self.cached and self.prompt else None

    @property
    def first_token(self) -> float | None:
        """Mean seconds to the first token; None where nothing says it."""
        return self.first_seconds / self.first_tokens if self.first_tokens else None

    @property
    def model_turn(self) -> float | None:
        """Mean seconds that the model took for an answer; None where nothing says it."""
        return self.model_seconds / self.timed if self.timed else None

    def cost(self, price: Price) -> float:
        return price.of(self.prompt, self.completion, self.cached)


@dataclass(slots=True)
class Times:
    """Sums over the run so far."""

    spent: dict[int, dict[str, Spent]] = field(default_factory=dict)  # by game and operator
    voids: dict[str, int] = field(default_factory=dict)  # tries that did not count, by "fault: reason"

    def of(self, operator: str) -> Spent:
        """Over all games."""
        out = Spent()
        for of_game in self.spent.values():
            out = out.plus(of_game.get(operator, Spent()))
        return out


class TimingReader:
    """Sums up the lines of a timing file that it is given."""

    def __init__(self) -> None:
        self.times = Times()
        self.seconds: dict[tuple[int, str], Spilled] = {}  # of every answer, by game and operator

    def note(self, line: TimingLine) -> None:
        if line.type == "turn" and line.operator:
            key = line.game, line.operator
            seconds = self.seconds.get(key)
            if seconds is None:
                seconds = self.seconds[key] = Spilled("f")
                self.times.spent.setdefault(line.game, {})[line.operator] = Spent()
            seconds.append(line.seconds)
            self.times.spent[line.game][line.operator].add(line.seconds, line.usage)
        elif line.type == "void":
            reason = f"{line.fault}: {line.reason}"
            if reason not in self.times.voids and len(self.times.voids) >= MOST_REASONS:
                reason = OTHER
            self.times.voids[reason] = self.times.voids.get(reason, 0) + 1


class TimingFile:
    """The lines of a timing file, which may grow: each is given once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "timing-000.jsonl"
        self._read = 0  # bytes

    def pieces(self) -> Iterator[list[TimingLine]]:
        """As `lines`, some hundreds at once."""
        lines = self.lines()
        while some := list(itertools.islice(lines, PIECE)):
            yield some

    def lines(self) -> Iterator[TimingLine]:
        """Those that are whole by now and were not given before; none without a file."""
        if not self._path.is_file():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            for text in file:
                if not text.endswith(b"\n"):
                    return
                self._read += len(text)
                with contextlib.suppress(msgspec.DecodeError):
                    yield decoder.decode(text)


def read_timing(folder: Path) -> TimingReader:
    """All that the timing file of a run says; nothing without a file."""
    reader = TimingReader()
    for line in TimingFile(folder).lines():
        reader.note(line)
    return reader


def used_in(lines: Iterable[bytes]) -> Iterator[tuple[str, Usage]]:
    """Of lines of a timing file: who answered, and the tokens that it took, if it took some."""
    for text in lines:
        line = decoder.decode(text)
        if line.type == "turn" and (line.prompt or line.completion):
            yield line.operator, Usage(line.prompt or 0, line.completion or 0, line.cached or 0)


def usage_of(times: Times, prices: Mapping[str, Price | None]) -> dict[str, dict[str, float | int]]:
    """usage.json: what each operator took of a model, by name; only of those that used tokens."""
    out = {}
    for operator, price in prices.items():
        spent = times.of(operator)
        if not spent.tokens:
            continue
        row: dict[str, float | int | None] = {
            "turns": spent.answers,
            "seconds": round(spent.seconds, 3),
            "prompt_tokens": spent.prompt,
            "completion_tokens": spent.completion,
            "cached_tokens": spent.cached,
            "first_token": spent.first_token,
            "model_seconds": spent.model_turn,
            "dropped_turns": spent.dropped or None,
            "cost": None if price is None else round(spent.cost(price), 9),
        }
        out[operator] = {name: value for name, value in row.items() if value is not None}
    return out
