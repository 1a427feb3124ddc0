"""The checks of `arena doctor`. Each yields findings; none raises because of what it finds."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

import arena
from arena import commands
from arena.cli import installed
from arena.errors import ArenaError, CheckpointError, InputError, UnplayableError
from arena.game import GameFamily
from arena.lineup import build_plan
from arena.plan import Limits
from arena.play import run_plan
from arena.protocol.version import MAJOR, MINOR
from arena.record.reader import Run
from arena.record.verify import verify
from arena.train import products

SLOW_TO_COMPILE = ("numpy", "torch", "transformers")
PATIENCE = 30.0  # seconds for one decision in the round trip
TORCH = """
import torch
print(torch.__version__)
for i in range(torch.cuda.device_count()):
    p = torch.cuda.get_device_properties(i)
    print(f"{p.name}, {p.total_memory >> 20} MiB")
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    state: Literal["ok", "absent", "warning", "problem"]  # absent: what nobody needs who does not use it
    what: str
    text: str
    advice: str = ""  # what to do; empty if nothing is wrong


def interpreter() -> Iterator[Finding]:
    """The Python, the machine, and this arena."""
    python = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    yield Finding("ok", "python", python)
    machine = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"
    if hasattr(os, "fork") and hasattr(socket, "AF_UNIX"):
        yield Finding("ok", "platform", machine)
    else:
        yield Finding(
            "problem", "platform", machine, "workers need Unix sockets: use Linux or macOS (on Windows, WSL 2)"
        )
    yield Finding("ok", "arena", f"{arena.__version__}, protocol {MAJOR}.{MINOR}, {Path(arena.__file__).parent}")


def bytecode() -> Iterator[Finding]:
    """Whether what workers import is compiled once, or in every worker again."""
    if not sys.dont_write_bytecode:
        return
    specs = [importlib.util.find_spec(name) for name in SLOW_TO_COMPILE]
    again = [spec for spec in specs if spec and spec.cached and not Path(spec.cached).exists()]
    if again:
        names = ", ".join(spec.name for spec in again)
        yield Finding(
            "warning",
            "bytecode",
            f"every worker compiles {names} again, for seconds: PYTHONDONTWRITEBYTECODE is set",
            f"compile once: {sys.executable} -m compileall -q -j 0 {Path(str(again[0].origin)).parent.parent}",
        )


def distributions() -> Iterator[Finding]:
    """The base dependencies and each extra, with versions; after them the extras that lack something."""
    absent = []
    for extra in ("", *installed.extras()):
        wanted = installed.requirements(extra)
        lacking = ", ".join(name for name, version in wanted if version is None)
        if not lacking:
            yield Finding("ok", f"[{extra}]" if extra else "base", ", ".join(f"{name} {is_}" for name, is_ in wanted))
        elif extra:
            absent.append(Finding("absent", f"[{extra}]", f"lacks {lacking}", commands.install(extra)))
        else:
            yield Finding("problem", "base", f"missing: {lacking}", commands.install(""))
    yield from absent


def plugins() -> Iterator[Finding]:
    """Whether every plugin loads. An operator whose extra is missing is no problem: it just cannot play."""
    sorts = [(f"{what}s", installed.every(what)) for what in ("game", "operator", "tool", "worker")]
    for what, found in sorts:
        good = [one.name for one in found if one.plugin is not None]
        if good:
            yield Finding("ok", what, ", ".join(good))
        else:
            yield Finding("problem", what, "none found", "reinstall agent-arena: its entry points are missing")
        for one in found:
            if one.plugin is None:
                yield Finding("problem", what, f"{one.name}: {one.error}", "reinstall or remove the package it is in")
    for one in installed.every("operator"):
        if one.plugin is None:
            continue
        if installed.missing(one.plugin):
            command = commands.install(one.plugin.extra)
            yield Finding("warning", one.name, f"lacks {', '.join(installed.missing(one.plugin))}", command)
        elif not one.plugin.interactive:
            yield from _weights(one)


