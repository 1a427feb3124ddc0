"""From names to a Plan: finds the plugins, checks that each operator can play the game, resolves its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from arena import names, plugins, realtime
from arena.canonical import LARGEST, whole_seed
from arena.errors import InputError, UnplayableError
from arena.game import Game, GameSpec, Views
from arena.operator import check_options
from arena.plan import Entry, Limits, Plan
from arena.supervisor import remote
from arena.supervisor.describe import game_of


def build_plan(
    game: str,
    operators: Sequence[str],
    *,
    seed: int = 0,
    matches: int = 1,
    limits: Limits | None = None,
    mirror: bool | None = None,
) -> Plan:
    """A Plan from the names a user gives. InputError (or a kind of it) says what is wrong with which name.

    `mirror`: every deal is played in every seat order. None: unless a person sits there, who remembers a deal.
    """
    if not 1 <= matches <= LARGEST:
        raise InputError(f"{matches} matches: expected 1 to {LARGEST} (2**63 - 1)")
    name = _absolute(names.parse(game))
    limits = limits or Limits()
    options: dict[str, Any] = dict(name.options)
    asked = options.pop("runtime", None)
    try:
        table, runtime = game_of(name.base, len(operators), options, asked, max(limits.making, limits.deadline))
    except ValueError as error:
        raise InputError(f"game {game!r}: {error}") from error
    realtime.check(table, limits)
    lineup = build_lineup(table, operators)
    plan = Plan(type(table), name.base, table.options, lineup, whole_seed(seed), matches, limits, runtime)
    return replace(plan, mirror=not plan.people if mirror is None else mirror)


def _absolute(name: names.Name) -> names.Name:
    """The same name with a file's whole path: so that a worker, and who verifies elsewhere, finds it."""
    return replace(name, kind=str(Path(name.kind).expanduser().resolve())) if name.is_file else name


def build_lineup(game: Game, operators: Sequence[str]) -> tuple[Entry, ...]:
    """One Entry a name, in slot order."""
    parsed = [names.parse(text) for text in operators]
    # Where it runs is not who it is: the log is the same wherever its operators run, and run.json says where.
    labels = names.numbered([_label(name) for name in parsed])
    out = []
    for name, label, text in zip(parsed, labels, operators, strict=True):
        given = str(replace(name, options=masked)) if (masked := names.masked(name.options)) != name.options else text
        if name.is_file:
            kind, what = plugins.operator_in_file(name.kind, name.what), ""
        else:
            kind, what = plugins.operator_kind(name.kind), name.what
        if what and not kind.what:
            raise InputError(f"operator {given!r}: {kind.name} takes nothing after a colon")
        asked = dict(name.options)
        at = asked.pop("at", None)
        if at is None:
            plugins.require_modules(f"operator {kind.name!r}", kind.requires, kind.extra)
        options: Mapping[str, Any] = check_options(kind, asked, given)
        if at is not None:
            remote.check_address(at, given)
            kind, what, options = remote.resolve_options(kind, at, what, options, game.spec)
        else:
            options = kind.resolve_options(game.spec, what, options)
        views = kind.views(game.spec, what, options)
        check_views(game.spec, views, given)
        out.append(Entry(label, kind, what, options, given, views, at))
    return tuple(out)


def spectator(given: str) -> Entry:
    """Who shows the matches to people who only watch, from what --watch was given: `web`, `web@port=8080`."""
    name = names.parse(given)
    if name.is_file or name.kind != "web" or name.what:
        raise InputError(f"--watch {given}: expected web (a page in the browser), or web@port=PORT")
    kind = plugins.operator_kind("human")
    plugins.require_modules(f"--watch {given}", kind.requires, kind.extra)
    options = kind.resolve_options(None, "watch", check_options(kind, name.options, given))
    return Entry("spectators", kind, "watch", options, given, Views())


def _label(name: names.Name) -> str:
    options = names.masked(name.options)
    options.pop("at", None)
    return str(replace(name, options=options))


def check_views(spec: GameSpec, views: Views, given: str) -> None:
    """UnplayableError when the game does not offer a view that the operator asked for."""
    missing = []
    if views.image is not None and tuple(views.image) not in spec.image_sizes:
        sizes = ", ".join(f"{h}x{w}" for h, w in spec.image_sizes) or "none"
        missing.append(f"an image of {views.image[0]}x{views.image[1]} (there is: {sizes})")
    if views.vector and spec.vector_shape is None:
        missing.append("a vector")
    if views.text and not spec.text:
        missing.append("text")
    if missing:
        raise UnplayableError(
            f"operator {given!r} cannot play {spec.id}: the game does not give {' and '.join(missing)}"
        )
