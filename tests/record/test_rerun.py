"""Asking the operators of a run again: who decides the same is told; a deterministic one that differs is an error."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from arena.errors import RecordError
from arena.evaluate.intervals import wilson
from arena.lineup import build_plan
from arena.plan import Limits
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.rerun import Agreement, Rerun, rerun
from tests.record.rerun_op import DEADLINE

OP = Path(__file__).parent / "rerun_op.py"
ALL = 10**6


def play(folder: Path, *kinds: str, matches: int = 6) -> Run:
    """Of an operator of each kind and `random`, which are asked again after a bad answer."""
    names = [f"{OP}:{kind}@flag={folder.parent / 'flag'}" for kind in kinds]
    limits = Limits(max_reasks=1)
    run_plan(build_plan("leduc", [*names, "random"][:2], seed=3, matches=matches, limits=limits), folder, concurrency=4)
    return Run(folder)


def hashes(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def by_name(found: Rerun) -> dict[str, Agreement]:
    return {one.operator.rpartition(":")[2].partition("@")[0]: one for one in found.agreements}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of who counts and who draws; nothing in it changes."""
    return play(tmp_path_factory.mktemp("rerun") / "run", "SURE")


@pytest.fixture
def flag(run: Run) -> Path:
    """What the counting one is told to do; nothing, at first and at the end."""
    path = run.folder.parent / "flag"
    path.unlink(missing_ok=True)
    return path


def test_who_is_deterministic_decides_every_question_the_same(run: Run, flag: Path) -> None:
    """With its memory of the match, its own chance, and the questions that were repeated."""
    before = hashes(run.folder)
    found = rerun(run, ALL)
    table = {row.operator: row.turns for row in run.tables()[0].rows}
    assert found.passed
    assert (found.matches, found.of) == (6, 6)
    assert {one.operator: one.asked for one in found.agreements} == table
    assert all(one.same == one.asked and not one.differences for one in found.agreements)
    assert any(line.fault == "unparsable" for lines in run.matches() for line in lines if hasattr(line, "fault"))
    assert hashes(run.folder) == before


def test_as_few_matches_as_hold_the_questions_are_drawn_by_a_seed(run: Run, flag: Path) -> None:
    one, again, other = rerun(run, 5, seed=1), rerun(run, 5, seed=1), rerun(run, ALL - 1, seed=2)
    assert 5 <= sum(row.asked for row in one.agreements) < sum(row.asked for row in other.agreements)
    assert [row.asked for row in one.agreements] == [row.asked for row in again.agreements]


def test_one_that_is_deterministic_and_differs_fails(run: Run, flag: Path) -> None:
    flag.write_text("other", encoding="utf-8")
    found = rerun(run, ALL)
    sure, chance = by_name(found)["SURE"], by_name(found)["random"]
    assert not found.passed
    assert sure.broken
    assert sure.same < sure.asked
    assert "decided" in sure.differences[0]
    assert chance.same == chance.asked


def test_an_answer_that_is_a_fault_now_is_another_one(run: Run, flag: Path) -> None:
    flag.write_text("refuse", encoding="utf-8")
    sure = by_name(rerun(run, ALL))["SURE"]
    rubbish = sum(getattr(line, "fault", None) == "unparsable" for lines in run.matches() for line in lines)
    assert sure.same == rubbish


def test_one_whose_worker_dies_is_told_and_the_others_are_asked(run: Run, flag: Path) -> None:
    flag.write_text("die", encoding="utf-8")
    found = by_name(rerun(run, ALL))
    assert "exited with code 3" in (found["SURE"].absent or "")
    assert found["random"].asked == run.tables()[0].rows[1].turns


@pytest.mark.parametrize("word", ["hang", "late"])
def test_one_that_does_not_answer_in_time_is_told_and_the_others_are_asked(word: str, tmp_path: Path) -> None:
    """Also where its answer comes while others are still asked: it counts for nothing."""
    names = [f"{OP}:SURE@flag={tmp_path / 'flag'}", "random"]
    limits = Limits(max_reasks=1, deadline=DEADLINE)
    run_plan(build_plan("leduc", names, seed=3, matches=6, limits=limits), tmp_path / "run", concurrency=4)
    run = Run(tmp_path / "run")
    (tmp_path / "flag").write_text(word)
    found = by_name(rerun(run, ALL))
    assert "did not answer within 2 s" in (found["SURE"].absent or "")
    assert found["SURE"].asked == found["SURE"].same < run.tables()[0].rows[0].turns
    assert found["random"].asked == found["random"].same == run.tables()[0].rows[1].turns


def test_all_whose_workers_die_at_once_are_told(tmp_path: Path) -> None:
    """Nobody is left to be waited for."""
    run = play(tmp_path / "run", "SURE", "MEASURED")
    (tmp_path / "flag").write_text("die")
    found = rerun(run, ALL).agreements
    assert ["exited with code 3" in (one.absent or "") for one in found] == [True, True]


def test_questions_whose_service_fails_are_counted_apart(run: Run, flag: Path) -> None:
    """What follows in that match is not asked, for it would be asked of another memory."""
    flag.write_text("fail", encoding="utf-8")
    sure = by_name(rerun(run, ALL))["SURE"]
    assert sure.unanswered > 0
    assert 0 < sure.same == sure.asked < run.tables()[0].rows[0].turns - sure.unanswered


def test_one_that_is_measured_may_differ_and_a_person_is_not_asked(tmp_path: Path) -> None:
    run = play(tmp_path / "run", "MEASURED", "PERSON", matches=2)
    (tmp_path / "flag").write_text("other")
    found = rerun(run, ALL)
    measured, person = by_name(found)["MEASURED"], by_name(found)["PERSON"]
    assert found.passed
    assert measured.same < measured.asked
    assert (person.asked, person.absent) == (0, "a person is not asked again")


def test_an_operator_that_is_not_as_it_was_is_not_asked(tmp_path: Path) -> None:
    copy = tmp_path / "op.py"
    copy.write_text(OP.read_text())
    run_plan(build_plan("leduc", [f"{copy}:SURE", "random"], seed=1), tmp_path / "run")
    copy.write_text(OP.read_text() + "# another file\n")
    (next((tmp_path / "run" / "files").iterdir()) / "op.py").unlink()
    found = rerun(Run(tmp_path / "run"), ALL)
    changed, chance = found.agreements
    assert "is not the one that the run was played with" in (changed.absent or "")
    assert chance.asked > 0


def test_a_run_in_realtime_is_refused(tmp_path: Path) -> None:
    plan = build_plan("sidescroller", ["random", "random"], limits=Limits(pace="realtime", max_ticks=1))
    run_plan(plan, tmp_path / "run")
    with pytest.raises(RecordError, match="realtime"):
        rerun(Run(tmp_path / "run"), 1)


@pytest.mark.parametrize(("word", "code", "said"), [("", 0, "the same, 100.0% (95%: "), ("other", 1, "WRONG  ")])
def test_the_command_tells_the_rates_and_fails_for_who_should_not_differ(
    run: Run, flag: Path, word: str, code: int, said: str
) -> None:
    flag.write_text(word, encoding="utf-8")
    command = [sys.executable, "-m", "arena", "verify", str(run.folder), "--rerun", "20", "--rerun-seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout
    assert "drawn by --rerun-seed 7" in done.stdout


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_that_of_wilson(hits: int, count: int, low: float, high: float) -> None:
    assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)
