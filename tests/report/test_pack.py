"""`arena pack`: an archive verifies where it is unpacked, and is equal for equal runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from arena.cli.pack import pack as command
from arena.errors import InputError, MissingExtraError, RecordError
from arena.record.disk import FolderLock
from arena.record.reader import Run
from arena.record.verify import verify
from arena.report.pack import pack
from tests.report.kit import record, thinkers

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return record(thinkers(), tmp_path_factory.mktemp("pack") / "cards")


def unpack(archive: Path, into: Path) -> Path:
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as found:
            found.extractall(into)
    else:
        import pyarrow as pa

        with (
            pa.input_stream(str(archive), compression="zstd") as stream,
            tarfile.open(fileobj=stream, mode="r|") as tar,
        ):
            tar.extractall(into, filter="data")
    return into / "cards"


@pytest.mark.parametrize("ending", [".zip", ".tar.zst"])
def test_what_is_unpacked_verifies_and_has_the_sums_it_names(run: Run, tmp_path: Path, ending: str) -> None:
    folder = unpack(pack(run, tmp_path / f"a{ending}"), tmp_path / "there")
    assert verify(Run(folder)).passed
    assert "pip install agent-arena" not in (folder / "README.txt").read_text() + (folder / "report.html").read_text()
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
    named = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == named | {"SHA256SUMS"}
    assert {"report.html", "turns.parquet", "README.txt", "log-000.jsonl"} <= there
    assert not any(name.startswith(("timing", "calls", "workers")) for name in there)


@pytest.mark.parametrize("ending", [".zip", ".tar.zst"])
def test_equal_runs_give_equal_bytes(run: Run, tmp_path: Path, ending: str) -> None:
    other = record(thinkers(), tmp_path / "cards")
    first, second = pack(run, tmp_path / f"1{ending}"), pack(other, tmp_path / f"2{ending}")
    assert first.read_bytes() == second.read_bytes()


def test_it_is_packed_without_pictures(run: Run, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(run.folder), "--no-pictures", "--out", str(tmp_path / "a.zip")])
    assert done.exit_code == 0, done.output
    page = (unpack(tmp_path / "a.zip", tmp_path / "there") / "report.html").read_text()
    assert 'id="picture-0"' not in page
    assert 'id="piece-0"' in page


def test_a_run_that_stopped_is_packed_with_what_was_played(tmp_path: Path) -> None:
    stopped = record(thinkers(), tmp_path / "cards", until=3)
    report = verify(Run(unpack(pack(stopped, tmp_path / "a.zip"), tmp_path / "there")))
    assert (report.stopped, report.passed, report.matches) == (True, True, 3)


def test_an_archive_is_never_written_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        pack(run, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_without_pyarrow_a_zip_is_offered(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"cards\.zip"):
        pack(run, tmp_path / "a.tar.zst")
    folder = unpack(pack(run, tmp_path / "a.zip"), tmp_path / "there")
    assert verify(Run(folder)).passed
    assert not (folder / "turns.parquet").exists()


def test_another_ending_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.tar\.zst or \.zip"):
        pack(run, tmp_path / "a.rar")


def test_a_run_in_play_is_refused(tmp_path: Path) -> None:
    playing = record(thinkers(), tmp_path / "cards", until=1)
    lock = FolderLock(playing.folder)
    try:
        with pytest.raises(RecordError, match="being played"):
            pack(playing, tmp_path / "a.zip")
    finally:
        lock.release()
    assert not (tmp_path / "a.zip").exists()
