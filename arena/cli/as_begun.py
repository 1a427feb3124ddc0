"""A training that goes on does so as the command said that began it; that need not be said again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from arena.errors import InputError


class Begun(NamedTuple):
    """How a training was begun."""

    by: str  # the command
    folder: str  # in which it was typed; "": not known


def goes_on(begun: Callable[[Path], Begun], named: Collection[str]) -> type[click.Command]:
    """Of a command with --out and --resume: `begun` finds in --out how that training was begun.

    The parameters of then count where a command that goes on says nothing of its own, by a parameter or by the --set of
    that name. A command that gives one of `named` stands for itself, and so does one that goes on with what another
    command, or a script, began. InputError where files that were named from another folder are not found from here.
    """

    class GoesOn(click.Command):
        def invoke(self, ctx: click.Context) -> Any:
            if ctx.params["resume"] and ctx.params["out"] and not any(ctx.params[one] for one in named):
                by, folder = begun(Path(ctx.params["out"]))
                words = _words(by)
                if words[:3] == ["arena", "train", self.name]:
                    _check_folder(words[3:], folder)
                    was = self.make_context(ctx.info_name, [*words[3:], "--out", ctx.params["out"]], ctx.parent).params
                    ctx.params = _merged(ctx, was)
            return super().invoke(ctx)

    return GoesOn


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # it is no command
        return []


def _check_folder(words: list[str], folder: str) -> None:
    then, now = Path(folder), Path.cwd()
    if not folder or then == now:
        return
    for word in words:
        file = Path(word.partition("@")[0].partition(".py:")[0])
        if not file.is_absolute() and file.name and (then / file).exists():
            raise InputError(
                f"this training was begun in {then}, by a command that names {word} there. Go on from that folder, or "
                "say again what is trained"
            )


def _merged(ctx: click.Context, was: dict[str, Any]) -> dict[str, Any]:
    """The parameters of now and of then; of a setting that is given in several ways the last one counts."""
    key = {setting.partition("=")[0]: setting for setting in (*was["settings"], *ctx.params["settings"])}
    out = {**was, "settings": tuple(key.values())}
    for name, value in ctx.params.items():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE and name != "settings":
            out[name] = value
            key.pop(name, None)
        elif any(setting.partition("=")[0] == name for setting in ctx.params["settings"]):
            out[name] = None  # which would count before it
    return out | {"settings": tuple(key.values())}
