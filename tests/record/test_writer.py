"""The run folder: equal runs give equal files, and nothing that is there is ever overwritten."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from arena.errors import ArenaError, RecordError
from arena.lineup import build_plan
from arena.log import EndLine, TickLine
from arena.play import run_plan
from arena.record import shards, writer
from arena.record.reader import Run
from arena.record.verify import verify
from arena.record.writer import Recorder
from tests.record.kit import head_of, make_plan, record

HEAD = head_of("a", "b")


def logs(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("log-*.jsonl"))]


def test_equal_runs_give_equal_logs_whatever_the_concurrency(tmp_path: Path) -> None:
    """With real workers, as the command line starts them."""
    folders = [tmp_path / f"c{concurrency}" for concurrency in (1, 3, 16)]
    for folder in folders:
        plan = build_plan("leduc", ["random", "scripted"], seed=5, matches=20)
        run_plan(plan, folder, concurrency=int(folder.name[1:]))
    for name in ("log-000.jsonl", "results.json", "run.json"):
        assert len({(folder / name).read_bytes() for folder in folders}) == 1, name
    assert verify(Run(folders[0])).passed
    assert not (folders[0] / "open").exists()


def test_another_seed_gives_another_log(tmp_path: Path) -> None:
    first, second = (record(make_plan(seed=seed), tmp_path / str(seed)) for seed in (1, 2))
    assert logs(first.folder) != logs(second.folder)


def test_a_long_log_is_cut_into_shards_between_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = record(make_plan(matches=8), tmp_path / "whole")
    monkeypatch.setattr(writer, "SHARD_BYTES", 3000)
    cut = record(make_plan(matches=8), tmp_path / "cut")
    assert len(logs(cut.folder)) > 1
    assert b"".join(logs(cut.folder)) == b"".join(logs(whole.folder))
    assert all(log.splitlines()[0].startswith(b'{"type":"match"') for log in logs(cut.folder))
    assert verify(cut).passed


def tick(number: int) -> TickLine:
    return TickLine(tick=number, rewards=(0.0,), events=(), state_hash="")


def end(match: int) -> EndLine:
    return EndLine(match=match, status="terminated", ticks=1, returns=(0.0,))


def test_matches_are_written_in_plan_order_however_they_end(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    for match in (2, 0, 1):
        recorder.journal(match, [end(match)])
    recorder.end(2)
    assert logs(recorder.folder) == []
    recorder.end(0)
    recorder.end(1)
    recorder.close()
    assert [json.loads(line)["match"] for line in logs(recorder.folder)[0].splitlines()] == [0, 1, 2]


def test_a_tick_is_on_disk_as_soon_as_it_is_journaled(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    recorder.journal(3, [tick(0)])
    recorder.journal(3, [tick(1)])
    (journal,) = (tmp_path / "run" / "open").iterdir()
    assert [json.loads(line)["tick"] for line in journal.read_bytes().splitlines()] == [0, 1]
    recorder.close()
    assert journal.name == "match-000003.jsonl"
    assert [line.tick for line in shards.read_journal(journal)] == [0, 1]


def test_a_void_leaves_nothing_of_its_try(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    recorder.journal(0, [tick(0), tick(1)])
    recorder.void(0)
    recorder.void(0)
    assert list((tmp_path / "run" / "open").iterdir()) == []
    recorder.journal(0, [tick(5), end(0)])
    recorder.end(0)
    recorder.close()
    assert [json.loads(line).get("tick") for line in logs(recorder.folder)[0].splitlines()] == [5, None]


def test_why_a_try_is_void_survives_a_kill(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    recorder.timing(type="void", reason="worker_died")
    recorder.void(0)
    assert "worker_died" in (tmp_path / "run" / "timing-000.jsonl").read_text()
    recorder.close()


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = record(make_plan(), tmp_path / "run").folder
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(RecordError, match="is not empty"):
        record(make_plan(seed=9), folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert verify(record(make_plan(), tmp_path)).passed


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RecordError, match=r"cannot write a run into .*file.*Choose another --out"):
            Recorder(folder, HEAD)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_of_others_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RecordError, match="Permission denied"):
        Recorder(tmp_path / "run", HEAD)


def test_a_folder_that_vanishes_in_mid_run_is_said(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(ArenaError, match=r"cannot be written into .*run any more: No such file"):
        recorder.journal(0, [tick(0)])
    recorder.close()
