"""The examples of one file: what the documents show is what lies in docs/examples, and their own tests pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs_kit import files

DOCS = Path(__file__).parent.parent / "docs"
SHOWN = {
    "algorithms.md": ("own_training.py",),
    "evaluate.md": ("race_schedule.py",),
    "writing-a-game.md": ("rock_paper_scissors.py", "test_rock_paper_scissors.py"),
    "writing-an-operator.md": ("first_operator.py", "test_first_operator.py"),
}


@pytest.mark.parametrize(
    ("document", "name"), [(document, name) for document, names in SHOWN.items() for name in names]
)
def test_a_document_shows_the_example_as_it_is(document, name):
    assert files(DOCS / document)[name] == (DOCS / "examples" / name).read_text()


def test_the_examples_own_tests_pass():
    tests = [name for names in SHOWN.values() for name in names if name.startswith("test_")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=DOCS / "examples", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for names in SHOWN.values() for name in names if name.startswith("test_")])
def test_a_test_of_a_plugin_is_five_lines(name):
    lines = [line for line in (DOCS / "examples" / name).read_text().splitlines() if line.strip()]
    assert len(lines) <= 5
