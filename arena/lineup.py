"""From names to a Plan: finds the plugins, checks that each operator can play each game, resolves its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from arena import names, people, plugins, prompts, realtime
from arena.canonical import LARGEST, whole_seed
from arena.errors import InputError, UnplayableError
from arena.evaluate import schedules
from arena.game import Game, GameSpec, Views
from arena.operator import check_options
from arena.options import Option
from arena.plan import Entry, Limits, Plan, PlannedGame, PlanSpec, Schedule, Setting
from arena.supervisor import remote
from arena.supervisor.describe import facts_of, game_of

PLAYERS = ("players", "player", "seat", "num_players", "n_players")  # what others call them
SEATS = Option("int", None, "seats; without it as many as the game takes and operators are there", 1)


def resolve(spec: PlanSpec) -> Plan:
    """Returns the Plan of `spec`. Raises InputError, or a subclass, that says what is wrong with which name."""
    if spec.matches is not None and not 1 <= spec.matches <= LARGEST:
        raise InputError(f"{spec.matches} matches: expected 1 to {LARGEST} (2**63 - 1)")
    for field, given in (("games", spec.games), ("operators", spec.operators)):
        if isinstance(given, str):
            shown = names.hidden(given)
            raise InputError(f"{field}={shown!r}: expected a list of names, e.g. {field}=[{shown!r}]")
    if not spec.games or not spec.operators:
        raise InputError("a plan has at least one game and one operator")
    return assemble(spec, [_game(given, spec) for given in spec.games])


def assemble(spec: PlanSpec, found: Sequence[FoundGame], schedule: Schedule | None = None) -> Plan:
    """Returns the Plan of these games and this schedule."""
    games = tuple(
        PlannedGame(one.name, one.game, build_lineup(one.game, spec.operators), one.runtime, _whole(given))
        for one, given in zip(found, spec.games, strict=True)
    )
    for number, game in enumerate(games):
        realtime.check(game.facts, spec.limits)
        _check_templates(game, spec.limits)
        if (game.digest, game.facts.seats) in {(other.digest, other.facts.seats) for other in games[:number]}:
            raise InputError(f"game {game.given!r} is given twice")
    remembered = any(entry.kind.interactive for entry in games[0].operators)
    mirror = not remembered if spec.mirror is None else spec.mirror
    seats, returns = (tuple(one) for one in zip(*((g.facts.seats, g.facts.spec.returns) for g in games), strict=True))
    persons = frozenset(at for at, entry in enumerate(games[0].operators) if entry.person is not None)
    setting = Setting(len(spec.operators), seats, mirror, returns, persons)
    schedule = schedule or schedules.find(spec.schedule and _whole(spec.schedule), setting)
    matches = schedule.matches if spec.matches is None else spec.matches
    return Plan(games, schedule, whole_seed(spec.seed), matches, spec.limits, spec.twins, spec.skipped)


def build_plan(
    game: str,
    operators: Sequence[str],
    *,
    seed: int = 0,
    matches: int = 1,
    limits: Limits | None = None,
    mirror: bool | None = None,
) -> Plan:
    """`resolve` of one game."""
    limits = limits or Limits()
    return resolve(
        PlanSpec(games=(game,), operators=tuple(operators), seed=seed, matches=matches, limits=limits, mirror=mirror)
    )


class FoundGame(NamedTuple):
    """A game that was found."""

    name: str  # the plugin's name without options; for a file its absolute path
    game: Game
    runtime: str | None  # the runtime that hosts it


def _game(given: str, spec: PlanSpec) -> FoundGame:
    found = find_game(given, len(spec.operators), spec.limits)
    if found.game.seats > len(spec.operators):
        raise InputError(f"game {names.hidden(given)!r} has {found.game.seats} seats: give as many operators, or more")
    return found


def find_game(given: str, players: int, limits: Limits) -> FoundGame:
    """The game of this name, with the seats that the name says, or else as many as it takes of `players`.

    Raises InputError, or a subclass, that says what is wrong with the name.
    """
    name = names.parse(given).absolute
    options: dict[str, Any] = dict(name.options)
    runtime = options.pop("runtime", None)
    try:
        seats = SEATS.check("seats", options.pop("seats", None))
        at_most = players if seats is None else seats
        game, runtime = game_of(name.base, at_most, options, runtime, max(limits.making, limits.deadline))
        if game.seats != at_most and seats is not None:
            raise ValueError(f"{game.spec.id} takes {game.spec.seats[0]} to {game.spec.seats[1]} seats, not {seats}")
    except ValueError as error:
        meant = ". The number of players is @seats=" if set(options) & set(PLAYERS) else ""
        raise InputError(f"game {names.hidden(given)!r}: {error}{meant}") from error
    return FoundGame(name.base, game, runtime)


def _check_templates(game: PlannedGame, limits: Limits) -> None:
    """InputError when a prompt of the user's own names what is no fact of the game, as far as that is known here."""
    for entry in game.operators:
        if entry.at is not None or (text := entry.kind.template(entry.what, entry.options)) is None:
            continue
        facts = facts_of(game.name, game.facts, max(limits.making, limits.deadline))
        try:
            if facts is not None:
                prompts.check_facts(text, facts)
        except ValueError as error:
            raise InputError(f"operator {entry.given!r} cannot play {game.facts.spec.id}: {error}") from None


