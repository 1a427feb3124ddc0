"""The evaluations that ship can be played, and playing one in several ways shows whether it depends on how."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from arena.cli.main import cli
from arena.lineup import build_plan
from arena.log import TurnLine, encoder
from arena.play import run_plan
from arena.record.reader import Run
from scripts.eval import determinism

SCRIPTS = Path(determinism.__file__).parent
SMALL = ["--set", "operators=scripted,random", "--set", "games=kuhn@seats=2,leduc@seats=2", "--set", "blocks=4"]


@pytest.mark.parametrize("name", ["leaderboard_cards", "models", "determinism"])
def test_it_can_be_played_here(name: str) -> None:
    done = CliRunner().invoke(cli, ["evaluate", str(SCRIPTS / f"{name}.py"), "--set", "blocks=1", "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "nothing was played" in done.output


def test_a_run_that_was_killed_is_that_of_one_that_was_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def command(*more: object) -> list[str]:
        script = str(SCRIPTS / "leaderboard_cards.py")
        return [sys.executable, "-m", "arena", "evaluate", script, *SMALL, "--quiet", *map(str, more)]

    assert determinism.walk(command, tmp_path, ["killed"], 1) == 0
    assert "1 at a time against killed: logs and tables are equal" in capfd.readouterr().out


def test_answers_that_differ_are_counted_by_operator(tmp_path: Path) -> None:
    plan = build_plan("leduc@seats=2", ["scripted", "random"], seed=3, matches=4)
    run_plan(plan, tmp_path / "run")
    run = Run(tmp_path / "run")
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.json").write_bytes((run.folder / "run.json").read_bytes())
    changed = 0
    with (other / "log-000.jsonl").open("wb") as log:
        for line in run.lines():
            if isinstance(line, TurnLine) and line.operator == "random":
                line, changed = msgspec.structs.replace(line, answer="another"), changed + 1
            log.write(encoder.encode(line) + b"\n")
    found = determinism.disagreements(run, Run(other))
    assert found["random"] == (changed, changed)
    assert found["scripted"][0] == 0 < found["scripted"][1]


def test_the_way_over_ray_compares_with_a_cluster_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    script = tmp_path / "small.toml"
    script.write_text("games = ['kuhn@seats=2']\noperators = ['scripted', 'random']\nblocks = 2\n")
    command = [sys.executable, str(SCRIPTS / "determinism.py"), str(script), "--ways", "ray"]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "against ray: logs and tables are equal" in told.stdout
