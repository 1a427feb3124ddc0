"""A run that stopped goes on, from any place, and equals the undisturbed one; what changed is refused in words."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from arena.errors import InputError, RecordError
from arena.evaluate.table import ScoreTable
from arena.lineup import build_plan
from arena.match import Match
from arena.observer import Observer
from arena.operator import Outcome
from arena.plan import Limits, Plan
from arena.play import describe, run_plan
from arena.record.reader import Run
from arena.record.resume import check_same, plan_of
from arena.record.verify import verify
from arena.record.writer import Recorder

WEIGHTS = Path(__file__).parents[2] / "arena_operators" / "ppo" / "weights"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


class Stopper(Observer):
    """As if Ctrl-C came after so many matches."""

    def __init__(self, after: int) -> None:
        self.after = after

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.after -= 1
        if not self.after:
            raise KeyboardInterrupt


def stop(plan: Plan, out: Path, after: int = 3) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_plan(plan, out, concurrency=3, observer=Stopper(after))


def go_on(out: Path, **how: Any) -> list[ScoreTable]:
    return run_plan(plan_of(Run(out)), out, resume=True, **how)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but those that may differ between equal runs."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "workers"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != "timing-000.jsonl"}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def a_plan(**how: Any) -> Plan:
    limits = Limits(max_reasks=1, deadline=77.0, retries=1)
    return build_plan("leduc@hands=2", ["random", "scripted"], seed=3, matches=12, limits=limits, **how)


def test_it_goes_on_from_what_run_json_says_alone(tmp_path: Path) -> None:
    whole = run_plan(a_plan(), tmp_path / "whole")
    stop(a_plan(), tmp_path / "run", 5)
    assert plan_of(Run(tmp_path / "run")).spec == a_plan().spec
    assert go_on(tmp_path / "run", concurrency=2) == whole
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    assert verify(Run(tmp_path / "run")).passed


def test_it_may_stop_again_and_again(tmp_path: Path) -> None:
    run_plan(a_plan(), tmp_path / "whole")
    stop(a_plan(), tmp_path / "run", 1)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            go_on(tmp_path / "run", observer=Stopper(2))
        assert verify(Run(tmp_path / "run")).stopped
    go_on(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_run_that_is_complete_only_gives_its_table(tmp_path: Path) -> None:
    whole = run_plan(a_plan(), tmp_path / "run")
    before = contents(tmp_path / "run")
    assert run_plan(a_plan(), tmp_path / "run", resume=True) == whole
    assert contents(tmp_path / "run") == before


def test_without_a_run_there_one_is_begun(tmp_path: Path) -> None:
    run_plan(a_plan(), tmp_path / "run", resume=True)
    assert verify(Run(tmp_path / "run")).passed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 4}, "its seed is 3, here it is 4"),
        ({"matches": 13}, "its number of matches is 12, here it is 13"),
        ({"limits": Limits()}, "its limits is .*'deadline': 77.0"),
    ],
)
def test_another_plan_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    stop(a_plan(), tmp_path / "run")
    with pytest.raises(RecordError, match=said):
        run_plan(dataclasses.replace(a_plan(), **change), tmp_path / "run", resume=True)


def test_other_operators_are_refused(tmp_path: Path) -> None:
    stop(a_plan(), tmp_path / "run")
    other = build_plan("leduc@hands=2", ["random", "random"], seed=3, matches=12, limits=a_plan().limits)
    with pytest.raises(RecordError, match=r"its operators is .*scripted"):
        run_plan(other, tmp_path / "run", resume=True)


def change_head(folder: Path, **change: Any) -> None:
    """Of the game, where it has such a key; else of the whole."""
    head = json.loads((folder / "run.json").read_text())
    for name, value in change.items():
        (head["games"][0] if name in head["games"][0] else head)[name] = value
    (folder / "run.json").write_text(json.dumps(head))


def test_another_engine_is_refused(tmp_path: Path) -> None:
    stop(a_plan(), tmp_path / "run")
    change_head(tmp_path / "run", engines={"open_spiel": "1.4"})
    with pytest.raises(RecordError, match=r"its game's engine is .*'open_spiel': '1\.4'.*, here it is"):
        run_plan(a_plan(), tmp_path / "run", resume=True)


def test_another_arena_is_refused(tmp_path: Path) -> None:
    stop(a_plan(), tmp_path / "run")
    change_head(tmp_path / "run", arena="0.0.1")
    with pytest.raises(RecordError, match=r"begun with agent-arena 0\.0\.1, this is .*Install that version to go on"):
        plan_of(Run(tmp_path / "run"))


def test_another_version_of_the_game_is_refused(tmp_path: Path) -> None:
    stop(a_plan(), tmp_path / "run")
    change_head(tmp_path / "run", version=99)
    with pytest.raises(RecordError, match="version 99; installed is"):
        plan_of(Run(tmp_path / "run"))


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a game, an operator and a worker, each in a file."""
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(EXAMPLES / "rock_paper_scissors.py", folder / "rps.py")
    shutil.copy(EXAMPLES / "first_operator.py", folder / "parrot.py")
    shutil.copy(EXAMPLES / "tiny_worker.py", folder / "a worker.py")
    return folder


