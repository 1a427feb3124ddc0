"""A run that stops, from the command line: a full disk, Ctrl-C, a worker that cannot start; and how it goes on."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from arena.cli.main import cli
from arena.errors import ArenaError, InputError, RecordError
from arena.lineup import build_plan
from arena.match import Match
from arena.observer import Observer
from arena.operator import Outcome
from arena.play import run_plan
from arena.record.writer import Recorder
from tests.cli.kit import install, run
from tests.supervisor.kit import ROOT

PLAN = ("-g", "leduc", "-o", "random,scripted", "-n", "60", "-s", "3")
SAME = ("log-000.jsonl", "results.json", "run.json")


def test_a_full_disk_is_one_message_and_the_run_goes_on(tmp_path: Path) -> None:
    """Here the system lets no file grow beyond 40,000 bytes: so a write fails in the middle, as on a full disk."""
    assert run(tmp_path, "play", *PLAN, "--out", "whole")[0] == 0
    command = [str(Path(sys.executable).with_name("arena")), "play", *PLAN, "--out", "r"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
    )
    assert done.returncode == 1
    assert done.stderr.count("cannot be written into r any more: File too large") == 1
    assert "Traceback" not in done.stderr
    assert "play --resume r\n" in done.stderr
    assert "of 60 matches in" in done.stdout
    assert (tmp_path / "r" / "log-000.jsonl").stat().st_size == 40_000, "it ended in the middle of a write"

    code, out, _ = run(tmp_path, "verify", "r")
    assert code == 0
    assert "of 60: those " in out
    code, out, err = run(tmp_path, "show", "r")
    assert code == 0
    assert "leduc · " in out
    assert "of 60 matches in" in out
    assert "it stopped after" in err
    assert run(tmp_path, "play", "--resume", "r")[0] == 0
    for name in SAME:
        assert (tmp_path / "r" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

    code, out, err = run(tmp_path, "play", "--resume", "r")
    assert code == 0
    assert "leduc · 60 matches in 30 blocks" in out
    assert "it is complete: nothing is left to be played" in err


def called(*words: str) -> tuple[BaseException | None, str]:
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    return result.exception, " ".join(result.output.split())


class Stopper(Observer):
    def ended(self, match: Match, outcome: Outcome) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_plan(build_plan("kuhn", ["random", "random"], seed=1, matches=8), tmp_path / "r", observer=Stopper())
    return tmp_path / "r"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--matches", "9"], "--matches and --resume: a run goes on as it was begun"),
        (["-g", "kuhn", "--seed", "1"], "--game, --seed and --resume"),
        (["--deadline", "120"], "--deadline and --resume"),
        (["--out", "x"], "--out and --resume"),
        (["-o", "random,scripted"], "the run was begun with random,random"),
    ],
)
def test_options_that_would_change_the_run_are_refused(stopped: Path, words: list[str], said: str) -> None:
    error, _ = called("play", "--resume", str(stopped), *words)
    assert isinstance(error, InputError)
    assert said in str(error)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    error, _ = called("play", "--resume", str(tmp_path))
    assert isinstance(error, RecordError)
    assert "is not a run folder" in str(error)


def test_a_run_that_is_being_played_is_shown_and_not_played_twice(stopped: Path) -> None:
    recorder = Recorder.reopen(stopped)
    _, out = called("show", str(stopped))
    assert "it is being played: 1 of 8 matches" in out
    error, out = called("play", "--resume", str(stopped), "--quiet")
    assert isinstance(error, RecordError)
    assert "is being written by another arena" in str(error)
    recorder.close()
    _, out = called("show", str(stopped))
    assert "kuhn · 1 of 8 matches in 1 block · seed 1" in out
    assert "it stopped after 1 of 8 matches; go on with:" in out


def test_a_game_file_that_changed_is_named_and_the_copy_is_played(tmp_path: Path) -> None:
    rps = tmp_path / "rps.py"
    rps.write_text((ROOT / "docs" / "examples" / "rock_paper_scissors.py").read_text())
    words = ("-g", "./rps.py", "-o", "random,random", "-n", "4", "-s", "3", "--out", "r")
    assert run(tmp_path, "play", *words)[0] == 0
    assert "changed" not in run(tmp_path, "verify", "r")[1]
    rps.write_text("raise ValueError")
    code, out, _ = run(tmp_path, "verify", "r")
    assert code == 0
    assert f"{rps} has changed since the run began; the run folder has it as it was." in out
    (tmp_path / "r" / "results.json").unlink()
    log = tmp_path / "r" / "log-000.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) // 2])
    code, _, err = run(tmp_path, "play", "--resume", "r")
    assert code == 0
    assert f"{rps} has changed since the run began" in err
    assert log.read_bytes() == whole


def test_a_worker_that_cannot_start_leaves_a_run_that_can_go_on_once_it_can(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    install(plugins)
    code, _, err = run(tmp_path, "play", "-g", "kuhn", "-o", "random,torn", "--out", "r", plugins=plugins)
    assert code == 1
    assert "stopped after 0 of 1 match; once what is said below is put right, go on with:" in err


def test_a_run_that_its_operator_refuses_is_not_offered_to_be_resumed(tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    install(plugins)
    code, _, err = run(tmp_path, "play", "-g", "kuhn", "-o", "random,bad", "--out", "r", plugins=plugins)
    assert code == 2
    assert "--resume would be refused in the same way" in err
    assert "play --resume" not in err


def test_a_run_without_a_resolved_match_fails_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "examples" / "rock_paper_scissors.py").read_text()
    broken = text.replace("self.played.append(", 'raise ZeroDivisionError("torn")\n        self.played.append(')
    (tmp_path / "rps.py").write_text(broken)
    monkeypatch.chdir(tmp_path)
    error, out = called("play", "-g", "./rps.py", "-o", "random,random", "-n", "2", "--out", "r")
    assert isinstance(error, ArenaError)
    assert error.exit_code == 1
    assert "none of 2 matches was resolved: 2 times " in str(error)
    assert "ZeroDivisionError: torn" in str(error)
    assert "2 matches unresolved: " in out
