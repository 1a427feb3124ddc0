"""Seats a UCI chess engine, unmodified: Stockfish, or any other that speaks UCI on its stdin and stdout.

arena play --game pettingzoo:chess_v6 --operators ./docs/examples/uci.py@nodes=2000,random

It reads the position from the fact `fen` and answers with the engine's move, such as e2e4. The engine forgets
everything before each move and searches a fixed number of nodes with one thread, so that it plays the same game again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.canonical import hash_file
from arena.errors import InputError, UnplayableError
from arena.game import GameSpec, Views
from arena.operator import BackendError, Decision, Operator, OperatorKind, Request, WorkerContext
from arena.options import Option

PLACES = ("/usr/games/stockfish",)  # where Debian puts it, which need not be on PATH


class Engine:
    """The engine's process. It is in the worker's process group, and so ends with it."""

    def __init__(self, path: str, hash_mib: int) -> None:
        # Its standard error goes to the worker's log.
        self._process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.name = path
        for line in self._ask("uci", until="uciok"):
            if line.startswith("id name "):
                self.name = line.removeprefix("id name ")
        self._say("setoption name Threads value 1")
        self._say(f"setoption name Hash value {hash_mib}")

    def best(self, fen: str, limit: str) -> str:
        """The move that the engine likes best, as UCI writes it."""
        self._say("ucinewgame")
        self._ask("isready", until="readyok")
        self._say(f"position fen {fen}")
        return self._ask(f"go {limit}", until="bestmove")[-1].split()[1]

    def quit(self) -> None:
        self._say("quit")
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
        except BrokenPipeError:
            raise BackendError(f"the engine {self.name} has ended") from None

    def _ask(self, line: str, until: str) -> list[str]:
        """What it says up to the line that begins with `until`."""
        self._say(line)
        assert self._process.stdout is not None
        out = []
        for said in self._process.stdout:
            out.append(said.strip())
            if said.startswith(until):
                return out
        raise BackendError(f"the engine {self.name} ended without saying {until}")


class UciOperator(Operator):
    def __init__(self, start: Callable[[], Engine], limit: str) -> None:
        self._start = start
        self._engine = start()
        self._limit = limit

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._move(request) for request in requests]

    def close(self) -> None:
        self._engine.quit()

    def _move(self, request: Request) -> Decision:
        fen = (request.observation.facts or {}).get("fen")
        if fen is None:
            raise ValueError("the game gives no fact `fen`: its position cannot be told to the engine")
        try:
            return Decision(answer=self._engine.best(fen, self._limit))
        except BackendError:
            self._engine = self._start()  # for the match's next try: this one is void
            raise


def build(context: WorkerContext) -> Operator:
    options = context.options
    path = find(options["path"])

    def start() -> Engine:
        engine = Engine(path, options["hash"])
        context.status(engine.name)
        return engine

    limit = f"depth {options['depth']}" if options["depth"] else f"nodes {options['nodes']}"
    return UciOperator(start, limit)


def find(path: str) -> str:
    """The engine's file. InputError when there is none."""
    for place in (path, *(known for known in PLACES if os.path.basename(known) == path)):
        found = shutil.which(os.path.expanduser(place))
        if found is not None:
            return found
    raise InputError(
        f"uci@path={path}: no such program. Install one (Debian: apt-get install stockfish), or name it: @path=FILE"
    )


def settle(what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**options, "path": find(options["path"])}


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    if "chess" not in spec.id or not spec.text:
        raise UnplayableError(f"a UCI engine plays chess, e.g. pettingzoo:chess_v6, and not {spec.id}")
    return Views(text=True)


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    return {Path(options["path"]).name: hash_file(Path(options["path"]))}


KIND = OperatorKind(
    name="uci",
    summary="a UCI chess engine",
    target=f"{__file__}:build",
    views=views,
    settle=settle,
    fingerprint=fingerprint,
    options={
        "path": Option("str", "stockfish", "the engine: a file, or a program on PATH"),
        "nodes": Option("int", 10_000, "positions that it looks at for one move", low=1),
        "depth": Option("int", None, "search to this depth instead of a number of nodes", low=1),
        "hash": Option("int", 16, "MiB of its table", low=1),
    },
    licence="the engine's own (Stockfish: GPL-3.0; it runs as a process of its own)",
)
