"""WorkerRecords: how often the worker of one name has failed, whichever process it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from arena.channel import Channel, Died
from arena.errors import InputError, WorkerError, sentence
from arena.plan import Limits


@dataclass(slots=True)
class _Record:
    starts: int = 0  # that failed since it was last ready
    been_ready: bool = False
    times: int = 0  # that it failed by itself since it last answered, in matches that it had not failed in before
    matches: set[int] = field(default_factory=set)  # those


class WorkerRecords:
    """By the worker's name. Only workers that have failed have a record."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._records: dict[str, _Record] = {}

    def answered(self, name: str) -> None:
        """It has answered a question."""
        if (record := self._records.get(name)) is not None and record.times:
            record.times, record.matches = 0, set()

    def failed(self, name: str, matches: Sequence[int]) -> None:
        """It failed by itself, in these matches."""
        record = self._records.setdefault(name, _Record())
        record.times += not record.matches.issuperset(matches)
        record.matches.update(matches)

    def fails_always(self, name: str) -> bool:
        """It has failed in as many matches in a row as the limits allow."""
        record = self._records.get(name)
        return record is not None and record.times >= self._limits.max_failures

    def died(self, died: Died, self_inflicted: bool) -> None:
        """It has ended. WorkerError, or InputError where it refused, when it is no use to start it again."""
        name = died.channel.name
        record = self._records.setdefault(name, _Record())
        record.been_ready = record.been_ready or died.was_ready
        record.starts = 0 if died.was_ready else record.starts + 1
        if record.starts > self._limits.retries or (self_inflicted and not record.been_ready):
            error = InputError if died.refused else WorkerError
            raise error(f"{died.channel.role} {name} cannot start: {with_log(died.reason, died.channel)}")


def with_log(reason: str, channel: Channel) -> str:
    """A reason, and where the worker's log is."""
    return f"{sentence(reason)}{log(channel)}" if channel.log else reason


def log(channel: Channel) -> str:
    """Where the worker's log is, as a sentence that follows another."""
    return f" Its log: {channel.log}" if channel.log else ""
