"""One operator on the command line."""

from __future__ import annotations

from typing import Any

import click

from arena import names
from arena.errors import InputError


class OneOperator(click.ParamType[str]):
    """The name of one operator, as it was given: not several with commas between them."""

    name = "operator"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if "," in text and not _is_name(text):
            shown = names.hidden(text)
            others = {one for known in (ctx.command.params if ctx else ()) for one in known.opts}
            how = f" For several there is --operators {shown}" if "--operators" in others else ""
            self.fail(f"{shown!r}: expected one operator, without commas.{how}", param, ctx)
        return text

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """The word in a command's help."""
        return "NAME"


def _is_name(text: str) -> bool:
    """Whether it is one name all the same: a value in it may have commas."""
    try:
        names.parse(text)
    except InputError:
        return False
    return True
