"""The runtime `mario` for tests: its interpreter, and a script's findings from inside it."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from arena.errors import InputError
from arena.supervisor.runtime.use import interpreter

LONGEST = 600  # seconds in which an environment is created, or a script runs
INSIDE = Path(__file__).with_name("mario_inside.py")


@functools.cache
def python(runtime: str) -> Path | str:
    """The interpreter of a runtime, which is created if it is not there; or why it cannot be."""
    try:
        return interpreter(runtime)
    except InputError:
        made = subprocess.run(
            [sys.executable, "-m", "arena", "env", "create", runtime],
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        if made.returncode:
            return f"`arena env create {runtime}` failed: {made.stderr.strip()[-300:]}"
        return interpreter(runtime)


def needed(runtime: str) -> Path:
    """The interpreter; the test is skipped when there is none."""
    found = python(runtime)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def run(interpreter: Path, script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the tests in a runtime."""
    return subprocess.run(
        [str(interpreter), "-P", str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )


def findings(interpreter: Path, script: Path, *arguments: str) -> Any:
    """What a script prints as JSON on its last line."""
    done = run(interpreter, script, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
