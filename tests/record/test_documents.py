"""Files of a run folder of another version, or that are damaged: what follows from the log is computed again."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from arena.analysis.kept import write_analysis
from arena.cli.main import cli
from arena.errors import RecordError
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.turns import TurnReader, TurnStore, store_of
from arena.record.verify import verify
from arena.report.page import one_run
from arena.report.replays import Caps

NOTHING = Caps(turns=0, picture_bytes=0)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents") / "run"
    run_plan(build_plan("kuhn", ["random", "scripted"], seed=3, matches=8), folder)
    write_analysis(Run(folder), ("ratings", "differences"))
    return folder


@pytest.fixture
def run(played: Path, tmp_path: Path) -> Run:
    return Run(shutil.copytree(played, tmp_path / "run"))


def changed(path: Path, change: Callable[[Any], Any]) -> None:
    found = json.loads(path.read_bytes())
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def without_anchor(path: Path) -> None:
    changed(path, lambda found: found.pop("anchor"))


def newer(path: Path) -> None:
    changed(path, lambda found: found.update(format=99))


UNUSABLE = [
    (emptied, r"analysis\.json is damaged: it is empty"),
    (halved, r"analysis\.json is damaged"),
    (without_anchor, r"analysis\.json is not as agent-arena .* missing required field `anchor`"),
    (newer, r"analysis\.json has format 99, agent-arena .* reads format 1"),
]


def invoke(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, words)
    return done.exit_code, done.output


@pytest.mark.parametrize(("damage", "said"), UNUSABLE)
def test_the_page_has_the_ratings_of_the_log_where_the_analysis_cannot_be_used(
    run: Run, damage: Callable[[Path], None], said: str
) -> None:
    whole = one_run(run, NOTHING, times=False)
    damage(run.folder / "analysis.json")
    text = one_run(run, NOTHING, times=False)
    assert text.count("What stands here was computed from the log.") == 1
    assert whole[whole.index('id="ratings"') :] == text[text.index('id="ratings"') :]


@pytest.mark.parametrize(("damage", "said"), UNUSABLE)
def test_verify_names_an_analysis_that_cannot_be_used_and_how_it_is_written_anew(
    run: Run, damage: Callable[[Path], None], said: str
) -> None:
    path = run.folder / "analysis.json"
    before = path.read_bytes()
    damage(path)
    code, output = invoke("verify", str(run.folder), "--processes", "1")
    assert code == (0 if damage is newer else 1)  # nothing shows that the log, or this version's numbers, are wrong
    [line] = [line for line in output.splitlines() if "analysis.json" in line]
    assert re.search(said, line)
    assert "--analysis` writes it anew" in line
    code, output = invoke("report", str(run.folder), "--analysis", "--turns", "0")
    assert code == 0
    kept = damage in (without_anchor, newer)  # its metrics can still be read
    assert (path.read_bytes() == before) == kept
    assert invoke("verify", str(run.folder), "--processes", "1")[0] == 0


def test_an_analysis_is_written_for_a_run_that_had_none(run: Run) -> None:
    path = run.folder / "analysis.json"
    path.unlink()
    assert invoke("report", str(run.folder), "--analysis", "--turns", "0")[0] == 0
    assert json.loads(path.read_bytes())["games"][0]["differences"]


@pytest.mark.parametrize("damage", [emptied, halved, lambda path: path.write_text("{}")])
def test_results_that_cannot_be_read_are_computed_from_the_log(run: Run, damage: Callable[[Path], None]) -> None:
    tables = run.tables()
    damage(run.folder / "results.json")
    assert "The scores here are computed from the log." in one_run(run, NOTHING)
    assert invoke("show", str(run.folder))[0] == 0
    [problem] = verify(run).problems
    assert "results.json is" in problem.text
    code, output = invoke("play", "--resume", str(run.folder))
    assert code == 0, output
    assert run.recorded_tables() == tables


def test_a_run_that_ended_and_lost_matches_is_not_called_complete(run: Run) -> None:
    halved(run.folder / "log-000.jsonl")
    done = CliRunner().invoke(cli, ["show", str(run.folder)])
    assert isinstance(done.exception, RecordError)
    assert "it came to its end, and its log has" in str(done.exception)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda head: head.update(format=99, arena="9.1"), r"format 99, .* was written by agent-arena 9\.1"),
        (lambda head: head.pop("format"), "names no format"),
        (lambda head: head.pop("plan"), r"not as agent-arena .* missing required field `plan`"),
    ],
)
def test_a_run_of_another_version_is_named_as_one(run: Run, change: Callable[[Any], Any], said: str) -> None:
    changed(run.folder / "run.json", change)
    with pytest.raises(RecordError, match=said):
        Run(run.folder)


def test_an_empty_head_is_named_as_empty(run: Run) -> None:
    emptied(run.folder / "run.json")
    with pytest.raises(RecordError, match=r"run\.json is damaged: it is empty"):
        Run(run.folder)


@pytest.mark.parametrize(("version", "said"), [(7, "was written in format 7"), (0, "is empty")])
def test_stored_turns_of_another_version_are_named(tmp_path: Path, version: int, said: str) -> None:
    TurnStore(tmp_path).close()
    with closing(sqlite3.connect(store_of(tmp_path))) as file:
        file.execute(f"pragma user_version = {version}")
    with pytest.raises(RecordError, match=said):
        TurnReader(tmp_path)


@pytest.mark.parametrize("damage", [emptied, halved, lambda path: path.write_text("[1]")])
def test_without_what_was_said_or_asked_again_all_else_is_told(run: Run, damage: Callable[[Path], None]) -> None:
    whole = one_run(run, NOTHING, times=False)
    for name in ("operators.json", "rerun.json"):
        (run.folder / name).write_text('{"random": [{"a": "b"}]}')
        damage(run.folder / name)
    text = one_run(run, NOTHING, times=False)
    assert whole[whole.index('id="ratings"') : whole.index('id="audit"')] in text
    for name in ("operators.json", "rerun.json"):
        assert text.count(f"{name} is ") == 1
    for words in (["audit"], ["show"], ["show", "--conditions"], ["report", "--turns", "0"]):
        code, output = invoke(words[0], str(run.folder), *words[1:])
        assert code == 0, output
        named = {"audit": "rerun.json", "show": "operators.json"}.get(words[0], "")
        assert f"{named} is " in output or words[0] == "report"
