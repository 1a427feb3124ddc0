"""`arena check`: the conformance suites, on any plugin by its name."""

from __future__ import annotations

import click

from arena.cli.lazy import LazyGroup

COMMANDS = {
    "game": "arena.cli.check_plugins:game",
    "operator": "arena.cli.check_plugins:operator",
    "tool": "arena.cli.check_tool:tool",
    "worker": "arena.cli.check_worker:worker",
}


@click.group(cls=LazyGroup, where=COMMANDS)
def check() -> None:
    """Check your plugin: what passes, what fails and why, how to repair it, and what was not tested.

    Games and operators are tested by pytest, the extra `testing`; tools and workers need no extra.

    \b
    arena check game ./rps.py                     a game in a file
    arena check game openspiel:hearts             any game by its name
    arena check operator ./mine.py --game leduc   an operator, at this game
    arena check tool ./mine.py:odds               a tool for models
    arena check worker -- node worker.mjs         a worker in any language
    """
