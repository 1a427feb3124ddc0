"""operators.json: what operators found out about themselves when they were ready, such as a server and its version.

By operator, each different set of facts once: there are several where a worker that took another's place, or the run
when it went on, found something else. None of it enters the log, a seed or a score.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from arena.errors import RecordError
from arena.record.documents import read_json

MOST = 20  # different sets that are kept of an operator

Facts = dict[str, list[dict[str, str]]]


def path_of(folder: Path) -> Path:
    return folder / "operators.json"


def read_facts(folder: Path) -> Facts:
    """By operator; empty where none said anything. RecordError for a damaged file."""
    try:
        return read_json(path_of(folder), Facts)
    except FileNotFoundError:
        return {}
    except RecordError as error:
        raise type(error)(f"{error}. No score depends on it: remove it to go on without what stood there") from error


def usable_facts(folder: Path) -> tuple[Facts, str | None]:
    """As `read_facts`; of a damaged file none, and what is wrong with it, in words."""
    try:
        return read_facts(folder), None
    except RecordError as error:
        return {}, f"{error}. What operators said of themselves when they were ready is missing here."


def add(facts: Facts, operator: str, said: Mapping[str, str]) -> bool:
    """Whether that was new."""
    of_operator = facts.setdefault(operator, [])
    if dict(said) in of_operator or len(of_operator) >= MOST:
        return False
    of_operator.append(dict(said))
    return True
