"""`arena check worker -- COMMAND...`: does this program speak the protocol?"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click

from arena import commands, names, plugins
from arena.cli.findings import report
from arena.cli.options import option
from arena.cli.real import Seconds
from arena.cli.whole import Whole
from arena.errors import InputError, sentence
from arena.game import Game
from arena.protocol.trace import Trace
from arena.testing.checking import Finding
from arena.testing.worker_suite import worker_findings
from arena.text import printable


@click.command()
@click.option("--game", "-g", default="leduc", show_default=True, help="The game it is asked about: NAME@option=value.")
@option("--seats", type=Whole(1), show_default="its fewest", help="Seats at that game.")
@option("--what", show_default="the command", help="What WELCOME says stands behind the operator's colon.")
@click.option("--options", default="{}", show_default=True, help="The operator's options in WELCOME, as a JSON object.")
@click.option("--timeout", default=30.0, show_default=True, type=Seconds(0.1, 86400), help="Seconds for an answer.")
@click.option("--startup", default=60.0, show_default=True, type=Seconds(0.1, 86400), help="Seconds till it is ready.")
@click.option("--logs", type=click.Path(path_type=Path, file_okay=False), help="Folder to keep what it prints.")
@click.option("--trace", type=click.Path(path_type=Path), help="New file: every message, a JSON line each.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
def worker(
    game: str,
    seats: int | None,
    what: str | None,
    options: str,
    timeout: float,
    startup: float,
    logs: Path | None,
    trace: Path | None,
    as_json: bool,
    command: tuple[str, ...],
) -> None:
    """Check a worker in any language against docs/protocol.md.

    \b
    arena check worker -- python tiny_worker.py
    arena check worker --game pettingzoo:tictactoe_v3 -- node worker.mjs

    The command is started several times, in this folder. Exit code 1 when a check fails.
    """
    if not command:
        raise InputError(
            "nothing to check: put the worker's command behind --, e.g. "
            + commands.arena("check", "worker", "--", "node", "w.mjs")
        )
    if shutil.which(command[0]) is None:
        why = "is not a file that can be run" if os.path.exists(command[0]) else "is neither a file nor on PATH"
        hint = "" if "/" in command[0] else f". A program of this folder is written ./{command[0]}"
        if command[0].endswith(".py") and os.path.exists(command[0]):
            hint = f". Name the program that runs it: python {command[0]}"
        raise InputError(f"cannot start {command[0]!r}: it {why}{hint}")
    table = _game(game, seats)
    given = _options(options)

    with ExitStack() as stack:
        noted = stack.enter_context(closing(Trace(trace))) if trace is not None else None

        def test(on_start: Callable[[str], None]) -> Iterator[Finding]:
            return worker_findings(
                command,
                table,
                what=what,
                options=given,
                logs=logs,
                patience=timeout,
                startup=startup,
                on_start=on_start,
                trace=noted,
            )

        report(f"worker {printable(shlex.join(command))}", [f"asked about {game}"], test, as_json)


def _game(text: str, seats: int | None) -> Game:
    name = names.parse(text)
    cls = plugins.game_class(name.base)
    try:
        return cls(cls.spec.seats[0] if seats is None else seats, dict(name.options))
    except ValueError as error:
        raise InputError(f"game {text!r}: {error}") from error


def _options(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InputError(
            f"--options {text!r} is not JSON: {sentence(error)} Expected e.g. '{{\"depth\": 3}}'"
        ) from error
    if not isinstance(given, dict):
        raise InputError(f"--options {text!r}: expected a JSON object, e.g. '{{\"depth\": 3}}'")
    return given
