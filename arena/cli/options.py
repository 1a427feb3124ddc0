"""Options of the commands, whose help says in one way what they are where nothing is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from click.types import OptionHelpExtra

F = TypeVar("F", bound=Callable[..., Any])


class Option(click.Option):
    """`show_default` in words stands in the help as any other default: click would put it into brackets of its own.

    required_without: the option beside which this one may be missing. The command itself refuses it elsewhere.
    """

    def __init__(self, *args: Any, required_without: str = "", **how: Any) -> None:
        super().__init__(*args, **how)
        self._without = required_without

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        extra = super().get_help_extra(ctx)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default
        if self._without:
            extra["required"] = f"required without {self._without}"
        return extra


def option(*names: str, **how: Any) -> Callable[[F], F]:
    """As click.option."""
    return click.option(*names, cls=Option, **how)
