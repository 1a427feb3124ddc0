"""run.json: the plan of a run and what it was played with, as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from arena import commands
from arena.errors import RecordError
from arena.figures import plural
from arena.game import Views
from arena.names import parse
from arena.plan import PlanSpec
from arena.price import Price, price_of
from arena.record.documents import read_json

REFERENCES = ("random", "scripted")  # kinds that a game brings, whatever they see: nobody's rivals
FORMAT = 3  # version of the run folder's format


class NeededFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file, or a folder of files, that a run needs, identified by its content."""

    hash: str
    files: dict[str, str] = {}  # of a folder: the hashes of those that are needed, by name; `hash` is over this
    whole: bool = False  # of a folder: it has no other files, but for hidden ones
    beside: dict[str, str] = {}  # of a file: what belongs to it and stands beside it, likewise
    name: str
    path: str  # the original: looked at first, and only used while it has this hash
    kept: bool = False  # a copy is in the run folder: files/HASH/NAME
    where: str = ""  # of an operator's: what names it: "kind", "what", or an option
    written: str = ""  # and how it is written there


class OperatorHead(msgspec.Struct, frozen=True, kw_only=True):
    """An operator of the pool as it sits at one game."""

    name: str
    kind: str
    what: str
    options: dict[str, Any]
    given: str
    views: Views
    file: str | None  # the hash of the file that defines it; None: it is installed
    fingerprint: dict[str, str]
    files: tuple[NeededFile, ...]
    at: str | None
    determinism: str
    threads: int | None
    person: str | None = None  # who it is, for a person: an id, or if they have none the operator's name

    @property
    def price(self) -> Price | None:
        """What its model's tokens cost; None where nobody said it."""
        return price_of(self.options)

    @property
    def stood_for(self) -> str | None:
        """What its name alone meant at this game (OperatorKind.stands_for), in full; None where the user named it."""
        named = parse(self.given)
        if named.what or not self.what or self.at is not None:
            return None
        adapter = self.options.get("adapter")
        return str(replace(named, what=self.what, options=named.options | ({"adapter": adapter} if adapter else {})))


class GameHead(msgspec.Struct, frozen=True, kw_only=True):
    """A game of the plan."""

    name: str  # the plugin's name; for a game in a file, with the file's name alone
    version: int
    options: dict[str, Any]  # resolved; a file is replaced by its hash
    seats: int
    unit: str
    returns: tuple[float, float] | None
    seeded: bool
    file: NeededFile | None  # the file that defines it; None: it is installed
    files: dict[str, NeededFile]  # the user's files that it reads, by the game's word for each
    runtime: str | None
    engines: dict[str, str]  # versions of its engines, by distribution
    measures: bool = False  # it measures something in its matches: arena/measures.py
    operators: tuple[OperatorHead, ...]  # the pool, as it sits at this game

    @property
    def unlike(self) -> str | None:
        """A sentence if operators that are compared were shown different views; None if not."""
        rivals = [operator for operator in self.operators if operator.kind not in REFERENCES]
        return differ("were shown different views", [(one.name, one.views.described()) for one in rivals])


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """run.json."""

    format: int = FORMAT
    plan: PlanSpec
    part: tuple[int, int] | None = None  # of a run that is played in parts: its first match, and the one after its last
    arena: str
    protocol: str
    python: str
    people: bool  # a person was in the pool
    hears: bool = False  # the schedule hears results
    schedule: NeededFile | None = None  # the file that the schedule is defined in
    games: tuple[GameHead, ...]

    @property
    def first(self) -> int:
        """The first match of the log."""
        return self.part[0] if self.part is not None else 0

    @property
    def share(self) -> range | None:
        """The part of the plan that this run plays; None: the whole plan."""
        return range(*self.part) if self.part is not None else None

    @property
    def deals(self) -> Literal["mirrored", "own"] | None:
        """Where a person sat: whether each deal came in every seat order, or once."""
        return None if not self.people else "mirrored" if self.plan.mirror else "own"

    def met(self, at: int) -> list[str]:
        """Sentences on what people had met, at the game of this number, before the run."""
        game = self.games[at]
        people = [operator for operator in game.operators if operator.person is not None]
        if not people or not game.seeded:
            return []
        known = [one.name for one in people if one.options.get("person") is not None]
        out = []
        if known:
            count = sum(stop - first for first, stop in (self.plan.skipped[at] if self.plan.skipped else ()))
            left = f"{plural(count, 'deal was', 'deals were')} left out" if count else "there were none"
            out.append(f"no deal that {', '.join(known)} had met in another run: {left}")
        if unknown := [one.name for one in people if one.name not in known]:
            out.append(f"what {', '.join(unknown)} had met in other runs is not known, without @person=")
        return out

    def pairings(self, game: GameHead) -> str | None:
        """A sentence on who met whom at `game`, unless all operators met."""
        operators = len(game.operators)
        if self.hears:
            return f"schedule {self.plan.schedule}: who met whom, and how long, followed from results"
        if operators > game.seats and parse(self.plan.schedule or "round_robin").base != "round_robin":
            return f"schedule {self.plan.schedule}: who met whom stands in the log"
        if operators > game.seats:
            lineups = math.comb(operators, game.seats)
            return f"{self.plan.schedule}: {plural(lineups, 'line-up')} of {game.seats} from a pool of {operators}"
        return None

    @property
    def count(self) -> int | None:
        """The number of planned matches; None: as many as the schedule gives."""
        if self.hears:
            return None
        return self.part[1] - self.part[0] if self.part is not None else self.plan.matches


def differ(what: str, pairs: Sequence[tuple[str, str]]) -> str | None:
    """A sentence that operators (names with values) are not alike; None if their values are equal."""
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(value, []).append(name)
    if len(groups) < 2:
        return None
    said = "; ".join(f"{', '.join(names)}: {value}" for value, names in groups.items())
    return f"not like with like: operators {what} ({said})"


def read_head(folder: Path) -> Head:
    """Reads the head of the run in `folder`. Raises RecordError if it is no run, is damaged, or of another version."""
    path = folder / "run.json"
    if not path.is_file():
        raise RecordError(f"{folder} is not a run folder: {_instead(folder)}")
    return read_json(path, Head, format=FORMAT)


def _instead(folder: Path) -> str:
    """What is there in place of a run, and what to name instead."""
    if folder.is_dir():
        runs = sorted(folder.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
        if runs:
            held = "one," if len(runs) == 1 else f"{len(runs)} of them, the newest of which is"
            return f"it holds {held} {runs[-1].parent}. Name that one"
        if below := sorted(folder.glob("*/*/run.json"), key=lambda path: path.stat().st_mtime):
            places = ", ".join(sorted({str(path.parent.parent) for path in below}))
            return f"it has no run.json. Runs are in {places}, the newest is {below[-1].parent}. Name that one"
        why = "it has no run.json"
    elif folder.exists():
        if (folder.parent / "run.json").is_file():
            return f"it is a file of one. Name the folder: {folder.parent}"
        why = "it is a file"
    else:
        why = "it does not exist"
    return f"{why}. `{commands.arena('play', '--out', 'DIR')}` writes one"
