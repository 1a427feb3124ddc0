"""`arena games` and `arena operators`: the installed plugins, with their options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
import msgspec
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from arena import commands, plugins
from arena.cli import installed
from arena.cli.installed import Found
from arena.cli.lean import Lean
from arena.errors import UnplayableError
from arena.game import Game, GameFamily, GameSpec
from arena.names import Name, parse
from arena.operator import OperatorKind, determinism_of
from arena.options import Option

MOST_NAMES = 60  # most action names that are listed
DETERMINISM = {
    "deterministic": "same seeds, same answers, whatever the concurrency",
    "measured": "not promised: how often it gives the same answers has to be measured",
    "none": "not reproducible by a seed",
}
SHORTLY = {"deterministic": "deterministic", "measured": "may differ from run to run", "none": "not reproducible"}
Lines = list[tuple[str, str]]  # labels and texts


@dataclass
class Described:
    """One plugin for display: as data with --json, else in short or, in detail, as lines and texts with headings."""

    name: str
    facts: dict[str, Any]
    summary: str = ""
    short: list[str] = field(default_factory=list)  # its line in a list of many
    lines: Lines = field(default_factory=list)
    below: dict[str, str | Lines] = field(default_factory=dict)


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def games(name: str | None, as_json: bool) -> None:
    """List the games that are installed, or show NAME in detail.

    What stands behind @ is an option: arena play --game holdem@hands=5. A name may be one of a family's games
    (openspiel:tic_tac_toe) or a game in a file (./rps.py:RockPaperScissors).
    """
    if name is None:
        chosen = installed.every("game")
    else:
        parsed = parse(name)
        member = parsed.what or parsed.is_file  # of a family (openspiel:hanabi), or in a file
        chosen = [Found(name, plugins.game_class(name)) if member else installed.one("game", name)]
    show(
        [_game(found, name is not None) for found in chosen],
        name,
        as_json,
        "games",
        "--game",
        "NAME",
        "--operators",
        "A,B",
    )


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def operators(name: str | None, as_json: bool) -> None:
    """List the operators that can be seated, or show NAME in detail.

    An operator is written kind[:what][@option=value...], e.g. vlm@temperature=0 or ppo:model.zip. A name may be that
    of an operator in a file (./mine.py:KIND).
    """
    if name is None:
        chosen = installed.every("operator")
    elif (parsed := parse(name)).is_file:
        chosen = [Found(name, plugins.named_operator(parsed, name)[0])]
    else:
        chosen = [installed.one("operator", name)]
    show([_operator(found, name is not None) for found in chosen], name, as_json, "operators", "--operators", "A,B,C")


def _game(found: Found, detail: bool) -> Described:
    if found.plugin is None:
        return _broken(found)
    if isinstance(found.plugin, GameFamily):
        return _family(found.plugin)
    cls: type[Game] = found.plugin
    spec = cls.spec
    low, high = spec.seats
    views = (
        [f"image {', '.join(f'{height}x{width}' for height, width in spec.image_sizes)}"] if spec.image_sizes else []
    )
    views += [f"vector {'x'.join(map(str, spec.vector_shape))}"] if spec.vector_shape is not None else []
    out = Described(found.name, {"name": found.name, **msgspec.to_builtins(spec), "teacher": cls.teacher}, spec.summary)
    out.lines = [
        ("seats", str(low) if low == high else f"{low} to {high}"),
        ("views", "; ".join([*views, *["text"] * spec.text] or ["none"])),
        ("score in", spec.unit),
        ("licence", spec.licence),
        *([] if spec.seeded else [("seed", "changes nothing in this game")]),
        *_options(spec.options),
    ]
    given = {"image": spec.image_sizes, "vector": spec.vector_shape, "text": spec.text}
    shown_as = ", ".join(view for view, there in given.items() if there) or "no view"
    out.short = [f"{out.lines[0][1]} seats", shown_as, f"licence: {spec.licence}"]
    out.short += [] if spec.seeded else ["a seed changes nothing"]
    if detail:
        try:
            _in_detail(out, cls(cls.spec.seats[0]))
        except installed.BROKEN as error:
            out.facts["error"] = f"{type(error).__name__}: {error}"
            out.lines.append(("broken", out.facts["error"]))
    return out


def _in_detail(out: Described, game: Game) -> None:
    card, spec = game.card(), game.spec
    seats = f"{game.seats} seat{'s' * (game.seats != 1)}"
    more = len(spec.actions.names) - MOST_NAMES
    named = ", ".join(spec.actions.names[:MOST_NAMES]) + (f" ... and {more} more" if more > 0 else "")
    cost = "the game's default action" if spec.on_fault == "default" else "the match (forfeit)"
    out.facts["card"] = msgspec.to_builtins(card)
    out.lines += [
        ("actions", named),
        ("answer", card.answer_format),
        ("longest", f"{spec.horizon} ticks at {seats} with these options"),
        ("a fault", f"costs {cost}"),
        ("scripted", "plays it" if spec.baseline else "cannot play it: the game has no baseline"),
        ("teacher", "has one (makes lessons for models)" if game.teacher else "none"),
        ("prompts", ", ".join(card.prompts) or "none"),
    ]
    out.below[f"rules for {seats}"] = card.rules


def _family(family: GameFamily) -> Described:
    facts = {name: getattr(family, name) for name in ("name", "summary", "what", "default", "extra", "licence", "make")}
    lacking = installed.missing(family)
    install = commands.install(family.extra) if lacking and family.extra else None
    facts |= {"family": True, "examples": list(family.examples), "missing": lacking, "install": install}
    out = Described(family.name, facts, family.summary)
    out.lines = [(f"{family.name}:...", family.what), ("e.g.", ", ".join(family.examples))]
    if family.default:
        out.lines.append((family.name, f"alone is {family.name}:{family.default}"))
    if family.extra or lacking:
        out.lines.append(("needs", _need(family)))
    out.lines.append(("licence", family.licence))
    out.short = [
        f"e.g. {family.examples[0]}",
        *([f"needs {_need(family)}"] if lacking else []),
        f"licence: {family.licence}",
    ]
    return out


def _operator(found: Found, detail: bool) -> Described:
    if found.plugin is None:
        return _broken(found)
    kind: OperatorKind = found.plugin
    lacking = installed.missing(kind)
    facts = {name: getattr(kind, name) for name in ("name", "summary", "what", "extra", "licence", "worker", "target")}
    facts |= {"options": msgspec.to_builtins(dict(kind.options)), "interactive": kind.interactive, "missing": lacking}
    facts["install"] = commands.install(kind.extra) if lacking else None
    declared = determinism_of(kind, "", {name: option.default for name, option in kind.options.items()})
    facts["determinism"] = declared
    out = Described(found.name, facts, kind.summary)
    if kind.what:
        out.lines.append((f"{kind.name}:...", kind.what))
    out.lines += [("licence", kind.licence), ("repeats", DETERMINISM[declared])]
    if kind.extra:
        out.lines.append(("needs", _need(kind)))
    out.lines += _options(kind.options)
    out.short = [*([f"needs {_need(kind)}"] if lacking else []), f"licence: {kind.licence}", SHORTLY[declared]]
    if detail:
        games = _playable(kind)
        out.facts["games"] = dict(games)
        person = "a person: there is no deadline unless --human-timeout is given" if kind.interactive else "no person"
        runs = "a program of its own" if kind.command else f"{kind.target} in a {kind.worker} worker of its own"
        out.lines += [("waits for", person), ("runs as", runs)]
        out.below["what it is shown of each game"] = games
    return out


def _playable(kind: OperatorKind) -> Lines:
    """Each game with the views that the operator would get, or why it cannot play."""
    defaults = {name: option.default for name, option in kind.options.items()}

    def given(found: Found) -> str:
        if found.plugin is None:
            return f"cannot be imported: {found.error}"
        if isinstance(found.plugin, GameFamily):
            return "depends on the game: any that has the views it needs"
        spec: GameSpec = found.plugin.spec
        try:
            what, options = kind.stands_for(spec, "", defaults)
            shown = kind.views(spec, what, options).described()
            own = {name: str(value) for name, value in options.items() if value != defaults[name]}
            return f"{shown}, as {Name(kind.name, what, own)}" if what else shown
        except UnplayableError as error:
            return f"no: {error}"
        except installed.BROKEN as error:
            return f"not as it stands here: {error}"

    return [(found.name, given(found)) for found in installed.every("game")]


def _broken(found: Found) -> Described:
    return Described(found.name, {"name": found.name, "error": found.error}, lines=[("broken", found.error)])


def _need(plugin: OperatorKind | GameFamily) -> str:
    lacking = installed.missing(plugin)
    part = "" if plugin.requires else " (for some of its uses)"
    if not lacking:
        return f"the extra {plugin.extra}{part}, installed here"
    return f"{', '.join(lacking)}{part}, not installed here: {commands.install(plugin.extra)}"


def _options(options: Mapping[str, Option]) -> Lines:
    def value(given: object) -> str:
        return "" if given is None else f"={str(given).lower() if isinstance(given, bool) else given}"

    return [
        (f"@{name}{value(option.default)}", f"{option.help}{f' ({values})' if (values := option.values) else ''}")
        for name, option in options.items()
    ]


def show(shown: Sequence[Described], name: str | None, as_json: bool, what: str, *play: str) -> None:
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([one.facts for one in shown]), indent=2).decode())
        return
    console = Console()

    def say(text: RenderableType) -> None:
        console.print(Lean(text))

    for one in shown:
        say(Text.assemble((one.name, "bold cyan"), "  ", one.summary))
        if name is None and one.short:
            style = "yellow" if any("not installed here" in part for part in one.short) else "dim"
            say(Padding(Text(" · ".join(one.short), style), (0, 0, 0, 2)))
            continue
        say(_lines(one.lines))
        console.print()
        for heading, text in one.below.items():
            say(Rule(Text(heading), align="left"))
            say(Text(text) if isinstance(text, str) else _lines(text))
    if name is None:
        detail = f"One in detail, with its options: {commands.arena(what, 'NAME')}"
        say(Text(f"\n{detail}   Play: {commands.arena('play', *play)}"))


def _lines(lines: Lines) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", overflow="fold", min_width=10)
    table.add_column(overflow="fold")
    for label, text in lines:
        style = "red" if label == "broken" else "yellow" if "not installed here" in text else ""
        table.add_row(Text(label), Text(text, style=style))
    return Padding(table, (0, 0, 0, 2))
