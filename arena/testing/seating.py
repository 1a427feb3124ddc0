"""Bench: an operator and the games that it is tested at, from names or from its OperatorKind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from arena import names, plugins
from arena.errors import InputError
from arena.evaluate.schedules import one_table
from arena.game import Game
from arena.lineup import check_views
from arena.operator import Determinism, OperatorKind, check_options, determinism_of
from arena.plan import Entry, Limits, Plan

FIRST = ("kuhn", "leduc", "connect_four")  # tried before the others: small, and different from each other
MOST = 3  # games that are chosen when none is named
SEED = 7


class Bench:
    """`given` is a name (`./mine.py:KIND@depth=2`) or a kind; `games` are names, or empty: some that it accepts.

    InputError says what is wrong with which name; UnplayableError when it refuses a game that was named.
    """

    def __init__(self, given: str | OperatorKind, games: Sequence[str] = ()) -> None:
        name = names.parse(given.name if isinstance(given, OperatorKind) else given)
        self.given = str(name)
        if "at" in name.options:
            raise InputError(f"operator {given!r}: a remote worker cannot be checked from here; leave @at= out")
        name = name.absolute
        self.name = str(name)
        if isinstance(given, OperatorKind):
            self.kind, self.what = given, ""
        else:
            self.kind, self.what = plugins.named_operator(name, given)
        plugins.require_modules(f"operator {self.kind.name!r}", self.kind.requires, self.kind.extra)
        self._asked = check_options(self.kind, name.options, self.given)
        self.options = self.kind.resolve_options(None, self.what, self._asked)
        self.refused: dict[str, str] = {}  # reasons by game, for games that were not named
        self.tables: dict[str, tuple[type[Game], Mapping[str, str]]] = {}  # by the game's name, absolute
        for game in games:
            where = names.parse(game).absolute
            self.tables[str(where)] = plugins.game_class(where.base), where.options
            self.entry(str(where))
        if not games:
            self._choose()

    @property
    def determinism(self) -> Determinism:
        """The declared determinism of the operator with its options."""
        return determinism_of(self.kind, self.what, self.options)

    @property
    def names(self) -> list[str]:
        return list(self.tables)

    def game(self, name: str) -> Game:
        """The game of this name, at its fewest seats."""
        cls, options = self.tables[name]
        try:
            return cls(cls.spec.seats[0], options)
        except ValueError as error:
            raise InputError(f"game {name!r}: {error}") from error

    def entry(self, game: str) -> Entry:
        """The operator's entry for this game. Raises UnplayableError if it cannot play it."""
        spec = self.game(game).spec
        what, options = self.kind.stands_for(spec, self.what, self._asked)
        options = self.kind.resolve_options(spec, what, options)
        views = self.kind.views(spec, what, options)
        check_views(spec, views, self.given)
        return Entry(self.kind.name, self.kind, what, options, self.given, views)

    def plan(self, game: str, matches: int, ticks: int) -> Plan:
        """A plan in which the operator has every seat."""
        entry, table = self.entry(game), self.game(game)
        labels = names.numbered([entry.name] * table.seats)
        entries = [replace(entry, name=label) for label in labels]
        limits = Limits(max_ticks=ticks, max_reasks=1)
        return one_table(table, game, entries, seed=SEED, matches=matches, limits=limits)

    def _choose(self) -> None:
        """Some installed games that it accepts."""
        known = plugins.names("game")
        for name in sorted(known, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
            if len(self.tables) == MOST:
                return
            try:
                cls = plugins.game_class(name)
                if cls.runtime is not None:
                    continue  # it cannot be played in this process
                self.tables[name] = cls, {}
                self.entry(name)
            except InputError as error:  # a family needs more than its name; or it is one that cannot be played
                if self.tables.pop(name, None):
                    self.refused[name] = str(error)


def short(game: str) -> str:
    """A game's name for messages: a file without its folder."""
    return game.rpartition("/")[2]
