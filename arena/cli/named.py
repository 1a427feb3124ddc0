"""Games and operators that a command line names, and their own options, which stand behind an @ there."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from arena.options import Option

VALUE = "VALUE"  # stands for what was not given
LISTS = ("--operators", "--opponents")  # options that take several names, with commas between
SORTS = {"--game": "game", "--operator": "operator", **dict.fromkeys(LISTS, "operator")}  # what options name


def sort_of(word: str, of_file: str) -> str:
    """Of what sort the plugin is that a word names; a file may be of any, and is `of_file` then."""
    from arena import names, plugins
    from arena.errors import InputError

    try:
        name = names.parse(word.strip(",").partition(",")[0])
    except InputError:
        return ""
    if name.is_file:
        return of_file
    return next((what for what in ("operator", "game") if name.kind in plugins.names(what)), "")


def of_named(ctx: click.Context, args: Sequence[str], option: str) -> str:
    """What was meant by an option that the command lacks, where a game or an operator on its line has it; else ""."""
    from arena import names
    from arena.lineup import PLAYERS

    typed = option.lstrip("-").replace("-", "_")
    if typed in PLAYERS and any("--seats" in param.opts for param in ctx.command.params):
        return f"Did you mean --seats {_value(args, option)}?"
    for before, word, sort in _named(ctx, args):
        known = _options(word, sort) or {}
        key = "seats" if sort == "game" and typed in PLAYERS and typed not in known else typed
        if key in known:
            name = names.parse(word)
            value, why = _value(args, option, "true" if known[key].type == "bool" else VALUE), ""
            try:
                known[key].check(key, value) if value != VALUE else None
            except ValueError as error:
                value, why = VALUE, f" ({error})"
            name.options[key] = value
            said = names.hidden(" ".join([*before, shlex.quote(str(name))]))
            return f"{key} is an option of {name.base}: did you mean {said}?{why}"
    return ""


def _named(ctx: click.Context, args: Sequence[str]) -> Iterator[tuple[list[str], str, str]]:
    """(the option, the name behind it, of what sort it is) of each game and operator, those by default included."""
    parser = ctx.command.make_parser(ctx)
    parser.ignore_unknown_options = True
    try:
        given, _, _ = parser.parse_args(list(args))
    except click.UsageError:
        return
    for param in ctx.command.params:
        option = next((one for one in param.opts if one in SORTS), "")
        if not option and not isinstance(param, click.Argument):
            continue
        found = given.get(param.name or "") or param.get_default(ctx)  # texts, a text, or click's word for none
        for text in found if isinstance(found, list | tuple) else [found]:
            for word in _words(text, option in LISTS) if isinstance(text, str) else ():
                yield [option] * bool(option), word, sort_of(word, SORTS.get(option, ""))


def _words(text: str, several: bool) -> list[str]:
    from arena import names
    from arena.errors import InputError

    try:
        return names.split(text) if several else [text]
    except InputError:
        return []


def _options(word: str, sort: str) -> Mapping[str, Option] | None:
    """The options of what a word names; None where it names nothing that is here."""
    from msgspec import structs

    from arena import names, plugins
    from arena.errors import InputError
    from arena.lineup import SEATS

    try:
        name = names.parse(word)
        if sort == "game":
            spec = plugins.game_class(name.base).spec
            return {"seats": structs.replace(SEATS, low=spec.seats[0], high=spec.seats[1]), **spec.options}
        return plugins.named_operator(name, word)[0].options if sort == "operator" else None
    except InputError:
        return None


def _value(args: Sequence[str], option: str, absent: str = VALUE) -> str:
    """What was given as its value; `absent` where nothing was."""
    at = next(at for at, word in enumerate(args) if word.partition("=")[0] == option)
    _, equals, value = args[at].partition("=")
    following = args[at + 1] if at + 1 < len(args) and not args[at + 1].startswith("-") else ""
    return (value if equals else following) or absent
