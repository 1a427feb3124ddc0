"""What builds an environment: uv where there is one, else the standard library's venv with pip.

Both use the package index that the user has set up, and none is named here. uv does not read pip's settings, so it is
told them, unless it has its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from arena.supervisor.runtime.lockfile import Pin, read
from arena.supervisor.runtime.running import Runner, clean_environment

# pip's setting -> uv's variable, and what stands between several values there
_SETTINGS = {"index-url": ("UV_DEFAULT_INDEX", " "), "extra-index-url": ("UV_INDEX", " ")}
_SETTINGS |= {"find-links": ("UV_FIND_LINKS", ","), "cert": ("SSL_CERT_FILE", " ")}


class Tool(Protocol):
    """Makes environments and installs packages into them. Everything raises ToolError."""

    @property
    def name(self) -> str: ...

    def make(self, runner: Runner, python: Path, folder: Path) -> None:
        """A new, empty environment in `folder`."""

    def resolve(self, runner: Runner, python: Path, requirements: Sequence[str], pinned: Sequence[Pin]) -> list[Pin]:
        """Exact versions for the environment of `python`; `pinned` versions hold where their packages are needed."""

    def install(self, runner: Runner, python: Path, lock: Path) -> None:
        """Install what a lock file says, and nothing else; hashes are checked when it has them for all."""

    def add(self, runner: Runner, python: Path, wheel: Path) -> None:
        """Install one wheel alone."""


@dataclass(frozen=True, slots=True)
class Uv:
    command: tuple[str, ...]
    settings: dict[str, str]
    name: str = "uv"

    def make(self, runner: Runner, python: Path, folder: Path) -> None:
        self._run(runner, "venv", "--no-project", "--python", python, folder)

    def resolve(self, runner: Runner, python: Path, requirements: Sequence[str], pinned: Sequence[Pin]) -> list[Pin]:
        asked, limits = _asked(runner.folder, requirements, pinned)
        out = runner.folder / "resolved.txt"
        out.unlink(missing_ok=True)  # uv would prefer its versions
        hashes = [] if _has_urls(requirements) else ["--generate-hashes"]
        options: list[str | Path] = [
            "--python",
            python,
            "--constraint",
            limits,
            *hashes,
            "--no-header",
            "--no-annotate",
        ]
        self._run(runner, "pip", "compile", "--quiet", *options, "--output-file", out, asked)
        return read(out)

    def install(self, runner: Runner, python: Path, lock: Path) -> None:
        self._run(runner, "pip", "install", "--python", python, "--no-deps", *_hash_option(lock), "--requirement", lock)

    def add(self, runner: Runner, python: Path, wheel: Path) -> None:
        self._run(runner, "pip", "install", "--python", python, "--no-deps", "--no-index", "--reinstall", wheel)

    def _run(self, runner: Runner, *words: str | Path) -> str:
        return runner.run([*self.command, *words], self.settings)


@dataclass(frozen=True, slots=True)
class Pip:
    name: str = "venv and pip"

    def make(self, runner: Runner, python: Path, folder: Path) -> None:
        runner.run([python, "-m", "venv", folder])

    def resolve(self, runner: Runner, python: Path, requirements: Sequence[str], pinned: Sequence[Pin]) -> list[Pin]:
        asked, limits = _asked(runner.folder, requirements, pinned)
        report = runner.folder / "report.json"
        options: list[str | Path] = ["--dry-run", "--ignore-installed", "--quiet", "--report", report]
        self._run(runner, python, *options, "--constraint", limits, "--requirement", asked)
        return [_pin(one) for one in json.loads(report.read_bytes())["install"]]

    def install(self, runner: Runner, python: Path, lock: Path) -> None:
        # Compiling all of it ahead takes most of the time; what is imported is compiled then.
        self._run(runner, python, "--no-deps", "--no-compile", *_hash_option(lock), "--requirement", lock)

    def add(self, runner: Runner, python: Path, wheel: Path) -> None:
        self._run(runner, python, "--no-deps", "--no-index", "--force-reinstall", wheel)

    def _run(self, runner: Runner, python: Path, *words: str | Path) -> str:
        return runner.run([python, "-m", "pip", "install", "--disable-pip-version-check", *words])


def choose() -> Tool:
    """uv on PATH, else the one that is installed beside the arena, else venv and pip."""
    command = uv()
    return Uv(command, _pip_settings()) if command else Pip()


def uv() -> tuple[str, ...]:
    """The command of a uv that runs; empty when there is none."""
    found = shutil.which("uv")
    for command in ([(found,)] if found else []) + [(sys.executable, "-m", "uv")] * bool(
        importlib.util.find_spec("uv")
    ):
        if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
            return command
    return ()


def _pip_settings() -> dict[str, str]:
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


def _asked(folder: Path, requirements: Sequence[str], pinned: Sequence[Pin]) -> tuple[Path, Path]:
    asked, limits = folder / "requirements.txt", folder / "pinned.txt"
    asked.write_text("\n".join([*requirements, ""]))
    limits.write_text("\n".join([*(pin.requirement for pin in pinned), ""]))
    return asked, limits


def _has_urls(requirements: Sequence[str]) -> bool:
    return any(" @ " in text for text in requirements)


def _hash_option(lock: Path) -> list[str]:
    return ["--require-hashes"] if all(pin.hashes for pin in read(lock)) else []


def _pin(item: dict[str, object]) -> Pin:
    """One package of pip's report."""
    metadata, download = item["metadata"], item["download_info"]
    assert isinstance(metadata, dict)
    assert isinstance(download, dict)
    if item.get("is_direct"):
        return Pin(f"{metadata['name']} @ {download['url']}")
    hashes = download.get("archive_info", {}).get("hashes", {})
    return Pin(f"{metadata['name']}=={metadata['version']}", tuple(f"{kind}:{value}" for kind, value in hashes.items()))
