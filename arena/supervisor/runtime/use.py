"""What the supervisor asks for: the Python that a runtime's workers are started with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from arena import commands, plugins
from arena.errors import InputError
from arena.runtime import Runtime
from arena.supervisor.runtime import home, locks, uv
from arena.supervisor.runtime.home import Environment

# guard -> its descriptor: an environment that this process has handed out is in use until the process ends.
_in_use: dict[Path, int] = {}


def interpreter(name: str) -> Path:
    """The Python to start a worker of this runtime with: the arena's own where that fits, else its environment's.

    The environment counts as in use, and cannot be removed or rebuilt, until this process ends. InputError says how to
    create it when it is not there.
    """
    runtime = plugins.runtime(name)
    if home.fits_here(runtime):
        return Path(sys.executable)
    environment = home.current(runtime)
    if environment is None or not _keep(environment):
        raise InputError(f"{missing(runtime)}. {how_to_create(name)}")
    return environment.python


def how_to_create(name: str) -> str:
    """The sentence with the command that creates a runtime's environment, and with the one that it needs before."""
    first = "" if uv.there() else f" (it needs uv: first {commands.install('env')})"
    return f"Create it with: {commands.arena('env', 'create', name)}{first}"


def missing(runtime: Runtime) -> str:
    """Why a runtime cannot be used yet, in words."""
    there = home.environments(runtime.name)
    states = sorted({one.state(runtime) for one in there} - {"ready"})
    instead = f" (what there is, is {' or '.join(states)})" if states else ""
    return f"runtime {runtime.name!r} has no environment of this definition and this arena yet{instead}"


def needed(name: str) -> Runtime | None:
    """The runtime when its environment must be created before its workers can be started; None when they can."""
    runtime = plugins.runtime(name)
    return None if home.fits_here(runtime) or home.current(runtime) is not None else runtime


def _keep(environment: Environment) -> bool:
    """Whether it is now in use by this process; False when it is being removed or rebuilt, or was meanwhile."""
    if environment.guard not in _in_use:
        try:
            handle = locks.together(environment.guard)
        except BlockingIOError:
            return False
        if not environment.usable:
            os.close(handle)
            return False
        _in_use[environment.guard] = handle
    return True
