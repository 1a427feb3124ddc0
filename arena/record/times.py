"""Reads the timing file of a run: what the operators' answers took, and why tries failed."""

from __future__ import annotations

import contextlib
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


class _Line(msgspec.Struct):
    type: str
    game: int = 0
    operator: str = ""
    seconds: float = 0.0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    first_token: float | None = None
    model_seconds: float | None = None
    dropped: int = 0
    fault: str = ""
    reason: str = ""


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


def read_times(path: Path) -> Times:
    """The sums of the timing file; empty without a file. Unreadable lines are skipped."""
    out = Times()
    decoder = msgspec.json.Decoder(_Line)
    if not path.is_file():
        return out
    with path.open("rb") as file:
        for text in file:
            try:
                line = decoder.decode(text)
            except msgspec.DecodeError:  # torn, or of a later version: nothing depends on it
                continue
            if line.type == "turn" and line.operator:
                of_game = out.spent.setdefault(line.game, {})
                usage = Usage(
                    line.prompt, line.completion, line.cached, line.first_token, line.model_seconds, line.dropped
                )
                of_game.setdefault(line.operator, Spent()).add(line.seconds, usage)
            elif line.type == "void":
                reason = f"{line.fault}: {line.reason}"
                if reason not in out.voids and len(out.voids) >= MOST_REASONS:
                    reason = OTHER
                out.voids[reason] = out.voids.get(reason, 0) + 1
    return out


def answer_seconds(path: Path) -> dict[tuple[int, str], Spilled]:
    """The seconds of every answer, by game and operator; empty without a file. Unreadable lines are skipped."""
    out: dict[tuple[int, str], Spilled] = {}
    decoder = msgspec.json.Decoder(_Line)
    if not path.is_file():
        return out
    with path.open("rb") as file:
        for text in file:
            with contextlib.suppress(msgspec.DecodeError):  # torn, or of a later version
                line = decoder.decode(text)
                if line.type == "turn":
                    out.setdefault((line.game, line.operator), Spilled("f")).append(line.seconds)
    return out


def used_in(lines: Iterable[bytes]) -> Iterator[tuple[str, Usage]]:
    """Of lines of a timing file: who answered, and the tokens that it took, if it took some."""
    decoder = msgspec.json.Decoder(_Line)
    for text in lines:
        line = decoder.decode(text)
        if line.type == "turn" and (line.prompt or line.completion):
            yield line.operator, Usage(line.prompt, line.completion, line.cached)


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
