"""An mkdocs hook: the reference of the command line, made from the commands themselves, so that it is never stale."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click

from arena.cli.main import cli

MARK = "<!-- every command -->"
SPECIAL = re.compile(r"([\\*_\[\]<>|#])")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The mark becomes a section for every command."""
    return markdown.replace(MARK, "\n".join(_command(cli, "arena", None))) if MARK in markdown else markdown


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    depth = len(context.command_path.split())
    slug = context.command_path.replace(" ", "-")
    yield f"{'#' * min(depth + 1, 4)} `{context.command_path}` {{ #{slug} data-toc-label='{context.command_path}' }}\n"
    yield from _words(command.help or "")
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {pieces}\n```\n"
    yield from _options(command, context)
    if isinstance(command, click.Group):
        names = command.list_commands(context)
        found = [(one, command.get_command(context, one)) for one in names]
        shown = [(one, sub) for one, sub in found if sub is not None and not sub.hidden]
        if shown:
            yield "| command | what |\n| --- | --- |"
            for one, sub in shown:
                yield f"| [`{one}`](#{slug}-{one}) | {_plain(sub.get_short_help_str(200))} |"
            yield ""
        for one, sub in shown:
            yield from _command(sub, one, context)


def _words(text: str) -> Iterator[str]:
    """A help text; a paragraph that begins with click's \\b keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text).replace("\f", "")):
        if paragraph.startswith("\b"):
            yield f"```text\n{paragraph.strip(chr(8)).strip(chr(10))}\n```\n"
        else:
            yield f"{_plain(paragraph)}\n"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [one.get_help_record(context) for one in command.get_params(context) if "--help" not in one.opts]
    rows = [record for record in records if record is not None]
    if rows:
        yield "| option | what |\n| --- | --- |"
        for names, what in rows:
            yield f"| `{names.replace('|', '&#124;')}` | {_plain(what)} |"
        yield ""


def _plain(text: str) -> str:
    """The text as Markdown that means the same; what stands in backticks stays as it is."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else SPECIAL.sub(r"\\\1", part) for part in parts)
