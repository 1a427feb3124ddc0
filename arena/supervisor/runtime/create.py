"""Creates an environment, goes on with one that was interrupted, checks one, and removes one.

Whole or not at all: `ready.json` is written last, and everything before it may be interrupted. What is kept then is the
lock file and uv's own cache of downloads, so going on neither resolves nor downloads again; the environment itself is
made afresh, since a package that was half installed cannot be told from a whole one.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import arena
from arena.errors import ArenaError, InputError
from arena.runtime import Runtime
from arena.supervisor.runtime import home, lockfile, locks, own, uv
from arena.supervisor.runtime.home import Environment, Ready
from arena.supervisor.runtime.uv import Python, ToolError, Uv

# What stands in an environment's folder beside its venv, and a wheel of this arena meanwhile.
MADE = ("log.txt", "ready.part", "resolved.txt", "requirements.txt", "excludes.txt")
PROBE = Path(__file__).with_name("probe.py")
_SECONDS = 300  # for importing everything
_INDEX = "If the package index was not reached: it is the one that pip or uv is set up with (pip config list)."


class Progress(Protocol):
    """Who is told how far a creation is."""

    def step(self, text: str) -> None:
        """What is being done from now on."""

    def detail(self, text: str) -> None:
        """A line that uv says meanwhile."""


class Probe(msgspec.Struct):
    """What probe.py says of an environment."""

    python: str
    installed: dict[str, str]  # canonical name -> version
    failed: dict[str, str]  # module -> why it cannot be imported
    arena: str  # its version


def create(
    runtime: Runtime, progress: Progress, *, python: Path | None = None, rebuild: bool = False, upgrade: bool = False
) -> Environment:
    """Return the environment; create it unless it is there.

    `rebuild` makes it afresh of the same versions, `upgrade` resolves anew. InputError when no Python can be had or
    the environment that must be changed is in use; ArenaError when packages cannot be resolved, fetched or imported.
    """
    again = rebuild or upgrade
    if python is None and not again and (there := home.current(runtime)):
        return there
    progress.step(f"looking for Python {runtime.python}")
    found = uv.find_python(home.python_range(runtime), python)
    environment = home.environment(runtime, found.version)

    def waiting() -> None:
        progress.step(f"another process is creating {environment.folder}; waiting for it")

    with _writing(), _alone(environment, waiting=None if again and environment.ready else waiting) as guard:
        if environment.usable and not again:  # somebody else has created it meanwhile
            return environment
        _build(environment, runtime, found, progress, guard, upgrade)
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


def check(environment: Environment, runtime: Runtime, lock: Path) -> tuple[Probe | None, list[str]]:
    """What is in an environment, and what is wrong with it, in words: no words, all is well."""
    # A requirement with a marker may rightly not be there; what it brings is checked against the lock only.
    names = [one.name for one in map(Requirement, runtime.requirements) if one.marker is None]
    said = _probe(environment.python, names, runtime.modules)
    if isinstance(said, str):
        return None, [said]
    faults = [f"{module} cannot be imported: {why}" for module, why in said.failed.items()]
    if said.arena != arena.__version__ and "arena" not in said.failed:
        faults.append(f"its arena is {said.arena}, and this one {arena.__version__}")
    wanted = lockfile.read(lock)
    there = dict(said.installed)
    if (ours := canonicalize_name(own.DISTRIBUTION)) not in wanted:
        there.pop(ours, None)
    return said, faults + lockfile.differences(wanted, there)


def _probe(python: Path, distributions: Sequence[str], modules: Sequence[str]) -> Probe | str:
    lists = [msgspec.json.encode(list(names)).decode() for names in (distributions, modules)]
    try:
        done = subprocess.run(
            [python, "-I", PROBE, *lists],
            env=uv.clean_environment(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        return f"its Python cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"its packages cannot be imported in {_SECONDS} s"
    if done.returncode < 0:
        return f"importing its packages ends Python with {signal.Signals(-done.returncode).name}"
    try:
        return msgspec.json.decode(done.stdout, type=Probe)
    except msgspec.MsgspecError:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it says nothing"]
        return f"its Python does not work (exit code {done.returncode}): {last[0]}"


def _build(
    environment: Environment, runtime: Runtime, python: Python, progress: Progress, guard: int, upgrade: bool
) -> None:
    environment.marker.unlink(missing_ok=True)
    venv = environment.folder / "venv"
    shutil.rmtree(venv, ignore_errors=True)
    environment.folder.mkdir(parents=True, exist_ok=True)
    tool = Uv(environment.folder, environment.log, guard, progress.detail)
    progress.step(f"making an environment of Python {python.version} ({python.path})")
    tool.run("venv", "--no-project", "--python", python.path, venv)
    lock = home.lock_file(runtime, python.version)
    if upgrade or not lock.exists():
        progress.step("resolving versions")
        resolve(runtime, python.version, tool, environment.python, lock)
    install = ("pip", "install", "--python", environment.python, "--no-deps")
    progress.step(f"installing {len(lockfile.read(lock))} packages as locked in {lock}")
    try:
        tool.run(*install, *["--require-hashes"] * lockfile.hashed(lock), "--requirement", lock)
    except ToolError as error:
        raise ToolError(f"{error}\n{_INDEX} Versions that are not offered any more: add --upgrade") from error
    progress.step("installing this arena")
    wheel = own.pack(environment.folder)
    tool.run(*install, "--no-index", wheel)
    wheel.unlink()
    progress.step("checking that everything can be imported")
    _, faults = check(environment, runtime, lock)
    if faults:
        wrong = "\n".join(f"  {fault}" for fault in faults)
        raise ArenaError(f"the environment of runtime {runtime.name!r} does not work:\n{wrong}\nlog: {environment.log}")
    ready = Ready(runtime.name, python.version, str(python.path), arena.__version__, str(lock), time.time())
    part = environment.marker.with_suffix(".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(ready)))
    part.replace(environment.marker)


def resolve(runtime: Runtime, version: str, tool: Uv, interpreter: Path, lock: Path) -> None:
    """Write the lock file: exact versions and hashes. Those of a lock that the plugin ships hold. ToolError."""
    asked, out = tool.folder / "requirements.txt", tool.folder / "resolved.txt"
    asked.write_text("\n".join([*home.wanted(runtime), ""]), encoding="utf-8")
    out.unlink(missing_ok=True)
    options: list[str | Path] = ["--python", interpreter, "--no-header", "--no-annotate", "--quiet"]
    if not any(" @ " in text for text in home.wanted(runtime)):
        options.append("--generate-hashes")
    if runtime.excludes:
        excluded = tool.folder / "excludes.txt"
        excluded.write_text("\n".join([*runtime.excludes, ""]), encoding="utf-8")
        options += ["--excludes", excluded]
    held = ""
    if runtime.lock is not None:
        lockfile.read(runtime.lock)  # each line pins a version
        shutil.copyfile(runtime.lock, out)  # uv keeps the hashes that stand there: they were looked at
        options += ["--constraint", runtime.lock]
        held = f" The plugin ships {runtime.lock}, whose versions are held."
    try:
        tool.run("pip", "compile", *options, "--output-file", out, asked)
    except ToolError as error:
        raise ToolError(
            f"the versions of runtime {runtime.name!r} cannot be resolved: {error}\n{_INDEX}{held}"
        ) from error
    head = (
        f"# runtime {runtime.name}, Python {version}: {', '.join(runtime.requirements)}\n# made by arena env create\n"
    )
    lock.parent.mkdir(parents=True, exist_ok=True)
    part = lock.with_name(lock.name + ".part")
    part.write_text(head + out.read_text(encoding="utf-8"), encoding="utf-8")
    part.replace(lock)


@contextmanager
def _writing() -> Iterator[None]:
    """Turn a full disk, or a folder that may not be written to, into one message."""
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
