"""`arena check game` and `arena check operator`: the conformance suites on any plugin by its name."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from arena import names, plugins
from arena.cli.findings import report
from arena.cli.options import option
from arena.cli.real import Seconds
from arena.cli.whole import Whole
from arena.errors import ArenaError, InputError
from arena.game import Game
from arena.plan import HERE
from arena.supervisor.runtime import use
from arena.testing.checking import Finding, findings
from arena.testing.seating import Bench, short

LIMIT = click.option(
    "--limit", default=300.0, show_default=True, type=Seconds(1), help="Seconds that one property may take."
)
JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.command()
@click.argument("spec")
@click.option("--matches", "-n", default=3, show_default=True, type=Whole(1), help="Matches a property.")
@option("--seats", type=Whole(1), show_default="as many as it takes", help="Test at most so many seats.")
@click.option("--zero-sum", is_flag=True, help="Test too that returns add up to nothing.")
@LIMIT
@JSON
def game(spec: str, matches: int, seats: int | None, zero_sum: bool, limit: float, as_json: bool) -> None:
    """Check the game SPEC: kuhn, openspiel:hearts, ./rps.py:RockPaperScissors, leduc@hands=3

    Drawing, prompts, baseline, teacher and golden playthroughs are optional: a missing one is reported as not tested.
    Exit code: 0 all that was tested passes, 1 something fails, 2 no such game.
    """
    name = names.parse(spec)
    cls = plugins.game_class(name.base)
    given = dict(name.options)
    runtime = given.pop("runtime", cls.runtime)
    with _usable(f"game {spec!r}"):
        options = _options(cls, given, spec)
    facts = cls.spec
    low, high = facts.seats
    takes = f"{low} seats" if low == high else f"{low} to {high} seats"
    title = f"game {facts.id}, version {facts.version}, {takes} ({_origin(name, cls)})"
    elsewhere = use.interpreter(runtime) if runtime not in (None, HERE) else None
    notes = [f"tested in its runtime {runtime}, whose Python is {elsewhere}"] if elsewhere else []
    where = name.absolute  # the suite runs in another folder
    attributes = {"name": where.base, "options": (options,), "matches": matches, "zero_sum": zero_sum}
    attributes["most_seats"] = seats
    code = _folder(cls.__module__)

    def test(on_start: Callable[[str], None]) -> Iterator[Finding]:
        return findings("GameSuite", attributes, code=code, limit=limit, on_start=on_start, interpreter=elsewhere)

    report(title, notes, test, as_json)


@click.command()
@click.argument("spec")
@click.option("--game", "-g", "games", multiple=True, help="A game that it should play; may be repeated.")
@click.option("--matches", "-n", default=3, show_default=True, type=Whole(1), help="Matches a property.")
@LIMIT
@JSON
def operator(spec: str, games: tuple[str, ...], matches: int, limit: float, as_json: bool) -> None:
    """Check the operator SPEC: random, ppo:model.zip, ./mine.py, ./mine.py:KIND@depth=2

    Without --game it is tested at some of the installed games that it accepts.
    Exit code: 0 all that was tested passes, 1 something fails, 2 no such operator or game.
    """
    with _usable(f"operator {spec!r}"):
        bench = Bench(spec, games)
    kind = bench.kind
    played = ", ".join(short(name) for name in bench.names) or "no installed game"
    title = f"operator {kind.name} ({spec}), {bench.determinism}, at {played}"
    notes = [f"refuses {name}: {why}" for name, why in bench.refused.items()]
    attributes = {"name": bench.name, "games": tuple(bench.names), "matches": matches}
    code = _folder(kind.views.__module__)

    def test(on_start: Callable[[str], None]) -> Iterator[Finding]:
        return findings("OperatorSuite", attributes, code=code, limit=limit, on_start=on_start)

    report(title, notes, test, as_json)


@contextmanager
def _usable(who: str) -> Iterator[None]:
    """Turns an exception before the suite can begin into one message: raises ArenaError."""
    try:
        yield
    except plugins.BROKEN as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise ArenaError(
            f"{who} cannot even be looked at: {type(error).__name__}: {error} ({last.filename}, line {last.lineno}, in "
            f"{last.name}). Repair that first; to refuse, raise ValueError (a game) or UnplayableError (an operator)"
        ) from error


def _options(cls: type[Game], given: Mapping[str, str], spec: str) -> dict[str, Any]:
    """The options, checked by the game. Raises InputError if it does not accept them."""
    try:
        return {name: cls(cls.spec.seats[0], given).options[name] for name in given}
    except ValueError as error:
        raise InputError(f"game {spec!r}: {error}") from error


def _origin(name: names.Name, cls: type[Game]) -> str:
    return name.base if name.is_file else f"{cls.__module__}:{cls.__qualname__}"


def _folder(module: str) -> Path | None:
    """The folder of the plugin's code."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return Path(path).resolve().parent if path else None
