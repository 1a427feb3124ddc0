"""`--option KEY=VALUE`, repeated."""

from __future__ import annotations

from collections.abc import Sequence

import click


def pairs(options: Sequence[str]) -> dict[str, str]:
    """The values by their keys. BadParameter for a key that is given twice, or without a value."""
    out: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"--option {option}: expected KEY=VALUE, e.g. --option entropy=0.05")
        if key in out:
            raise click.BadParameter(f"--option {option}: {key} is given twice, the first time as {out[key]}")
        out[key] = value
    return out
