"""A run that is read while it is played gives what reading it afterwards gives, byte for byte."""

from __future__ import annotations

import itertools
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("pyarrow")

from arena import parcel
from arena.analysis.audit import audit
from arena.analysis.outcomes import COLUMNS, read_outcomes
from arena.cli.evaluate import evaluate
from arena.lineup import build_plan
from arena.log import Line
from arena.play import describe, run_plan
from arena.record.reader import Run
from arena.record.shards import growing
from arena.record.writer import Recorder
from arena.report import beside
from arena.report.beside import ReadingBeside, follow
from arena.report.page import one_run
from arena.report.reading import Known, read_run
from arena.report.replays import Caps
from tests.record.test_turns import plan
from tests.report.test_columns import record

WRITTEN = ("matches.parquet", "turns.parquet", "calls.parquet")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return record(tmp_path / "run")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is started however short the log is."""
    monkeypatch.setattr(beside, "LONG", 0)


def appending(folder: Path, log: bytes, pieces: int) -> Callable[[], bool]:
    """Writes one of so many pieces of the log at each call; they end anywhere, and in the middle a shard begins."""
    at = [len(log) * piece // pieces for piece in range(pieces + 1)]
    middle = log.index(b'{"type":"match"', len(log) // 2)
    written = itertools.pairwise(at)

    def goes_on() -> bool:
        begin, end = next(written)
        for number, (first, last) in enumerate(((0, middle), (middle, len(log)))):
            if text := log[max(begin, first) : min(end, last)]:
                with (folder / f"log-{number:03d}.jsonl").open("ab") as file:
                    file.write(text)
        return end < len(log)

    return goes_on


def emptied(run: Run) -> tuple[Run, bytes]:
    """The run as it was before its first match, and its log."""
    path = run.folder / "log-000.jsonl"
    log = path.read_bytes()
    path.unlink()
    return run, log


def shown(run: Run, known: Known) -> list[object]:
    """All that is told of a run."""
    kept = msgspec.json.encode([known.tables, known.behaviour])
    written = [(run.folder / name).read_bytes() for name in WRITTEN]
    return [kept, *written, audit(run, known.facts), one_run(run, known=known)]


@pytest.mark.parametrize("pieces", [1, 7, 500])
def test_each_match_of_a_growing_log_is_given_once_and_whole(run: Run, pieces: int) -> None:
    expected = list(run.matches())
    run, log = emptied(run)
    found: Iterator[list[Line]] = growing(run.folder, appending(run.folder, log, pieces))
    assert list(found) == expected


def test_what_is_read_of_a_growing_log_is_what_is_read_of_it_afterwards(run: Run) -> None:
    expected = shown(run, read_run(run, columns=run.folder, caps=Caps()))
    run, log = emptied(run)
    with tempfile.TemporaryFile() as file:
        follow(run, file, appending(run.folder, log, 40))
        known = parcel.unpack(file)
    (run.folder / "log-001.jsonl").unlink()
    (run.folder / "log-000.jsonl").write_bytes(log)  # the page names the files of the log
    assert shown(run, known) == expected


def test_the_outcomes_of_the_one_pass_are_those_of_a_pass_of_their_own(run: Run) -> None:
    found, alone = read_run(run).facts.outcomes, read_outcomes(run)
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(alone, name), equal_nan=name == "returns")


def test_a_process_beside_the_run_reads_it(run: Run, short: None) -> None:
    expected = shown(run, read_run(run, columns=run.folder, caps=Caps()))
    for name in WRITTEN:
        (run.folder / name).unlink()
    left = run.folder / ".turns.parquet.1.new"  # of a run that was killed, and goes on
    left.touch()
    with closing(ReadingBeside(run.folder, pytest.fail)) as reading:
        reading.grew()
        assert reading.pid is not None
        assert reading.read(run) == (run.tables(), run.times())
        assert shown(run, reading.known) == expected
    assert not left.exists()


def test_a_process_that_is_killed_costs_nothing_but_time(run: Run, short: None) -> None:
    expected = shown(run, read_run(run, columns=run.folder, caps=Caps()))
    said: list[str] = []
    with closing(ReadingBeside(run.folder, said.append)) as reading:
        reading.grew()
        assert reading.pid is not None
        os.kill(reading.pid, signal.SIGKILL)
        os.waitid(os.P_PID, reading.pid, os.WEXITED | os.WNOWAIT)  # nobody reads what it is told
        reading.read(run)
    assert shown(run, reading.known) == expected
    assert "was killed by SIGKILL" in said[0]


def test_a_short_run_starts_no_process(run: Run) -> None:
    with closing(ReadingBeside(run.folder, pytest.fail)) as reading:
        reading.grew()
        assert reading.pid is None


def test_a_run_that_is_stopped_leaves_no_process_and_no_half_file(tmp_path: Path, short: None) -> None:
    with closing(Recorder(tmp_path / "run", describe(plan()))) as recorder:
        reading = ReadingBeside(recorder.folder, pytest.fail)
        reading.grew()
        reading.close()
    assert reading.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(reading.pid, 0)
    assert sorted(path.name for path in recorder.folder.iterdir()) == ["run.json", "workers"]


STUCK = """
import os, threading
from pathlib import Path
from arena.testing.noop import Noop


