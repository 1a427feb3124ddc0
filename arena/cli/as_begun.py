"""A training that goes on does so as the command said that began it; that need not be said again."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource


def goes_on(begun_by: Callable[[Path], str], named: Collection[str]) -> type[click.Command]:
    """Of a command with --out and --resume: `begun_by` finds in the folder by which command that training was begun.

    Its parameters count where a command that goes on says nothing of its own; what may be given several times counts
    as if it stood behind them. A command that gives one of `named` stands for itself, and so does one that goes on with
    what another command, or a script, began.
    """

    class GoesOn(click.Command):
        def invoke(self, ctx: click.Context) -> Any:
            if ctx.params["resume"] and not any(ctx.params[one] for one in named):
                words = shlex.split(begun_by(Path(ctx.params["out"])))
                if words[:3] == ["arena", "train", self.name]:
                    was = self.make_context(self.name, [*words[3:], "--out", ctx.params["out"]]).params
                    ctx.params = {name: _either(ctx, name, was[name]) for name in ctx.params}
            return super().invoke(ctx)

    return GoesOn


def _either(ctx: click.Context, name: str, was: Any) -> Any:
    now = ctx.params[name]
    if isinstance(now, tuple):
        return (*was, *now)
    return now if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE else was
