"""The wheel, installed alone with its base dependencies, plays: no checkout, no extra."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("arena", "games", "operators", "workers")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def _run(*command: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: a build folder in the checkout would lend it stale files."""
    source = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", out, source, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of a clean environment that has the wheel and its base dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    _run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    bin = folder / "venv" / "bin"
    _run(bin / "pip", "install", "-qq", "--no-compile", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return bin


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    there = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - there == set()


def test_it_plays_and_verifies(installed, tmp_path):
    play = ("play", "--game", "kuhn", "--operators", "random,random", "--out", "run")
    assert "random#2" in _run(installed / "arena", *play, cwd=tmp_path).stdout
    assert "verified: 1 match" in _run(installed / "arena", "verify", "run", cwd=tmp_path).stdout


def test_the_doctor_finds_no_problem(installed, tmp_path):
    out = _run(installed / "arena", "doctor", cwd=tmp_path).stdout
    assert str(ROOT) not in out
    assert "pip install 'agent-arena[vlm]'" in out


def test_every_game_loads_without_an_extra(installed, tmp_path):
    assert "broken" not in _run(installed / "arena", "games", cwd=tmp_path).stdout