def _weights(one: installed.Found) -> Iterator[Finding]:
    """Whether the operator's shipped files are complete, as far as can be seen without loading them."""
    defaults = {name: option.default for name, option in one.plugin.options.items()}
    tables = [game.plugin.spec for game in installed.every("game") if not isinstance(game.plugin, GameFamily | None)]
    try:
        one.plugin.resolve_options(None, "", defaults)
        for spec in tables:
            with contextlib.suppress(UnplayableError):  # not every operator plays every game
                what, options = one.plugin.stands_for(spec, "", defaults)
                one.plugin.views(spec, what, one.plugin.resolve_options(spec, what, options))
    except CheckpointError as error:
        yield Finding("problem", one.name, str(error), f"meanwhile, name another one: {one.name}:...")
    except InputError:
        return  # it needs a name or an option to play, which is no problem


def round_trip() -> Iterator[Finding]:
    """Starts a worker, plays and records one match, and verifies the record."""
    with tempfile.TemporaryDirectory(prefix="arena-doctor-") as private:
        folder = Path(private) / "run"
        began = time.monotonic()
        try:
            limits = Limits(deadline=PATIENCE)
            run_plan(build_plan("kuhn", ["random", "random"], seed=1, limits=limits), folder)
            report = verify(Run(folder))
        except (ArenaError, OSError) as error:
            logs = "".join(
                log.read_text(errors="replace", encoding="utf-8") for log in sorted(folder.glob("workers/*.log"))
            )
            said = logs.strip().splitlines()[-5:]
            advice = "what its worker printed: " + " / ".join(said) if said else "run it again with arena --debug"
            yield Finding("problem", "round trip", f"one match of kuhn between random and random: {error}", advice)
            return
        took = time.monotonic() - began
        if report.passed and report.matches == 1:
            text = f"worker started, a match of kuhn played in {report.ticks} ticks and verified, {took:.1f} s"
            yield Finding("ok", "round trip", text)
        else:
            text = f"a match of kuhn does not verify: {(report.problems + report.pictures)[0]}"
            yield Finding("problem", "round trip", text, "reinstall agent-arena: a game here is not deterministic")


def terminal() -> Iterator[Finding]:
    """The terminal that a person would play at."""
    console = Console()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding("absent", "terminal", "none here: `human` opens a page in the browser, `replay` prints plainly")
        return
    width, height = console.size
    text = f"{width}x{height}, colours: {console.color_system or 'none'}, {console.encoding}"
    if width < 80 or height < 24:
        yield Finding("warning", "terminal", text, "make it 80x24 or larger: tables are made for that")
    elif not console.encoding.startswith("utf"):
        yield Finding("warning", "terminal", text, "card suits and frames need UTF-8: set LANG, e.g. C.UTF-8")
    else:
        yield Finding("ok", "terminal", text)


def gpu() -> Iterator[Finding]:
    """The GPUs that torch sees, found in another process: a broken driver must not end the doctor."""
    if installed.versions(["torch"]) == [None]:
        yield Finding("absent", "gpu", "torch is not installed: only models and trained policies need it")
        return
    try:
        done = subprocess.run([sys.executable, "-P", "-c", TORCH], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        yield Finding(
            "problem", "gpu", "torch did not import within 120 s", f"try: {commands.python('-c', 'import torch')}"
        )
        return
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [f"it exited with code {done.returncode}"])[-1]
        command = commands.pip("--force-reinstall", "torch")
        yield Finding("problem", "gpu", f"torch does not import: {said}", command)
        return
    version, *devices = done.stdout.strip().splitlines()
    cpu = f"none: models run on the CPU, where trainings multiply in {products.usual('cpu')}"
    yield Finding("ok", "gpu", f"torch {version} sees {'; '.join(devices) or cpu}")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    interpreter,
    bytecode,
    distributions,
    plugins,
    round_trip,
    terminal,
    gpu,
)
