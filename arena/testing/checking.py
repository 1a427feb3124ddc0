"""Runs a conformance suite on a named plugin in another process, and reports the result of every property.

The process runs pytest on a file of the five lines that a third party would write; `arena.testing.reporting` runs
there. A plugin that ends its interpreter, or hangs, costs one property, not the report.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from arena import commands, plugins
from arena.errors import ArenaError, MissingExtraError

State = Literal["passes", "fails", "not tested"]
ENDED = (
    "Something ended the whole interpreter (os._exit, a crash in an extension, memory); run the test alone under "
    "python -X faulthandler -m pytest."
)

# What the suite needs beyond the arena itself: it is lent to an environment that has only the arena. Pure Python all.
LENT = ("pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one property."""

    test: str  # the test's name in the suite
    property: str
    state: State
    why: str = ""  # why it fails, or was not tested
    where: str = ""  # file, line and function of the plugin, where the failure was raised in it
    repair: str = ""  # what to do if it fails


def source(suite: str, attributes: Mapping[str, Any]) -> str:
    """The test file, as a third party would write it."""
    lines = [f"    {name} = {value!r}" for name, value in attributes.items()]
    return "\n".join([f"from arena.testing import {suite}", "", "", f"class TestIt({suite}):", *lines, ""])


def findings(
    suite: Literal["GameSuite", "OperatorSuite"],
    attributes: Mapping[str, Any],
    *,
    code: Path | None = None,
    limit: float = 300.0,
    on_start: Callable[[str], None] = lambda text: None,
    interpreter: Path | None = None,
) -> Generator[Finding, None, None]:
    """Test and yield as it goes. `attributes` are set on the suite; `code` is the folder that holds the plugin's code.

    `interpreter` is that of a game's runtime, to test it there; None: this one.

    A property that takes more than `limit` seconds fails. MissingExtraError without pytest, ArenaError when the suite
    cannot be run at all.
    """
    if not plugins.installed("pytest"):
        raise MissingExtraError(
            f"`arena check` needs the extra testing (pytest), not installed here. {commands.how_to_install('testing')}"
        )
    with tempfile.TemporaryDirectory(prefix="arena-check-") as folder:
        test = Path(folder) / "test_it.py"
        test.write_text(source(suite, attributes), encoding="utf-8")
        yield from _run(test, code, limit, on_start, interpreter)


def _lend(folder: Path) -> Path:
    """Makes a folder with the packages that the suite needs."""
    folder.mkdir()
    for name in LENT:
        found = importlib.util.find_spec(name)
        assert found is not None, f"pytest is installed without {name}"
        assert found.origin is not None
        path = Path(found.origin)
        whole = path.parent if path.name == "__init__.py" else path
        (folder / whole.name).symlink_to(whole)
    return folder


def _run(
    test: Path, code: Path | None, limit: float, on_start: Callable[[str], None], interpreter: Path | None
) -> Iterator[Finding]:
    read, write = os.pipe()
    said = test.with_name("said.txt")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if interpreter is not None:
        env["PYTHONPATH"] = str(_lend(test.with_name("lent")))
    command = [
        str(interpreter or sys.executable),
        "-P",
        "-m",
        "arena.testing.reporting",
        str(test),
        str(write),
        str(limit),
        str(code or ""),
    ]
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env, pass_fds=(write,)
        )
    os.close(write)
    started: dict[str, str] | None = None
    count = 0
    try:
        with os.fdopen(read, encoding="utf-8") as lines:
            for line in lines:
                report = json.loads(line)
                match report.pop("event"):
                    case "start":
                        started = report
                        on_start(report["property"])
                    case "finding":
                        started = None
                        count += 1
                        yield Finding(**report)
                    case "broken":
                        raise ArenaError(f"the suite cannot be run: {report['why']}")
        code_of_exit = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if started is not None:
        how = f"signal {-code_of_exit}" if code_of_exit < 0 else f"exit code {code_of_exit}"
        yield Finding(state="fails", why=f"the process that tested it ended with {how}", repair=ENDED, **started)
    elif code_of_exit not in (0, 1) or not count:  # Python itself ends with 1 where it cannot even begin
        tail = "\n".join(said.read_text(errors="replace", encoding="utf-8").splitlines()[-15:])
        raise ArenaError(f"the suite cannot be run (exit code {code_of_exit}):\n{tail}")
