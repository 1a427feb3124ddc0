"""Whether an environment is what it should be: its Python runs, everything imports, versions are those of the lock."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import arena
from arena.runtime import Runtime
from arena.supervisor.runtime import lockfile, own
from arena.supervisor.runtime.home import Environment
from arena.supervisor.runtime.running import clean_environment

PROBE = Path(__file__).with_name("probe.py")
_INSTALLERS = {"pip", "setuptools", "wheel"}  # venv puts pip there
_SECONDS = 300  # for importing everything


class Probe(msgspec.Struct):
    """What probe.py says."""

    python: str
    installed: dict[str, str]  # canonical name -> version
    failed: dict[str, str]  # module -> why
    arena: str


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    probe: Probe | None
    faults: Sequence[str]  # what is wrong, in words; empty: all is well


def look(environment: Environment, runtime: Runtime, lock: Path) -> Report:
    """Check an environment that is ready, or about to be."""
    names = [Requirement(text).name for text in runtime.requirements if _applies(text)]
    said = _probe(environment.python, names, runtime.modules)
    if isinstance(said, str):
        return Report(None, [said])
    faults = [f"{module} cannot be imported: {why}" for module, why in said.failed.items()]
    if said.arena != arena.__version__ and "arena" not in said.failed:
        faults.append(f"its arena is {said.arena}, and this one {arena.__version__}")
    ours = {canonicalize_name(own.DISTRIBUTION), *_INSTALLERS}
    pins = lockfile.read(lock)
    locked = {pin.name for pin in pins}
    there = {name: version for name, version in said.installed.items() if name in locked or name not in ours}
    return Report(said, faults + lockfile.differences(pins, there))


def _probe(python: Path, distributions: Sequence[str], modules: Sequence[str]) -> Probe | str:
    lists = [msgspec.json.encode(list(names)).decode() for names in (distributions, modules)]
    try:
        done = subprocess.run(
            [python, "-I", PROBE, *lists], env=clean_environment(), capture_output=True, timeout=_SECONDS, check=False
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


def _applies(text: str) -> bool:
    """A requirement with a marker may rightly not be there; what it brings is then checked against the lock only."""
    return Requirement(text).marker is None
