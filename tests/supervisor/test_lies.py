"""Workers that lie, over the real wire: the exact outcome of each lie, and of every protocol minor."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from arena.log import EndLine, TurnLine
from arena.record.reader import Run
from tests.supervisor.kit import peer_kind, play
from tests.toys import Turns, plan_of


def run_of(folder: Path, peer: str, **limits: float) -> Run:
    return play(plan_of(Turns, [peer_kind(peer)], matches=2, **limits), folder / peer, concurrency=1)


def log_of(run: Run, peer: str) -> str:
    return (run.folder / "log-000.jsonl").read_text().replace(f"{peer}0", "PEER")


def timing(run: Run, kind: str) -> list[dict[str, object]]:
    lines = map(json.loads, (run.folder / "timing-000.jsonl").read_text().splitlines())
    return [line for line in lines if line["type"] == kind]


FORFEITS = [("forfeited", "seat 0 forfeits")] * 2


def ends(run: Run) -> list[tuple[str, str]]:
    return [(line.status, line.reason) for line in run.lines() if isinstance(line, EndLine)]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return log_of(run_of(tmp_path_factory.mktemp("honest"), "minor_zero"), "minor_zero")


@pytest.mark.parametrize(
    ("peer", "dropped"),
    [("says_it_twice", 3), ("lies_first", 6 * 4), ("minor_later", 0)],  # the last word of a match may come too late
)
def test_what_nobody_asked_for_is_dropped_and_the_log_is_that_of_an_honest_worker(
    tmp_path: Path, honest: str, peer: str, dropped: int
) -> None:
    run = run_of(tmp_path, peer)
    assert log_of(run, peer) == honest
    assert len(timing(run, "dropped")) >= dropped
    assert not timing(run, "void")


def test_a_slow_answer_voids_the_try_and_is_not_applied_and_the_worker_stays(tmp_path: Path, honest: str) -> None:
    run = run_of(tmp_path, "slow_once", deadline=3.0)  # which its other answers keep on a busy machine too
    assert [(void["fault"], void["match"]) for void in timing(run, "void")] == [("deadline", 0)]
    assert not timing(run, "died")
    assert log_of(run, "slow_once") == honest


def test_answers_to_other_questions_are_no_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.scheduler.GRACE", 0.2)
    run = run_of(tmp_path, "other_ids", deadline=0.5)
    assert ends(run) == FORFEITS
    assert {line["reason"] for line in timing(run, "died")} == {"did not confirm a CANCEL in time: it hangs"}


def test_a_decision_of_the_wrong_type_breaks_the_protocol_and_is_charged(tmp_path: Path) -> None:
    run = run_of(tmp_path, "wrong_type")
    assert ends(run) == FORFEITS
    assert all(
        str(line["reason"]).startswith("broke the protocol: a header that is not a message")
        for line in timing(run, "died")
    )


@pytest.mark.parametrize(
    ("peer", "said"),
    [("illegal_number", "action 1000000 is outside 0..2"), ("endless_text", "'zero zero zero")],
)
def test_an_impossible_answer_is_the_fault_unparsable(tmp_path: Path, peer: str, said: str) -> None:
    run = run_of(tmp_path, peer)
    assert ends(run) == FORFEITS
    faults = [line for line in run.lines() if isinstance(line, TurnLine)]
    assert {line.fault for line in faults} == {"unparsable"}
    assert all(said in str(line.detail) and len(str(line.detail)) < 300 for line in faults)


def test_an_answer_over_the_size_limit_is_named_at_once(tmp_path: Path) -> None:
    run = run_of(tmp_path, "oversized")
    assert ends(run) == FORFEITS
    said = {str(line["reason"]) for line in timing(run, "died")}
    assert len(said) == 1
    assert re.fullmatch(
        r"broke the protocol: a message of 68,157,\d{3} bytes in 2 .*; the limit is 67,108,864", said.pop()
    )