class Stuck(Noop):
    def draw(self, height, width):
        Path(__file__).with_name("fifo").write_text(str(os.getpid()))
        threading.Event().wait()
"""

ARENA = """
import sys, threading
from pathlib import Path
from arena.report import beside

beside.LONG = 0
reading = beside.ReadingBeside(Path(sys.argv[1]), print)
reading.grew()
print(reading.pid, flush=True)
threading.Event().wait()
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of the end of another's process")
def test_an_arena_that_is_killed_takes_the_process_and_its_hosts_with_it(tmp_path: Path) -> None:
    """A host hangs as it draws a match for the page."""
    game = tmp_path / "stuck.py"
    game.write_text(STUCK)
    os.mkfifo(tmp_path / "fifo")
    run_plan(build_plan(f"{game}@seats=1@ticks=1", ["random"], matches=1), tmp_path / "run")
    with subprocess.Popen([sys.executable, "-c", ARENA, tmp_path / "run"], stdout=subprocess.PIPE) as arena:
        assert arena.stdout is not None
        reading, host = int(arena.stdout.readline()), int((tmp_path / "fifo").read_text())
        ends = [os.pidfd_open(reading), os.pidfd_open(host)]
        arena.kill()
    for end in ends:
        assert select.select([end], [], [], 60)[0]
        os.close(end)
    assert "Traceback" not in (tmp_path / "run" / "workers" / "reading.log").read_text()


def test_arrays_come_back_as_they_were_put_in() -> None:
    value = {
        "some": np.arange(5),
        "none": np.zeros((0, 2)),
        "many": np.linspace(0, 1, 9_999).reshape(-1, 3),
        "word": "x",
    }
    with tempfile.TemporaryFile() as file:
        parcel.pack(value, file)
        found = parcel.unpack(file)
    assert found["word"] == "x"
    assert all(np.array_equal(found[name], value[name]) for name in ("some", "none", "many"))


def evaluated(tmp_path: Path, name: str, *more: str) -> Path:
    """The folder that `arena evaluate` leaves."""
    pytest.importorskip("scipy")
    script = tmp_path / "cup.toml"
    script.write_text('games = ["kuhn@seats=2"]\noperators = ["random", "scripted"]\nblocks = 3\n')
    folder = tmp_path / name
    found = CliRunner().invoke(evaluate, [str(script), "-q", *(more or ("--out", str(folder)))])
    assert found.exit_code == 0, found.output
    assert (folder / "report.html").is_file()
    return folder


def embedded(folder: Path) -> list[str]:
    """What the page has of the matches."""
    found = re.findall(
        r'<script type="[a-z/]+" id="(?:replay-index|piece|picture).*', (folder / "report.html").read_text()
    )
    assert len(found) > 2
    return found


def test_an_evaluation_that_is_read_beside_and_goes_on_leaves_the_files_of_one_that_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plainly = evaluated(tmp_path, "plainly")
    monkeypatch.setattr(beside, "LONG", 0)
    again = tmp_path / "again"
    again.mkdir()
    (again / "run.json").write_bytes((plainly / "run.json").read_bytes())
    log = (plainly / "log-000.jsonl").read_bytes()
    (again / "log-000.jsonl").write_bytes(log[: len(log) // 2])  # as a kill leaves it
    (again / ".turns.parquet.1.new").touch()
    evaluated(tmp_path, "again", "--resume", str(again))
    assert (again / "workers" / "reading.log").read_text() == ""  # there was a process, and nothing was wrong
    for name in ("log-000.jsonl", "results.json", "analysis.json", "matches.parquet", "turns.parquet"):
        assert (again / name).read_bytes() == (plainly / name).read_bytes(), name
    assert embedded(again) == embedded(plainly)
    assert not list(again.glob(".*"))
