"""`arena games` and `arena operators`: what is installed, and what each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from arena import commands
from arena.cli import installed
from arena.errors import UnplayableError
from arena.game import Game, GameFamily, GameSpec
from arena.names import parse
from arena.operator import Determinism, OperatorKind, determinism_of
from arena.options import Option

MOST_NAMES = 60  # of actions are listed
DETERMINISM = {
    "deterministic": "same seeds, same answers, whatever the concurrency",
    "measured": "not promised: how often it gives the same answers has to be measured",
    "none": "not reproducible by a seed",
}


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def games(name: str | None, as_json: bool) -> None:
    """List the games that are installed, or show NAME in detail.

    What stands behind @ is an option: arena play --game holdem@hands=5. A name may be one of a family's games
    (openspiel:tic_tac_toe) or a game in a file (./rps.py:RockPaperScissors).
    """
    if name is None:
        chosen = installed.games()
    else:
        parsed = parse(name)
        chosen = [installed.member(name) if parsed.what or parsed.is_file else installed.game(name)]
    console = Console()
    if as_json:
        _print_json([_game_facts(found, detail=name is not None) for found in chosen])
    elif name is None:
        for found in chosen:
            _show(console, found.name, _game_lines(found), found.error)
        console.print(
            Text(
                f"One in detail: {commands.arena('games', 'NAME')}   "
                f"Play: {commands.arena('play', '--game', 'NAME', '--operators', 'A,B')}"
            )
        )
    else:
        _show(console, name, _game_lines(chosen[0]), chosen[0].error)
        if isinstance(chosen[0].plugin, GameFamily):
            _family_detail(console, chosen[0].plugin)
        elif chosen[0].plugin is not None:
            _game_detail(console, chosen[0].plugin)


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def operators(name: str | None, as_json: bool) -> None:
    """List the operators that can be seated, or show NAME in detail.

    An operator is written kind[:what][@option=value...], e.g. vlm@temperature=0 or ppo:model.zip
    """
    chosen = installed.operators() if name is None else [installed.operator(name)]
    console = Console()
    if as_json:
        _print_json([_operator_facts(found, detail=name is not None) for found in chosen])
    elif name is None:
        for found in chosen:
            _show(console, found.name, _operator_lines(found), found.error)
        console.print(
            Text(
                f"One in detail: {commands.arena('operators', 'NAME')}   "
                f"Seat them: {commands.arena('play', '--operators', 'A,B,C')}"
            )
        )
    else:
        _show(console, name, _operator_lines(chosen[0]), chosen[0].error)
        if chosen[0].plugin is not None:
            _operator_detail(console, chosen[0].plugin)


# --- games -----------------------------------------------------------------------------------------------------------


def _game_lines(found: installed.Found) -> list[tuple[str, str]]:
    if found.plugin is None:
        return []
    if isinstance(found.plugin, GameFamily):
        return _family_lines(found.plugin)
    spec: GameSpec = found.plugin.spec
    low, high = spec.seats
    lines = [
        ("", spec.summary),
        ("seats", str(low) if low == high else f"{low} to {high}"),
        ("views", "; ".join(_views(spec))),
        ("score in", spec.unit),
        ("licence", spec.licence),
    ]
    if not spec.seeded:
        lines.append(("seed", "changes nothing in this game"))
    return [*lines, *_option_lines(spec.options)]


def _views(spec: GameSpec) -> list[str]:
    out = []
    if spec.image_sizes:
        out.append("image " + ", ".join(f"{height}x{width}" for height, width in spec.image_sizes))
    if spec.vector_shape is not None:
        out.append("vector " + "x".join(map(str, spec.vector_shape)))
    return [*out, *["text"] * spec.text] or ["none"]


def _game_facts(found: installed.Found, *, detail: bool) -> dict[str, Any]:
    if found.plugin is None:
        return {"name": found.name, "error": found.error}
    if isinstance(found.plugin, GameFamily):
        return _family_facts(found.plugin)
    cls: type[Game] = found.plugin
    facts = {
        "name": found.name,
        **msgspec.to_builtins(cls.spec),
        "teacher": cls.teacher,
    }
    try:
        return {**facts, "card": msgspec.to_builtins(installed.make_game(cls).card())} if detail else facts
    except installed.BROKEN as error:
        return {**facts, "error": f"{type(error).__name__}: {error}"}


def _game_detail(console: Console, cls: type[Game]) -> None:
    try:
        game = installed.make_game(cls)
        card = game.card()
    except installed.BROKEN as error:
        _lines(console, [("broken", f"{type(error).__name__}: {error}")])
        return
    spec = game.spec
    cost = "the game's default action" if spec.on_fault == "default" else "the match (forfeit)"
    _lines(
        console,
        [
            ("actions", _some(spec.actions.names)),
            ("answer", card.answer_format),
            ("longest", f"{spec.horizon} ticks at {_seats(game)} with these options"),
            ("a fault", f"costs {cost}"),
            ("scripted", "plays it" if spec.baseline else "cannot play it: the game has no baseline"),
            ("teacher", "has one (makes lessons for models)" if cls.teacher else "none"),
            ("prompts", ", ".join(card.prompts) or "none"),
        ],
    )
    console.print(Rule(Text(f"rules for {_seats(game)}"), align="left"), Text(card.rules))


def _seats(game: Game) -> str:
    return f"{game.seats} seat{'s' * (game.seats != 1)}"


def _some(names: Sequence[str]) -> str:
    """The names; of very many only the first."""
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" ... and {more} more" if more > 0 else "")


# --- families of games -----------------------------------------------------------------------------------------------


def _family_lines(family: GameFamily) -> list[tuple[str, str]]:
    lines = [("", family.summary), (f"{family.name}:...", family.what), ("e.g.", ", ".join(family.examples))]
    if family.default:
        lines.append((family.name, f"alone is {family.name}:{family.default}"))
    if family.extra or installed.missing(family):
        lines.append(("needs", _need(family)))
    return [*lines, ("licence", family.licence)]


def _family_facts(family: GameFamily) -> dict[str, Any]:
    lacking = installed.missing(family)
    return {
        "name": family.name,
        "summary": family.summary,
        "family": True,
        "what": family.what,
        "examples": list(family.examples),
        "default": family.default,
        "extra": family.extra,
        "missing": lacking,
        "install": commands.install(family.extra) if lacking and family.extra else None,
        "licence": family.licence,
        "make": family.make,
    }


def _family_detail(console: Console, family: GameFamily) -> None:
    console.print(Rule(Text("try one"), align="left"))
    for example in family.examples:
        console.print(Text(commands.arena("games", example)), soft_wrap=True)
    play = commands.arena("play", "--game", family.examples[0], "--operators", "random,random")
    console.print(Text(play), soft_wrap=True)


# --- operators -------------------------------------------------------------------------------------------------------


def _operator_lines(found: installed.Found) -> list[tuple[str, str]]:
    if found.plugin is None:
        return []
    kind: OperatorKind = found.plugin
    lines = [("", kind.summary)]
    if kind.what:
        lines.append((f"{kind.name}:...", kind.what))
    lines += [("licence", kind.licence), ("repeats", DETERMINISM[_declared(kind)])]
    if kind.extra:
        lines.append(("needs", _need(kind)))
    return [*lines, *_option_lines(kind.options)]


def _declared(kind: OperatorKind) -> Determinism:
    """What it says of its answers where every option has its default."""
    return determinism_of(kind, "", {name: option.default for name, option in kind.options.items()})


def _need(kind: OperatorKind | GameFamily) -> str:
    lacking = installed.missing(kind)
    part = "" if kind.requires else " (for some of its uses)"
    if not lacking:
        return f"the extra {kind.extra}{part}, installed here"
    return f"{', '.join(lacking)}{part}, not installed here: {commands.install(kind.extra)}"


def _operator_facts(found: installed.Found, *, detail: bool) -> dict[str, Any]:
    if found.plugin is None:
        return {"name": found.name, "error": found.error}
    kind: OperatorKind = found.plugin
    lacking = installed.missing(kind)
    facts = {
        "name": found.name,
        "summary": kind.summary,
        "what": kind.what,
        "options": msgspec.to_builtins(dict(kind.options)),
        "extra": kind.extra,
        "missing": lacking,
        "install": commands.install(kind.extra) if lacking else None,
        "determinism": _declared(kind),
        "licence": kind.licence,
        "interactive": kind.interactive,
        "worker": kind.worker,
        "target": kind.target,
    }
    return {**facts, "games": dict(_playable(kind))} if detail else facts


def _playable(kind: OperatorKind) -> list[tuple[str, str]]:
    """Each game with what the operator would be given of it, or why it cannot play."""
    from arena.cli.replay_pages import views_given

    out = []
    defaults = {name: option.default for name, option in kind.options.items()}
    for found in installed.games():
        if found.plugin is None:
            out.append((found.name, f"cannot be imported: {found.error}"))
            continue
        if isinstance(found.plugin, GameFamily):
            out.append((found.name, "depends on the game: any that has the views it needs"))
            continue
        try:
            out.append((found.name, views_given(kind.views(found.plugin.spec, "", defaults))))
        except UnplayableError as error:
            out.append((found.name, f"no: {error}"))
        except installed.BROKEN as error:
            out.append((found.name, f"not as it stands here: {error}"))
    return out


def _operator_detail(console: Console, kind: OperatorKind) -> None:
    person = "a person: there is no deadline unless --human-timeout is given" if kind.interactive else "no person"
    runs = "a program of its own" if kind.command else f"{kind.target} in a {kind.worker} worker of its own"
    _lines(console, [("waits for", person), ("runs as", runs)])
    console.print(Rule(Text("what it is shown of each game"), align="left"))
    _lines(console, _playable(kind))


# --- how things are printed ------------------------------------------------------------------------------------------


def _option_lines(options: Mapping[str, Option]) -> list[tuple[str, str]]:
    out = []
    for name, option in options.items():
        default = "" if option.default is None else f"={_value(option.default)}"
        out.append((f"@{name}{default}", f"{option.help}{_bounds(option)}"))
    return out


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bounds(option: Option) -> str:
    if option.choices:
        return f" ({', '.join(option.choices)})"
    if option.type == "bool":
        return " (true, false)"
    low, high = (None if bound is None else _bound(bound) for bound in (option.low, option.high))
    if low is not None and high is not None:
        return f" ({low} to {high})"
    return f" ({low} or more)" if low is not None else f" ({high} or less)" if high is not None else ""


def _bound(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def _show(console: Console, name: str, lines: Sequence[tuple[str, str]], error: str) -> None:
    summary = lines[0][1] if lines else ""
    console.print(Text.assemble((name, "bold cyan"), "  ", summary))
    if error:
        lines = [("", ""), ("broken", error)]
    _lines(console, lines[1:])
    console.print()


def _lines(console: Console, lines: Sequence[tuple[str, str]]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", overflow="fold", min_width=10)
    table.add_column(overflow="fold")
    for label, text in lines:
        style = "red" if label == "broken" else "yellow" if "not installed here" in text else ""
        table.add_row(Text(label), Text(text, style=style))
    console.print(Padding(table, (0, 0, 0, 2)))


def _print_json(value: Any) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
