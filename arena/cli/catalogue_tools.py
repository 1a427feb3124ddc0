"""`arena tools`: the tools that models may use within a turn."""

from __future__ import annotations

from typing import Any

import click

from arena import plugins
from arena.cli import installed
from arena.cli.catalogue import Described, show
from arena.cli.installed import Found
from arena.names import parse
from arena.tool import Tool


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For machines: with the JSON Schema of each tool's arguments.")
def tools(name: str | None, as_json: bool) -> None:
    """List the tools that are installed, or show NAME alone.

    A model uses them where its operator names them: vlm:MODEL@tools=zoom+notes. A name may be that of a function in a
    file (./mine.py:odds).
    """
    if name is None:
        chosen = installed.every("tool")
    else:
        chosen = [Found(name, plugins.tool(name)) if parse(name).is_file else installed.one("tool", name)]
    show([_tool(found) for found in chosen], name, as_json, "tools", "--operators", "vlm:MODEL@tools=A+B")


def _tool(found: Found) -> Described:
    if found.plugin is None:
        return Described(found.name, {"name": found.name, "error": found.error}, lines=[("broken", found.error)])
    tool: Tool = found.plugin
    about = " ".join(tool.description.split())
    facts: dict[str, Any] = {"name": tool.name, "description": about, "arguments": tool.schema}
    facts |= {"picture": tool.sees, "repeatable": tool.repeatable}
    gives = "a picture, for models that see" if tool.sees else "a text"
    again = "makes its calls again" if tool.repeatable else "cannot make its calls again"
    lines = [("is told", about), ("takes", tool.told()), ("gives", gives), ("verify", again)]
    return Described(tool.name, facts, short=[about, f"gives {gives}"], lines=lines)
