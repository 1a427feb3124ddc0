"""Seats a UCI chess engine, unmodified: Stockfish, or any other that speaks UCI on its stdin and stdout.

arena play --game pettingzoo:chess_v6 --operators ./docs/examples/uci.py@nodes=2000,random

It reads the position from the fact `fen` and answers with the engine's move, such as e2e4. The engine forgets
everything before each move and searches a fixed number of nodes with one thread, so that it plays the same game again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.canonical import hash_file
from arena.errors import InputError, UnplayableError
from arena.game import GameSpec, Views
from arena.operator import BackendError, Decision, Operator, OperatorKind, Request, WorkerContext
from arena.options import Option

LONGEST = 65_536  # bytes of a line that are looked at
TAIL = 300  # bytes of its standard error that are shown when it has ended
PATIENCE = 1.0  # seconds in which it ends by itself
PLACES = ("/usr/games/stockfish",)  # where Debian puts it, which need not be on PATH


class Engine:
    """The engine's process. BackendError when it has ended, with the last that it said on its standard error."""

    def __init__(self, path: str, hash_mib: int) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen([path], stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise BackendError(f"cannot start the engine {path}: {error.strerror}") from error
        self._errors = b""  # the end of it
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.name = path
        self._say("uci")
        while (line := self._line()) != "uciok":
            if line.startswith("id name "):
                self.name = line.removeprefix("id name ")
        self._say("setoption name Threads value 1")
        self._say(f"setoption name Hash value {hash_mib}")

    def best(self, fen: str, limit: str) -> str | None:
        """What the engine names as its best move, as UCI writes moves; None when it names nothing."""
        self._say("ucinewgame")
        self._say("isready")
        while self._line() != "readyok":
            pass
        self._say(f"position fen {fen}")
        self._say(f"go {limit}")
        while (words := self._line().split())[:1] != ["bestmove"]:
            pass
        return words[1] if len(words) > 1 else None

    def quit(self) -> None:
        """End it: it may be deaf, dead, or write for ever."""
        with contextlib.suppress(BackendError):
            self._say("quit")
        for end in (self._process.stdin, self._process.stdout):
            assert end is not None
            with contextlib.suppress(OSError):
                end.close()  # what it still writes fails from here on
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None

    def _line(self) -> str:
        """Its next line; of a very long one the beginning. Engines write names in any encoding."""
        assert self._process.stdout is not None
        line = part = self._process.stdout.readline(LONGEST)
        while part and not part.endswith(b"\n"):
            part = self._process.stdout.readline(LONGEST)
        if not part:
            raise self._ended()
        return line.decode(errors="replace").strip()

    def _listen(self) -> None:
        """Keep the end of what it writes to its standard error, however much that is."""
        assert self._process.stderr is not None
        while said := os.read(self._process.stderr.fileno(), LONGEST):
            self._errors = (self._errors + said)[-TAIL:]

    def _ended(self) -> BackendError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        self._listener.join(PATIENCE)
        last = self._errors.decode(errors="replace").strip()
        return BackendError(f"the engine {self.name} has ended (code {self._process.returncode}). {last}".strip())


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
            return Decision(answer=self._engine.best(fen, self._limit))  # no move, or "(none)": its own fault
        except BackendError:
            self._engine.quit()
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


def resolve_options(spec: GameSpec | None, what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
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
    resolve_options=resolve_options,
    fingerprint=fingerprint,
    options={
        "path": Option("str", "stockfish", "the engine: a file, or a program on PATH"),
        "nodes": Option("int", 10_000, "positions that it looks at for one move", low=1),
        "depth": Option("int", None, "search to this depth instead of a number of nodes", low=1),
        "hash": Option("int", 16, "MiB of its table", low=1),
    },
    licence="the engine's own (Stockfish: GPL-3.0; it runs as a process of its own)",
)
