"""Numbers on the command line that are not whole."""

from __future__ import annotations

import math
from typing import Any

import click


class Real(click.FloatRange):
    """A finite number: not `inf` or `nan`."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite {self.name}.", param, ctx)
        return number


class Seconds(Real):
    """A finite number of seconds."""

    name = "number of seconds"

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """The word in a command's help."""
        return "SECONDS"
