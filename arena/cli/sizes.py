"""Sizes of pictures on the command line."""

from __future__ import annotations

import re
from typing import Any

import click


class Size(click.ParamType[tuple[int, int]]):
    """A picture's height and width: 128x128."""

    name = "HxW"

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """The word in a command's help."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", value)
        if found is None:
            self.fail(f"{value!r}: expected height x width in pixels, such as 128x128.", param, ctx)
        return int(found[1]), int(found[2])
