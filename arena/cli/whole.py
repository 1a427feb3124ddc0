"""Whole numbers on the command line."""

from __future__ import annotations

from typing import Any

import click

from arena.canonical import LARGEST


class Whole(click.IntRange):
    """A whole number from a lowest one on. It fits in 64 bits: it goes into records and into messages."""

    name = "whole number"

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """The word in a command's help."""
        return "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number = int(super().convert(value, param, ctx))
        if number > LARGEST:
            self.fail(f"{value} is too large: expected at most {LARGEST} (2**63 - 1).", param, ctx)
        return number
