"""`arena new`: a working skeleton of a game, an operator or a worker, with its test."""

from __future__ import annotations

import click


@click.group()
def new() -> None:
    """Write a working skeleton with its test: a game, an operator or a worker of your own."""
