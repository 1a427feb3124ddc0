"""`arena check`: the conformance suites, on any plugin by its name."""

from __future__ import annotations

import importlib.util

import click

from arena.cli.lazy import LazyGroup

COMMANDS = {
    "game": "arena.cli.check_plugins:game",
    "operator": "arena.cli.check_plugins:operator",
    "worker": "arena.cli.check_worker:worker",
}


def _there() -> dict[str, str]:
    return {name: at for name, at in COMMANDS.items() if importlib.util.find_spec(at.partition(":")[0]) is not None}


@click.group(cls=LazyGroup, where=_there())
def check() -> None:
    """Check a plugin of yours: what holds, what fails and why, how to repair it, and what was not tested.

    \b
    arena check game ./rps.py                       a game in a file
    arena check game openspiel:hearts               any game by its name
    arena check operator ./mine.py --game leduc     an operator, at a game that it should play
    """
