"""The arena's import names are its own: a user's folders called games, operators and workers take nothing from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
from pathlib import Path

import games, operators, workers
from arena.lineup import build_plan
from arena.play import run_plan

(table,) = run_plan(build_plan("kuhn", ["random", "scripted"], matches=2, seed=1), Path("run"))
print(games.MINE, operators.MINE, workers.MINE, table.matches)
"""


def test_a_script_beside_folders_of_these_names_plays(tmp_path: Path) -> None:
    for name in ("games", "operators", "workers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"MINE = {name!r}\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["games", "operators", "workers", "2"], done.stderr
