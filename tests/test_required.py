"""A skip of what must be here is a failure, and only such a one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.required import VARIABLE

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest

@pytest.mark.skipif(True, reason="no chromium on PATH")
def test_mark(): pass

@pytest.fixture
def engine(): pytest.skip("stockfish is not installed")

def test_fixture(engine): pass

def test_itself(): pytest.skip("a message of a later minor")

def test_passes(): pass
"""
IMPORTS = "import pytest\npytest.importorskip('no_such_module')\ndef test_never(): pass\n"


@pytest.mark.parametrize(
    ("required", "counts", "said"),
    [
        ("", {"passed": 1, "skipped": 4}, []),
        ("chromium", {"failed": 0, "error": 1, "passed": 1, "skipped": 3}, ["chromium"]),
        ("chromium, stockfish,import", {"error": 3, "passed": 1, "skipped": 1}, ["chromium", "stockfish", "import"]),
    ],
)
def test_what_must_be_here_is_not_skipped(
    tmp_path: Path, required: str, counts: dict[str, int], said: list[str]
) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_imports.py").write_text(IMPORTS)
    command = ["-m", "pytest", "-p", "tests.required", "--continue-on-collection-errors", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *command, "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: required, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )
    last = done.stdout.splitlines()[-1]
    found = {word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) (\w+)", last.partition(" in ")[0])}
    assert {word: found.get(word.rstrip("s"), 0) for word in counts} == counts, done.stdout
    for name in said:
        assert f"{VARIABLE} says that {name} must be here" in done.stdout
    assert bool(done.returncode) == bool(said)
