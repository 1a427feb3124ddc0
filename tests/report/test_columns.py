"""Parquet files of a run: what pandas and DuckDB load is what the log says."""

from __future__ import annotations

import math
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

import pyarrow.parquet as pq

from arena.errors import MissingExtraError
from arena.lineup import build_plan
from arena.local_workers import LocalWorkers
from arena.log import EndLine, MatchLine, TurnLine
from arena.operator import Decision
from arena.play import describe, run_plan
from arena.realtime import RealtimeMatch
from arena.record.reader import Run
from arena.record.turns import TurnStore, read
from arena.record.writer import Recorder
from arena.report import columns, parquet
from arena.scheduler import Scheduler
from tests.record.test_turns import plan
from tests.test_turns import PaidClocked, begun


def record(out: Path, concurrency: int = 3) -> Run:
    """A run with rewards, faults and second attempts, and with its turns kept."""
    planned = plan()
    with closing(Recorder(out, describe(planned))) as recorder, closing(TurnStore(out)) as store:
        Scheduler(
            planned, LocalWorkers(planned.entries), concurrency=concurrency, recorder=recorder, sinks=[store]
        ).run()
    return Run(out)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = record(tmp_path_factory.mktemp("columns") / "run")
    columns.write_columns(run)
    return run


def test_pandas_loads_every_match_as_the_log_has_it(run: Run) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(run.folder / "matches.parquet")
    for row, lines in zip(table.itertuples(), run.played(), strict=True):
        head, end = lines[0], lines[-1]
        assert isinstance(head, MatchLine)
        assert isinstance(end, EndLine)
        assert (row.match, row.block, row.seed, tuple(row.operators)) == (head.match, head.block, head.seed, head.seats)
        assert (row.status, row.ticks, tuple(row.returns)) == (end.status, end.ticks, end.returns)
        assert sum(row.faults) == sum(isinstance(line, TurnLine) and line.fault is not None for line in lines)


def test_duckdb_counts_turns_and_faults_of_each_operator_as_the_table_does(run: Run) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = run.folder / "turns.parquet"
    counted = duckdb.sql(
        f"select operator, count(*), count(fault) from '{path}' where not late group by all order by all"
    ).fetchall()
    rows = [(row.operator, row.turns, sum(row.faults.values())) for row in run.tables()[0].rows]
    assert counted == sorted(rows)
    assert sum(faults for _, _, faults in counted) > 0


def test_a_turn_has_the_reward_and_the_end_that_a_trainer_is_given(run: Run) -> None:
    written = {
        (row["match"], row["seat"], row["asked"], row["attempt"]): (row["reward"], row["ended"])
        for row in pq.read_table(run.folder / "turns.parquet").to_pylist()
    }
    given = {turn[:4]: (turn.reward, turn.ended) for episode in read(run) for turn in episode.turns}
    assert written.keys() == given.keys()
    assert all(math.isclose(written[key][0], reward, abs_tol=1e-9) for key, (reward, _) in given.items())
    assert {key: ended for key, (_, ended) in written.items()} == {key: ended for key, (_, ended) in given.items()}


@pytest.mark.parametrize("late", [{1}, {1, 2}, {0, 1}, {2, 3}, {0, 1, 2, 3}, {0, 2}])
def test_in_realtime_too_where_a_seat_is_late(late: set[int]) -> None:
    match = begun(PaidClocked(2, {"rounds": 4}), pace="realtime")
    assert isinstance(match, RealtimeMatch)
    for tick in range(4):
        match.requests()
        match.feed(0, Decision(answer=0))
        if tick in late:
            assert match.late(1)
        else:
            match.feed(1, Decision(answer=0))
        match.advance()
    lines = match.take_lines()
    answers = [line for line in lines if isinstance(line, TurnLine) and not line.late]
    given = {
        (turn.request.seat, turn.request.tick): (turn.reward, turn.ended != "none") for turn in match.episode().turns
    }
    found = columns.turn_rewards(lines, 2)
    assert {(line.seat, columns.asked_at(line)): found[lines.index(line)] for line in answers} == given


def test_equal_runs_give_equal_files(run: Run, tmp_path: Path) -> None:
    other = record(tmp_path / "other", concurrency=1)
    for path in columns.write_columns(other)[:2]:
        assert path.read_bytes() == (run.folder / path.name).read_bytes()


def test_rows_are_written_in_groups(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_ROWS", 4)
    path = columns.write_columns(run, tmp_path)[1]
    file = pq.ParquetFile(path)
    assert file.num_row_groups == math.ceil(file.metadata.num_rows / 4) > 1
    assert file.read().equals(pq.read_table(run.folder / "turns.parquet"))


def test_every_answer_that_was_waited_for_is_a_call(tmp_path: Path) -> None:
    run_plan(build_plan("kuhn", ["random", "scripted"], seed=1, matches=4), tmp_path / "run")
    run = Run(tmp_path / "run")
    calls = pq.read_table(columns.write_columns(run)[2]).to_pylist()
    turns = [line for line in run.lines() if isinstance(line, TurnLine)]
    assert sorted((row["tick"], row["seat"], row["operator"]) for row in calls) == sorted(
        (line.tick, line.seat, line.operator) for line in turns
    )
    assert all(row["seconds"] >= 0 and row["void_tries"] == 0 for row in calls)


def test_without_pyarrow_the_command_that_installs_it_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"eval"):
        columns.write_columns(run)
