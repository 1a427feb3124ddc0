"""`--presets` of every command that takes `--preset`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

FIRST = re.compile(r"(?:\([^)]*\)|.)*?(?=[.:;]\s|\.?$)")  # the first sentence, to its colon at most

F = TypeVar("F", bound=Callable[..., Any])


def presets_option(presets: Callable[[], Mapping[str, Path]]) -> Callable[[F], F]:
    """The option: it lists the presets, files by name, with the first sentence of each one's comment, and ends."""

    def show(ctx: click.Context, param: click.Parameter, given: bool) -> None:
        if not given or ctx.resilient_parsing:
            return
        formatter = ctx.make_formatter()
        formatter.write_dl([(name, _summary(path)) for name, path in presets().items()])
        click.echo(formatter.getvalue().rstrip())
        ctx.exit()

    told = "List the presets, and exit."
    return click.option("--presets", is_flag=True, is_eager=True, expose_value=False, callback=show, help=told)


def _summary(path: Path) -> str:
    """The first sentence of the comment at the top of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    text = " ".join(line.removeprefix("#").strip() for line in lines[:first])
    found = FIRST.match(text)
    return found[0] if found else text
