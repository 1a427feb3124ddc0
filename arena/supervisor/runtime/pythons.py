"""Finds a Python of a range: the one that is named, the arena's own, one on PATH, one of pyenv's, one of uv's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from arena import commands
from arena.errors import InputError
from arena.supervisor.runtime.running import clean_environment

_ASK = """
import importlib.util, json, platform, sys
ready = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
print(json.dumps([sys.implementation.name, platform.python_version(), ready]))
"""
_SECONDS = 30  # in which an interpreter starts


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter that runs."""

    path: Path
    version: str
    where: str  # it was found


@dataclass(slots=True)
class Search:
    """One search; it remembers what it looked at, for the message when nothing is found."""

    wanted: SpecifierSet
    uv: tuple[str, ...]  # its command; empty: environments are made with venv, which not every Python has
    looked: list[str] = field(default_factory=list)

    def find(self, given: Path | None = None) -> Python:
        """The first that fits. InputError says where it was looked for, what there was and what to do."""
        if given is not None:
            found = self._try("--python", given)
            if found is None:
                raise InputError(f"{self.looked[-1]}; expected Python {self.wanted}")
            return found
        if not self._minors():
            raise InputError(f"no Python is {self.wanted}: what the runtime asks for and what the arena runs on")
        for where, path in self._candidates():
            found = self._try(where, path)
            if found is not None:
                return found
        looked = "\n".join(f"  {line}" for line in self.looked)
        minor = self._minors()[0]
        how = f"pyenv install {minor}, or your system's packages python{minor} and python{minor}-venv"
        raise InputError(
            f"no Python {self.wanted} can be had. Looked at:\n{looked}\n"
            f"Install one ({how}), or name one that you have: --python PATH"
        )

    def _candidates(self) -> Iterator[tuple[str, Path]]:
        yield "this Python", Path(sys.executable)
        yield from self._on_path()
        yield from self._of_pyenv()
        yield from self._of_uv()

    def _on_path(self) -> Iterator[tuple[str, Path]]:
        folders = dict.fromkeys(Path(text) for text in os.get_exec_path() if text)
        names = [*(f"python{minor}" for minor in self._minors()), "python3", "python"]
        found = [folder / name for name in names for folder in folders if os.access(folder / name, os.X_OK)]
        if not found:
            self.looked.append(f"PATH: no {', '.join(names)}")
        yield from (("PATH", path) for path in found)

    def _of_pyenv(self) -> Iterator[tuple[str, Path]]:
        # Its shims on PATH answer only for the versions that are switched on; its folder has them all.
        root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
        there = {version: path for path in root.glob("*/bin/python") if (version := _version(path.parts[-3]))}
        fitting = [version for version in there if version in self.wanted]
        fitting.sort(key=lambda version: (version.minor, -version.micro))
        if not fitting:
            having = ", ".join(map(str, sorted(there))) or "nothing"
            self.looked.append(f"pyenv: {root} has {having}")
        yield from (("pyenv", there[version]) for version in fitting)

    def _of_uv(self) -> Iterator[tuple[str, Path]]:
        if not self.uv:
            self.looked.append(f"uv: not installed ({commands.install('env')}): it can fetch a Python")
            return
        ask = ("python", "find", "--no-project", "--managed-python")
        code, said = self._uv(*ask, "--no-python-downloads", str(self.wanted))
        if code == 0:
            yield "uv", Path(said.splitlines()[-1])
        if os.environ.get("UV_PYTHON_DOWNLOADS") in ("never", "manual"):
            self.looked.append("uv: has none, and UV_PYTHON_DOWNLOADS forbids it to fetch one")
            return
        for minor in self._minors()[:1]:
            code, said = self._uv("python", "install", "--no-bin", minor)
            if code != 0:
                self.looked.append(f"uv: cannot fetch {minor}: {_gist(said)}")
                return
            code, said = self._uv(*ask, minor)
            if code == 0:
                yield "uv", Path(said.splitlines()[-1])

    def _uv(self, *words: str) -> tuple[int, str]:
        env = clean_environment({"UV_HTTP_RETRIES": os.environ.get("UV_HTTP_RETRIES", "1")})
        done = subprocess.run([*self.uv, *words], env=env, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout if done.returncode == 0 else done.stderr).strip()

    def _minors(self) -> list[str]:
        """The minor versions of which some release may fit, oldest first: for those packages are surely built."""
        return [
            f"3.{minor}" for minor in range(8, 31) if any(f"3.{minor}.{micro}" in self.wanted for micro in range(40))
        ]

    def _try(self, where: str, path: Path) -> Python | None:
        said = self._fault(path.expanduser())
        if isinstance(said, str):
            self.looked.append(f"{where}: {path} {said}")
            return None
        return Python(path.expanduser().absolute(), str(said), where)

    def _fault(self, path: Path) -> Version | str:
        """Its version, or what is wrong with it."""
        try:
            done = subprocess.run(
                [path, "-I", "-c", _ASK], env=clean_environment(), capture_output=True, timeout=_SECONDS, check=False
            )
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        except subprocess.TimeoutExpired:
            return f"does not answer in {_SECONDS} s"
        if done.returncode != 0:
            return f"does not run (exit code {done.returncode})"
        try:
            kind, text, has_venv = json.loads(done.stdout)
            version = Version(text)
        except (ValueError, TypeError):
            return "is no Python: it does not say its version"
        if kind != "cpython":
            return f"is {kind}; packages are built for CPython"
        if version not in self.wanted:
            return f"is {version}"
        if not self.uv and not has_venv:
            return (
                f"is {version}, but has no venv or ensurepip (Debian: apt install python{text.rpartition('.')[0]}-venv)"
            )
        return version


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _gist(said: str) -> str:
    """The last cause that uv names."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("cause: ") if lines else "it does not say why"