def _whole(given: str) -> str:
    return str(names.parse(given).absolute)


def build_lineup(game: Game, operators: Sequence[str]) -> tuple[Entry, ...]:
    """One Entry for each name, in order."""
    as_given = [names.parse(text) for text in operators]
    parsed = [people.recorded(name) for name in as_given]
    # Below here nobody knows what a person with a pseudonym is called.
    operators = [
        text if name == given else str(name) for text, name, given in zip(operators, parsed, as_given, strict=True)
    ]
    # The address is not part of the name: the log does not depend on where operators run; run.json says it.
    labels = names.numbered([_label(name) for name in parsed])
    out = []
    for name, label, text in zip(parsed, labels, operators, strict=True):
        given = str(replace(name, options=masked)) if (masked := names.masked(name.options)) != name.options else text
        kind, what = plugins.named_operator(name, given)
        asked = dict(name.options)
        at = asked.pop("at", None)
        if at is None:
            plugins.require_modules(f"operator {kind.name!r}", kind.requires, kind.extra)
        options: Mapping[str, Any] = check_options(kind, asked, given)
        if at is not None:
            remote.check_address(at, given)
            kind, what, options = remote.resolve_options(kind, at, what, options, game.spec)
        else:
            what, options = kind.stands_for(game.spec, what, options)
            options = kind.resolve_options(game.spec, what, options)
        views = kind.views(game.spec, what, options)
        check_views(game.spec, views, given)
        out.append(Entry(label, kind, what, options, given, views, at))
    _check_people(out)
    return tuple(out)


def _check_people(entries: Sequence[Entry]) -> None:
    seated = [entry.person for entry in entries if entry.person is not None]
    for person in seated:
        if seated.count(person) > 1:
            raise InputError(f"@person={person} is given twice: a person sits there once, and remembers what they saw")


def spectator(given: str) -> Entry:
    """Who shows the matches to people who only watch, from what --watch was given: `web`, `web@port=8080`."""
    name = names.parse(given)
    if name.is_file or name.kind != "web" or name.what:
        raise InputError(f"--watch {names.hidden(given)}: expected web (a page in the browser), or web@port=PORT")
    kind = plugins.operator_kind("human")
    plugins.require_modules(f"--watch {given}", kind.requires, kind.extra)
    options = kind.resolve_options(None, "watch", check_options(kind, name.options, given))
    return Entry("spectators", kind, "watch", options, given, Views())


def _label(name: names.Name) -> str:
    options = names.masked(name.options)
    options.pop("at", None)
    return str(replace(name, options=options))


def check_views(spec: GameSpec, views: Views, given: str) -> None:
    """Raises UnplayableError if the game lacks a view that the operator wants."""
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
