"""`arena serve`: games for programs outside of the arena."""

from __future__ import annotations

import click

from arena.cli.lazy import LazyGroup

COMMANDS = {"openenv": "arena.cli.serve_openenv:openenv"}


@click.group(cls=LazyGroup, where=COMMANDS)
def serve() -> None:
    """Serve a game to trainers that are programs of their own."""
