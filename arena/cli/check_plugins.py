"""`arena check game` and `arena check operator`."""

from __future__ import annotations

import click


@click.command()
def game() -> None:
    """Check a game."""


@click.command()
def operator() -> None:
    """Check an operator."""
