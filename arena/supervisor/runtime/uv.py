"""What builds an environment: uv, told which Python, which index and which versions.

It takes packages from the index that the user has set up, and none is named here. uv does not read pip's settings, so
it is told them, unless it has its own.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from packaging.specifiers import SpecifierSet

from arena import commands
from arena.errors import ArenaError, InputError, MissingExtraError
from arena.paths import expanded

# What belongs to the arena's own environment and would mislead a tool that works on another.
_NOT_THEIRS = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT"}
# pip's setting -> uv's variable, and what stands between several values there
_SETTINGS = {"index-url": ("UV_DEFAULT_INDEX", " "), "extra-index-url": ("UV_INDEX", " ")}
_SETTINGS |= {"find-links": ("UV_FIND_LINKS", ","), "cert": ("SSL_CERT_FILE", " ")}
_TAIL = 12  # lines that are shown of a command that failed


class ToolError(ArenaError):
    """uv failed; the message ends with uv's last lines."""


class Python(NamedTuple):
    """An interpreter that runs."""

    path: Path
    version: str


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what names the arena's own Python."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    return {**kept, **(extra or {})}


def there() -> bool:
    """Whether `command` has one, as far as can be told without running it."""
    return shutil.which("uv") is not None or importlib.util.find_spec("uv") is not None


def command() -> tuple[str, ...]:
    """The uv on PATH, else the one of the arena's Python. Raises MissingExtraError if neither runs."""
    found = shutil.which("uv")
    beside = importlib.util.find_spec("uv") is not None
    for words in ([(found,)] if found else []) + [(sys.executable, "-m", "uv")] * beside:
        if subprocess.run([*words, "--version"], capture_output=True, check=False).returncode == 0:
            return words
    raise MissingExtraError(f"`arena env` needs uv, not installed here. {commands.how_to_install('env')}")


@dataclass(frozen=True, slots=True)
class Uv:
    """Runs uv in one folder, and writes what it says to a log."""

    folder: Path
    log: Path
    lock: int | None = None  # inherited by uv: the environment stays locked while it runs
    detail: Callable[[str], None] = field(default=lambda line: None)  # is told each line
    settings: Mapping[str, str] = field(default_factory=lambda: pip_settings())

    def run(self, *words: str | Path) -> None:
        """Run one command. ToolError when it fails or cannot be started."""
        given = [*command(), *(str(word) for word in words)]
        lines: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(given)}\n")
            log.flush()
            try:
                process = subprocess.Popen(
                    given,
                    cwd=self.folder,  # away from a project whose settings uv might take for ours
                    env=clean_environment(self.settings),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    pass_fds=() if self.lock is None else (self.lock,),
                )
            except OSError as error:
                raise ToolError(f"{given[0]} cannot be started: {error.strerror}") from error
            assert process.stdout is not None
            with process:
                for line in process.stdout:
                    log.write(line)
                    if line.strip():
                        lines.append(line.rstrip())
                        self.detail(line.strip())
        if process.returncode != 0:
            said = "\n".join(f"  {line}" for line in lines[-_TAIL:])
            raise ToolError(f"uv failed (exit code {process.returncode}):\n{said}\nlog: {self.log}")


def find_python(wanted: SpecifierSet, given: Path | None = None) -> Python:
    """The Python that is named; else the arena's own where it fits; else one on PATH, of pyenv's or of uv's.

    uv fetches one where there is none. InputError when none can be had, with what uv says.
    """
    if given is not None:
        path = expanded(given).absolute()
        found = _ask(str(path))
        if isinstance(found, str):
            raise InputError(f"--python {path}: {found}")
        if found.version not in wanted:
            raise InputError(f"--python {path} is {found.version}; expected Python {wanted}")
        return found._replace(path=path)
    if platform.python_version() in wanted:
        return Python(Path(sys.executable), platform.python_version())
    request = f"cpython{wanted}"
    found = _ask(request)
    if isinstance(found, str):
        done = _uv("python", "install", "--no-bin", request)
        found = _ask(request) if done.returncode == 0 else f"{found}; {_gist(done.stderr)}"
    if isinstance(found, str):
        raise InputError(
            f"no Python {wanted} can be had: {found}\nIt was looked for on PATH, among pyenv's versions ({_pyenv()}) "
            "and uv's. Install one (pyenv, uv, or your system's packages), or name one that you have: --python PATH"
        )
    return found


def _ask(request: str) -> Python | str:
    """The Python that uv finds, or what it says instead."""
    find = ("python", "find", "--no-project", "--system", "--no-python-downloads", request)
    path, version = _uv(*find), _uv(*find, "--show-version")
    if path.returncode != 0 or version.returncode != 0:
        return _gist(path.stderr or version.stderr)
    return Python(Path(path.stdout.strip().splitlines()[-1]), version.stdout.strip().splitlines()[-1])


def _uv(*words: str) -> subprocess.CompletedProcess[str]:
    # pyenv's shims on PATH answer only for the versions that are switched on; behind them stand all that it has.
    versions = sorted(str(path) for path in _pyenv().glob("*/bin"))
    env = clean_environment({"PATH": os.pathsep.join([os.environ.get("PATH", ""), *versions])})
    env.setdefault("UV_HTTP_RETRIES", "1")
    return subprocess.run([*command(), *words], env=env, capture_output=True, text=True, check=False)


def _pyenv() -> Path:
    return Path(os.environ.get("PYENV_ROOT") or expanded("~") / ".pyenv") / "versions"


def _gist(said: str) -> str:
    """uv's error and the last cause that it names, on one line."""
    lines = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in said.splitlines() if line.strip()]
    return ": ".join(dict.fromkeys([*lines[:1], *lines[-1:]])) or "uv does not say why"


def pip_settings() -> dict[str, str]:
    """pip's index and folders of wheels as uv's variables, without those that are set for uv already."""
    if importlib.util.find_spec("pip") is None:
        return {}
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    given: dict[str, list[str]] = {}
    # Lines such as global.index-url='https://...', in an order that differs from pip to pip. The last of a name wins.
    for line in sorted(asked.stdout.splitlines(), key=_rank):
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in _SETTINGS:
            given[name] = value.strip("'\"").replace("\\n", " ").split()
    out = {}
    for name, values in given.items():
        variable, between = _SETTINGS[name]
        if variable not in os.environ and values:
            out[variable] = between.join(values)
    if "UV_INDEX" in out and "UV_INDEX_STRATEGY" not in os.environ:
        out["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # what pip does with several indexes
    return out


def _rank(line: str) -> int:
    """Where pip's settings come from, the weakest first."""
    origins = ("global", "user", "site", ":env:")
    return next((rank for rank, origin in enumerate(origins) if line.startswith(f"{origin}.")), -1)
