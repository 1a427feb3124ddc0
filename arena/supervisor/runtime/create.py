"""Creates an environment, goes on with one that was interrupted, and removes one.

Whole or not at all: `ready.json` is written last, and everything before it may be interrupted. What is kept then is the
lock file and the tool's own cache of downloads, so going on neither resolves nor downloads again; the environment
itself is made afresh, since nobody can tell a package that was half installed from a whole one.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from arena.errors import ArenaError, InputError
from arena.runtime import Runtime
from arena.supervisor.runtime import check, home, lockfile, locks, own, pythons, tools
from arena.supervisor.runtime.home import Environment
from arena.supervisor.runtime.running import Runner, ToolError

# What stands in an environment's folder beside its venv, and a wheel of this arena meanwhile.
MADE = ("log.txt", "ready.part", "resolved.txt", "report.json", "requirements.txt", "pinned.txt")


class Progress(Protocol):
    """Who is told how far a creation is."""

    def step(self, text: str) -> None:
        """What is being done from now on."""

    def detail(self, text: str) -> None:
        """A line that a tool says meanwhile."""


def create(
    runtime: Runtime, progress: Progress, *, python: Path | None = None, rebuild: bool = False, upgrade: bool = False
) -> Environment:
    """The environment, created unless it is there.

    `rebuild` makes it afresh of the same versions, `upgrade` resolves anew. InputError when no Python can be had or
    the environment that must be changed is in use; ArenaError when packages cannot be resolved, fetched or imported.
    """
    again = rebuild or upgrade
    if python is None and not again and (there := home.current(runtime)):
        return there
    tool = tools.choose()
    progress.step(f"looking for Python {runtime.python}")
    command = tool.command if isinstance(tool, tools.Uv) else ()
    found = pythons.Search(home.python_range(runtime), command).find(python)
    environment = home.environment(runtime, found.version)

    def waiting() -> None:
        progress.step(f"another process is creating {environment.folder}; waiting for it")

    with _writing(), _alone(environment, waiting=None if again and environment.ready else waiting) as guard:
        if environment.usable and not again:  # somebody else has created it meanwhile
            return environment
        _build(environment, runtime, found, tool, progress, guard, upgrade)
    return environment


def remove(environment: Environment) -> None:
    """Delete what `create` made; its lock file stays. InputError when it is in use, or not of our making."""
    if not environment.guard.exists():  # `create` makes it before anything else
        raise InputError(f"{environment.folder} was not made by `arena env create`: it stays. Delete it yourself")
    with _writing(), _alone(environment):
        environment.marker.unlink(missing_ok=True)  # first: what is left of an interrupted removal is unfinished
        shutil.rmtree(environment.folder / "venv", ignore_errors=True)
        for made in (*MADE, *(wheel.name for wheel in environment.folder.glob("agent_arena-*.whl"))):
            (environment.folder / made).unlink(missing_ok=True)
        left = sorted(path.name for path in environment.folder.iterdir())
        if left:
            raise InputError(f"{environment.folder} holds what is not ours, which stays: {', '.join(left[:5])}")
        environment.folder.rmdir()


def _build(
    environment: Environment,
    runtime: Runtime,
    python: pythons.Python,
    tool: tools.Tool,
    progress: Progress,
    guard: int,
    upgrade: bool,
) -> None:
    environment.marker.unlink(missing_ok=True)
    venv = environment.folder / "venv"
    shutil.rmtree(venv, ignore_errors=True)
    environment.folder.mkdir(parents=True, exist_ok=True)
    runner = Runner(environment.folder, environment.log, guard, progress.detail)
    progress.step(f"making an environment of Python {python.version} ({python.path}) with {tool.name}")
    tool.make(runner, python.path, venv)
    lock = home.lock_file(runtime, python.version)
    if upgrade or not lock.exists():
        progress.step("resolving versions")
        _resolve(runtime, python, tool, runner, environment.python, lock)
    count = len(lockfile.read(lock))
    progress.step(f"installing {count} packages as locked in {lock}")
    try:
        tool.install(runner, environment.python, lock)
    except ToolError as error:
        raise ToolError(f"{error}\n{_network()} Versions that are not offered any more: add --upgrade") from error
    progress.step("installing this arena")
    wheel = own.pack(environment.folder)
    tool.add(runner, environment.python, wheel)
    wheel.unlink()
    progress.step("checking that everything can be imported")
    report = check.look(environment, runtime, lock)
    if report.faults:
        wrong = "\n".join(f"  {fault}" for fault in report.faults)
        raise ArenaError(f"the environment of runtime {runtime.name!r} does not work:\n{wrong}\nlog: {environment.log}")
    done = home.described(runtime, python.version, python.path, tool.name, lock, time.time())
    part = environment.marker.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(done)))
    part.replace(environment.marker)


def _resolve(
    runtime: Runtime, python: pythons.Python, tool: tools.Tool, runner: Runner, interpreter: Path, lock: Path
) -> None:
    shipped = lockfile.read(runtime.lock) if runtime.lock else []
    try:
        pins = tool.resolve(runner, interpreter, home.wanted(runtime), shipped)
    except ToolError as error:
        held = f" The plugin ships {runtime.lock}, whose versions are held." if runtime.lock else ""
        raise ToolError(
            f"the versions of runtime {runtime.name!r} cannot be resolved: {error}\n{_network()}{held}"
        ) from error
    head = (
        f"runtime {runtime.name}, Python {python.version}: {', '.join(runtime.requirements)}\nmade by arena env create"
    )
    lockfile.write(lock, lockfile.with_hashes_of(pins, shipped), head)


def _network() -> str:
    return "If the package index was not reached: it is the one that pip or uv is set up with (pip config list)."


@contextmanager
def _writing() -> Iterator[None]:
    """A full disk or a folder that nobody may write into is one message."""
    try:
        yield
    except OSError as error:
        raise ArenaError(
            f"{error.filename or home.home()}: {error.strerror or error}. Environments are kept in {home.home()}: "
            "make room there, or set ARENA_HOME to another folder that you may write into"
        ) from error


@contextmanager
def _alone(environment: Environment, waiting: Callable[[], None] | None = None) -> Iterator[int]:
    with ExitStack() as stack:
        try:
            guard = stack.enter_context(locks.alone(environment.guard, waiting))
        except BlockingIOError:
            raise InputError(
                f"{environment.folder} is in use by an arena that runs, or is being created. "
                "Try again when that has ended"
            ) from None
        yield guard
