"""`arena serve openenv`: a seat of a game as an OpenEnv environment."""

from __future__ import annotations

import socket

import click
from rich.console import Console

from arena import commands, names, plugins
from arena.cli.options import option
from arena.cli.real import Seconds
from arena.cli.sizes import Size
from arena.cli.whole import Whole
from arena.errors import InputError, MissingExtraError
from arena.plan import Limits
from arena.serve.table import Table, served_plan

SECONDS = Seconds(0, min_open=True)


@click.command()
@click.option("--game", required=True, help="As for `arena play`: holdem@seats=3, ./rps.py, openspiel:hanabi.")
@option(
    "--opponents",
    default="",
    show_default="none, where there is no other seat",
    help="Operators of the other seats, in seat order: one for all, or one each.",
)
@option("--seat", type=Whole(0), show_default="what reset says, or its seed", help="Of every player.")
@option(
    "--view",
    "views",
    multiple=True,
    type=click.Choice(["text", "vector", "image"]),
    show_default="text, or else vector, or else image: what the game has",
    help="What is shown; may be repeated.",
)
@option("--size", type=Size(), show_default="the game's first", help="Of the picture, in pixels: 128x128.")
@click.option("--sessions", type=Whole(1), default=64, show_default=True, help="Players at once, at most.")
@click.option("--seed", type=Whole(0), default=0, show_default=True, help="Of matches whose reset gives none.")
@click.option("--reask", type=Whole(0), default=0, show_default=True, help="Times that a bad answer is asked again.")
@click.option("--max-ticks", type=Whole(1), help="Cut matches after this many ticks.")
@click.option("--deadline", type=SECONDS, default=120.0, show_default=True, help="Seconds that an opponent has.")
@option("--idle", type=SECONDS, show_default="never", help="End sessions that were silent for so many seconds.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=Whole(0, 65535), default=8000, show_default=True, help="The port; 0: any that is free.")
def openenv(
    game: str,
    opponents: str,
    seat: int | None,
    views: tuple[str, ...],
    size: tuple[int, int] | None,
    sessions: int,
    seed: int,
    reask: int,
    max_ticks: int | None,
    deadline: float,
    idle: float | None,
    host: str,
    port: int,
) -> None:
    """Serve one seat of a game as an OpenEnv environment; operators fill the other seats.

    A session is one environment and an episode one match; many sessions play at once. `reset(seed=..., seat=...)`
    makes a match repeatable. Whoever reaches the address may play: it is yours alone unless you say another.
    """
    if missing := [module for module in ("openenv", "uvicorn") if not plugins.installed(module)]:
        raise MissingExtraError(
            f"arena serve openenv needs {' and '.join(missing)}, not installed here. OpenEnv wants older packages than "
            f"this arena has, so give it an environment of its own: {commands.install_apart('openenv', './openenv')}. "
            "Then call ./openenv/bin/arena"
        )
    limits = Limits(max_ticks=max_ticks, max_reasks=reask, deadline=deadline)
    plan = served_plan(game, names.split(opponents) if opponents else [], limits, views=views, size=size)
    table = Table(plan, players=sessions, seed=seed, seat=seat)
    notes = Console(stderr=True)
    with _listening(host, port) as listening:
        notes.print("starting the opponents", highlight=False)
        table.start()
        from arena.serve.openenv import serve

        where = f"http://{host}:{listening.getsockname()[1]}"
        notes.print(f"serving {game} at {where}", highlight=False, markup=False, soft_wrap=True)
        try:
            serve(table, listening, idle)
        finally:
            table.close()
    if table.failure is not None:
        raise table.failure


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: {error.strerror or error}; name another with --port") from error
