"""`arena check worker -- COMMAND...`: does this program speak the protocol?"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena import commands, names, plugins
from arena.errors import InputError, sentence
from arena.game import Game
from arena.protocol.trace import Trace
from arena.testing.worker_suite import CHECKS, Result, check_worker
from arena.text import printable

MARKS = {"passed": Text("pass", "green"), "failed": Text("FAIL", "bold red"), "skipped": Text("-", "dim")}


@click.command()
@click.option("--game", "-g", default="leduc", show_default=True, help="The game it is asked about: NAME@option=value.")
@click.option("--seats", type=click.IntRange(1), help="Seats at that game. Default: its fewest.")
@click.option("--what", help="What WELCOME says stands behind the operator's colon. Default: the command.")
@click.option("--options", default="{}", help="The operator's options in WELCOME, as a JSON object.")
@click.option(
    "--timeout", default=30.0, show_default=True, type=click.FloatRange(0.1, 86400), help="Seconds for an answer."
)
@click.option(
    "--startup", default=60.0, show_default=True, type=click.FloatRange(0.1, 86400), help="Seconds till it is ready."
)
@click.option("--logs", type=click.Path(path_type=Path, file_okay=False), help="Folder to keep what it prints.")
@click.option("--trace", type=click.Path(path_type=Path), help="New file: every message, a JSON line each.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
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
        raise InputError(f"cannot start {command[0]!r}: it {why}{hint}")
    if not math.isfinite(timeout) or not math.isfinite(startup):
        raise InputError("--timeout and --startup are finite numbers of seconds")
    table = _game(game, seats)
    given = _options(options)
    console = Console(stderr=True)
    done: list[Result] = []

    def show(result: Result) -> None:
        done.append(result)
        if console.is_terminal and not as_json:
            console.print(f"{len(done)}/{len(CHECKS)} {result.title}", style="dim", end="\r", soft_wrap=True)

    with ExitStack() as stack:
        results = check_worker(
            command,
            table,
            what=what,
            options=given,
            logs=logs,
            patience=timeout,
            startup=startup,
            on_result=show,
            trace=stack.enter_context(closing(Trace(trace))) if trace is not None else None,
        )
    if as_json:
        print(msgspec.json.encode(results).decode())
    else:
        _print(results, " ".join(command))
    if any(result.status == "failed" for result in results):
        sys.exit(1)


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
            f"--options {text!r} is no JSON: {sentence(error)} Expected e.g. '{{\"depth\": 3}}'"
        ) from error
    if not isinstance(given, dict):
        raise InputError(f"--options {text!r}: expected a JSON object, e.g. '{{\"depth\": 3}}'")
    return given


def _print(results: list[Result], command: str) -> None:
    console = Console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for result in results:
        text = Text(result.title)
        if result.status == "failed":
            text.append(f"\nexpected  {result.expected}\ncame      {result.came}\nrepair    {result.repair}\n")
            text.append(f"see       docs/protocol.md, section {result.section}")
        elif result.status == "skipped":
            text.append(f"  (not tried; {result.came})", "dim")
        table.add_row(MARKS[result.status], text)
    console.print(table)
    count = {status: sum(result.status == status for result in results) for status in MARKS}
    console.print(
        f"{printable(command)}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} not tried",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
