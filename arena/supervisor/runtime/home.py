"""Where environments live, which there are, and what state each is in. Nothing here changes one.

$ARENA_HOME/envs/NAME-HASH/        venv/, log.txt, and ready.json, which is written last
$ARENA_HOME/envs/.NAME-HASH.lock   who may touch it: locks.py
$ARENA_HOME/locks/NAME-HASH.txt    exact versions; it outlives the environment
"""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from arena.canonical import digest, hash_file
from arena.paths import expanded
from arena.runtime import Runtime
from arena.supervisor.runtime import locks, own

_FOLDER = re.compile(r"([a-z][a-z0-9_-]*)-([0-9a-f]{12})")


class Ready(msgspec.Struct, frozen=True):
    """What stands in ready.json."""

    runtime: str
    python: str  # its version
    interpreter: str  # that it was made of
    arena: str
    lock: str  # the path of its lock file
    created: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment, there or not."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name.rpartition("-")[0]

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def marker(self) -> Path:
        return self.folder / "ready.json"

    @property
    def guard(self) -> Path:
        """The file that a process locks while it builds, removes or uses the environment."""
        return self.folder.with_name(f".{self.folder.name}.lock")

    @property
    def ready(self) -> Ready | None:
        """What it is, once its creation has ended well."""
        try:
            return msgspec.json.decode(self.marker.read_bytes(), type=Ready)
        except (OSError, msgspec.MsgspecError):
            return None

    @property
    def usable(self) -> bool:
        """It is ready, and the Python that it was made of is still there."""
        return self.ready is not None and os.access(self.python, os.X_OK)

    @property
    def busy(self) -> bool:
        """Somebody builds or removes it now."""
        return locks.held_alone(self.guard)

    @property
    def size(self) -> int:
        """Bytes of its files. uv links them to its cache where it can: then they take this room only once."""
        return sum(
            os.lstat(os.path.join(folder, name)).st_size
            for folder, _, names in os.walk(self.folder)
            for name in names
            if os.path.lexists(os.path.join(folder, name))
        )

    def state(self, current: Runtime | None) -> str:
        """ready, or what it is instead; `current` is the definition that is installed now under its name."""
        if self.busy:
            return "being created"
        ready = self.ready
        if ready is None:
            return "unfinished"
        if not self.usable:
            return "its Python is gone"
        if current is None:
            return "not declared"
        return "ready" if self.folder.name == folder_name(current, ready.python) else "outdated"


def home() -> Path:
    """The folder of everything that the arena keeps for this user: $ARENA_HOME, else the platform's data folder."""
    given = os.environ.get("ARENA_HOME")
    if given:
        return expanded(given).absolute()
    if sys.platform == "darwin":
        return expanded("~") / "Library" / "Application Support" / "agent-arena"
    return Path(os.environ.get("XDG_DATA_HOME") or expanded("~") / ".local" / "share") / "agent-arena"


def wanted(runtime: Runtime) -> list[str]:
    """Everything that is resolved for it: its requirements and the arena's base dependencies."""
    return sorted({*runtime.requirements, *own.requirements()})


def python_range(runtime: Runtime) -> SpecifierSet:
    """What both the runtime and the arena run on."""
    return SpecifierSet(runtime.python) & own.python()


def environment(runtime: Runtime, python: str) -> Environment:
    """Its environment for one version of Python. Another definition, or another arena, is another environment."""
    return Environment(home() / "envs" / folder_name(runtime, python))


def folder_name(runtime: Runtime, python: str) -> str:
    return f"{runtime.name}-{digest(_definition(runtime), own.identity(), python)[:12]}"


def lock_file(runtime: Runtime, python: str) -> Path:
    """Where its exact versions are kept: as long as the definition, the minor version and the platform are the same."""
    minor = python.rpartition(".")[0]
    code = digest(_definition(runtime), minor, sys.platform, platform.machine())[:12]
    return home() / "locks" / f"{runtime.name}-{code}.txt"


def _definition(runtime: Runtime) -> list[object]:
    shipped = None if runtime.lock is None or not runtime.lock.is_file() else hash_file(runtime.lock)
    left_out = [sorted(runtime.excludes)] if runtime.excludes else []
    return [runtime.name, runtime.python, wanted(runtime), shipped, *left_out]


def environments(name: str | None = None) -> list[Environment]:
    """Those that there are, finished or not, of one name or of all; the newest comes last."""
    folder = home() / "envs"
    there = [Environment(path) for path in sorted(folder.glob("*")) if path.is_dir() and _FOLDER.fullmatch(path.name)]
    chosen = [one for one in there if name in (None, one.name)]
    return sorted(chosen, key=lambda one: (one.name, one.ready.created if one.ready else 0.0))


def current(runtime: Runtime) -> Environment | None:
    """The environment that its workers are started in: ready, and of just this definition and this arena."""
    usable = [one for one in environments(runtime.name) if one.state(runtime) == "ready"]
    return usable[-1] if usable else None


def fits_here(runtime: Runtime) -> bool:
    """Whether the arena's own Python and packages satisfy the runtime, so that no environment is needed."""
    if platform.python_version() not in SpecifierSet(runtime.python):
        return False
    for text in runtime.requirements:
        asked = Requirement(text)
        if asked.marker is not None and not asked.marker.evaluate():
            continue
        try:
            version = metadata.version(asked.name)
        except metadata.PackageNotFoundError:
            return False
        if asked.url is None and not asked.specifier.contains(version, prereleases=True):
            return False
    return True
