"""The wheel, installed alone with its base dependencies, plays: no checkout, no extra."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ("arena", "arena_games", "arena_operators", "arena_workers")
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
    build = (sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation")
    _run(*build, "--wheel-dir", out, source, cwd=out)
    return next(out.glob("*.whl"))


def closure(name: str) -> set[str]:
    """The distribution and all that it requires without any extra, by their names."""
    found, wanted = set(), [name]
    while wanted:
        if (one := wanted.pop()) in found:
            continue
        found.add(one)
        needs = map(Requirement, distribution(one).requires or ())
        wanted += [canonicalize_name(need.name) for need in needs if not need.marker or need.marker.evaluate()]
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of a clean environment that has the wheel and its base dependencies.

    Those are lent by this environment, which pip has made of the same requirements: fetching and unpacking them again
    takes a minute. `pip check` says whether any that the wheel names is lacking.
    """
    folder = tmp_path_factory.mktemp("installed")
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    bin = folder / "venv" / "bin"
    packages = Path(
        _run(bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
    )
    for name in closure("agent-arena") - {"agent-arena"}:
        here = distribution(name)
        for top in {file.parts[0] for file in here.files or () if file.parts[0] not in ("..", "__pycache__")}:
            (packages / top).symlink_to(here.locate_file(top))
    pip = (sys.executable, "-m", "pip", "--python", bin / "python")
    _run(*pip, "install", "-qq", "--no-compile", "--no-index", wheel, cwd=folder)
    _run(*pip, "check", cwd=folder)
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
    assert "[vlm]'" in out


def test_every_game_loads_without_an_extra(installed, tmp_path):
    assert "broken" not in _run(installed / "arena", "games", cwd=tmp_path).stdout
