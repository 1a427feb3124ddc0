"""A group of commands each of which is imported when it is called: not for the help of the group."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from arena.cli.given import check_given
from arena.errors import nearest


class Group(click.Group):
    """A group of commands. For an unknown command it lists those that there are, with a summary of each."""

    def summary(self, ctx: click.Context, name: str) -> str:
        """The first sentence of a command's help."""
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(limit=1000)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.summary(ctx, name)) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            ctx.fail(f"no command is called {args[0]!r}. {nearest(args[0], names)}")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not isinstance(command, click.Group):
            check_given(click.Context(command, parent=ctx, info_name=name), rest)
        return name, command, rest


class LazyGroup(Group):
    """`where`: "package.module:command" by the command's name."""

    def __init__(self, *args: Any, where: Mapping[str, str], **how: Any) -> None:
        super().__init__(*args, **how)
        self._where = dict(where)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._where)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self._where:
            return None
        module, _, attribute = self._where[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def summary(self, ctx: click.Context, name: str) -> str:
        """As in Group, read from the command's source: to import all commands takes half a second."""
        module, _, attribute = self._where[name].partition(":")
        found = importlib.util.find_spec(module)
        assert found is not None
        assert found.origin is not None
        tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
        docs = [ast.get_docstring(node) for node in tree.body if getattr(node, "name", None) == attribute]  # type: ignore[arg-type]
        return click.Command(name, help=docs[0]).get_short_help_str(limit=1000)
