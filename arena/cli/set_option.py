"""`--set KEY=VALUE` of every `arena train` command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def set_option(example: str) -> Callable[[F], F]:
    """The option, given as the parameter `settings`. BadParameter for a key given twice."""
    told = f"Change a setting, e.g. {example}; may be repeated."
    return click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", callback=_each_once, help=told)


def _each_once(context: click.Context, param: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for setting in given:
        key, _, value = setting.partition("=")
        if key in found:
            raise click.BadParameter(f"--set {setting}: {key} is given twice, the first time as {found[key]}")
        found[key] = value
    return tuple(given)
