"""Asks another process to describe a game whose code is not ours, and ends that process when it hangs."""

from __future__ import annotations

import functools
import os
import select
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from arena import described, errors, files, plugins
from arena.described import DescribedGame, Description, Question, Refusal, Told
from arena.errors import GameError
from arena.game import Game
from arena.plan import HERE, NOT_HOSTED
from arena.supervisor.interrupts import Interrupts
from arena.supervisor.process import WorkerProcess


def game_of(
    name: str, seats: int, options: Mapping[str, Any], runtime: str | None, deadline: float
) -> tuple[Game, str | None]:
    """The game of this name with at most so many seats, and the runtime that hosts it (None: it is played here).

    `runtime` is what was asked for: None is the game's own; NOT_HOSTED is this process. The code of games that are not
    ours runs in another process, unless it is asked for here. InputError says why the game cannot be had; GameError
    that its code crashed, or did not come to an end within `deadline` seconds.
    """
    if runtime != NOT_HOSTED and plugins.is_foreign(name):
        told = ask(name, seats, options, deadline)
        return described.class_of(told)(told.card.seats), runtime or told.runtime or HERE
    cls = plugins.game_class(name)
    asked = cls.runtime if runtime is None else runtime
    return cls(min(seats, cls.spec.seats[1]), options), None if asked == NOT_HOSTED else asked


def facts_of(name: str, game: Game, deadline: float) -> tuple[str, ...] | None:
    """The names of the facts of a game that `game_of` gave; None where only an environment of its own can tell."""
    if isinstance(game, DescribedGame):
        return ask(name, game.seats, game.options, deadline, facts=True).facts
    return None if game.runtime is not None else described.first_facts(type(game)(game.seats, game.options))


def ask(name: str, seats: int, options: Mapping[str, Any], deadline: float, *, facts: bool = False) -> Description:
    """Return what the game says of itself. The answer is cached as long as the game's file does not change."""
    question = msgspec.msgpack.encode(Question(name, seats, dict(options), facts))
    told = _ask(question, files.fingerprint(name), deadline)
    if isinstance(told, Refusal):
        raise getattr(errors, told.error)(told.text)
    return told


@functools.lru_cache(maxsize=64)
def _ask(question: bytes, fingerprint: str | None, deadline: float) -> Told:
    name = msgspec.msgpack.decode(question, type=Question).name
    read, write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="arena-game-") as folder, os.fdopen(read, "rb") as told:
        try:
            command = [sys.executable, "-P", "-m", plugins.worker_module("games"), "--describe", str(write)]
            process = WorkerProcess(command, {}, Path(folder) / "log", keep=(write,))
        finally:
            os.close(write)
        try:
            process.write(question)
            answer = _read(told, deadline, name)
            if not answer:
                process.wait(1.0)
                last = process.tail(1)
                raise GameError(f"game {name!r} cannot be made: its code {process.how()}{': ' if last else ''}{last}")
        finally:
            process.reap()
    return msgspec.msgpack.decode(answer, type=Told)  # type: ignore[no-any-return]


def _read(told: IO[bytes], deadline: float, name: str) -> bytes:
    """Read until the end of file. KeyboardInterrupt after a signal."""
    out, until = b"", time.monotonic() + deadline
    with Interrupts() as interrupts:
        while True:
            left = max(0.0, until - time.monotonic())
            waited, _, _ = select.select([told.fileno(), interrupts.fileno()], [], [], left)
            interrupts.check()
            if not waited:
                raise GameError(f"game {name!r} cannot be made: its code did not come to an end within {deadline:g} s")
            part = os.read(told.fileno(), 1 << 20)
            if not part:
                return out
            out += part