def in_files() -> Plan:
    """By relative names."""
    operators = ["./parrot.py", f"cmd:\"{sys.executable} './a worker.py'\"@determinism=deterministic"]
    return build_plan("./rps.py@rounds=3", operators, seed=1, matches=8)


def test_a_run_is_moved_and_its_files_are_changed_or_gone(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    run_plan(in_files(), tmp_path / "whole")
    stop(in_files(), tmp_path / "run")
    moved = tmp_path / "elsewhere" / "moved"
    moved.parent.mkdir()
    shutil.move(tmp_path / "run", moved)
    (files / "rps.py").write_text("broken (")
    (files / "parrot.py").unlink()
    (files / "a worker.py").unlink()
    monkeypatch.chdir(tmp_path)
    assert verify(Run(moved)).passed
    go_on(moved)
    assert contents(moved) == contents(tmp_path / "whole")
    assert verify(Run(moved)).passed


def test_a_file_that_is_as_it_was_is_used_where_it_lies(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands beside it, and it may read, is found there only."""
    monkeypatch.chdir(files)
    stop(in_files(), tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    plan = plan_of(Run(tmp_path / "run"))
    assert plan.games[0].name == f"{files}/rps.py"
    assert plan.pool[1].what == f"{sys.executable} '{files}/a worker.py'"
    assert [entry.name for entry in plan.pool] == ["./parrot.py", in_names(tmp_path)]


def in_names(tmp_path: Path) -> str:
    return Run(tmp_path / "run").operators[1]


def test_a_game_of_strangers_is_not_run_unasked(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    run_plan(build_plan("./rps.py", ["random", "random"], seed=1), tmp_path / "run")
    (files / "rps.py").unlink()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "of another user"))
    with pytest.raises(RecordError, match=r"brings code of its own, .*rps\.py, which was never played here.*--trust"):
        verify(Run(tmp_path / "run"))
    assert verify(Run(tmp_path / "run"), trust=True).passed


def test_a_kept_file_that_was_changed_is_refused(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    run_plan(build_plan("./rps.py", ["random", "random"], seed=1), tmp_path / "run")
    (files / "rps.py").unlink()
    (copy,) = (tmp_path / "run" / "files").glob("*/rps.py")
    copy.write_text(copy.read_text() + "\n# a harmless word\n")
    with pytest.raises(RecordError, match=r"rps\.py was changed \(its hash was"):
        verify(Run(tmp_path / "run"))


def test_a_large_file_stays_outside_and_is_asked_for(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.record.kept.MOST_BYTES", 100)
    monkeypatch.chdir(files)
    run_plan(build_plan("./rps.py", ["random", "random"], seed=1), tmp_path / "run")
    assert not (tmp_path / "run" / "files").exists()
    (files / "rps.py").rename(files / "old.py")
    with pytest.raises(RecordError, match=r"rps\.py is gone \(its hash was .*No copy was kept.*Put it back there"):
        verify(Run(tmp_path / "run"))


def test_a_recorded_start_is_known_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither seed nor log depend on where it lies."""
    start = '{"names": ["right", "right"], "actions": "macro", "skip": 8}'
    logs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "later.json").write_text(start)
        game = f"sidescroller@from={tmp_path / name / 'later.json'}@horizon=3"
        run_plan(build_plan(game, ["random"], seed=1), tmp_path / name / "run")
        logs.append((tmp_path / name / "run" / "log-000.jsonl").read_bytes())
    assert logs[0] == logs[1]
    (tmp_path / "a" / "later.json").unlink()
    shutil.move(tmp_path / "a" / "run", tmp_path / "moved")
    assert verify(Run(tmp_path / "moved")).passed


# --- secrets ----------------------------------------------------------------------------------------------------------

SECRETIVE = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind
from arena.options import Option


class First(Operator):
    def open(self, seats):
        pass

    def act(self, requests):
        return [Decision(answer=request.observation.legal[0]) for request in requests]

    def end(self, match, seat, outcome):
        pass


def build(context):
    assert len(context.options["api_key"]) == 4
    return First()


KIND = OperatorKind(name="secretive", summary="", target=f"{__file__}:build", views=lambda *facts: Views(),
                    options={"api_key": Option("str", None, "")})
"""


def test_a_secret_is_given_again(tmp_path: Path) -> None:
    (tmp_path / "ops.py").write_text(SECRETIVE)
    given = ["./ops.py@api_key=hush", "random"]
    stop(build_plan("kuhn", given, seed=1, matches=8), tmp_path / "run")
    assert b"hush" not in b"".join(contents(tmp_path / "run").values())
    run = Run(tmp_path / "run")
    with pytest.raises(InputError, match=r"was given a secret \(api_key\), and no run records one.*--operators"):
        plan_of(run)
    with pytest.raises(InputError, match="the run was begun with"):
        plan_of(run, ["./ops.py@api_key=hush", "scripted"])
    plan = plan_of(run, given)
    assert plan.pool[0].options["api_key"] == "hush"
    run_plan(plan, tmp_path / "run", resume=True)
    assert b"hush" not in b"".join(contents(tmp_path / "run").values())
    assert os.listdir(tmp_path / "run" / "files")


def ppo_files(tmp_path: Path) -> Path:
    """The folder of a training run, with a checkpoint that decides nothing."""
    pytest.importorskip("safetensors")
    (tmp_path / "mine").mkdir()
    for suffix in (".safetensors", ".json"):
        shutil.copy(WEIGHTS / f"leduc{suffix}", f"mine/policy{suffix}")
    (tmp_path / "mine" / "step-100.safetensors").write_bytes(b"x" * 1000)
    return tmp_path / "mine"


@pytest.mark.parametrize("what", ["mine", "mine/policy.safetensors"])
def test_a_policy_is_kept_with_what_belongs_to_it(tmp_path: Path, what: str) -> None:
    folder = ppo_files(tmp_path)
    plan = build_plan("leduc", [f"ppo:{what}", "random"], seed=1, matches=2)
    head = describe(plan)
    Recorder(tmp_path / "run", head).close()
    kept = [path.name for path in (tmp_path / "run" / "files").rglob("*") if path.is_file()]
    assert sorted(kept) == ["policy.json", "policy.safetensors"]
    shutil.rmtree(folder)
    again = plan_of(Run(tmp_path / "run"))
    assert again.pool[0].name == f"ppo:{what}"
    assert again.pool[0].what.startswith(f"{tmp_path}/run/files/")
    check_same(Run(tmp_path / "run"), describe(again))
