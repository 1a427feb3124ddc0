"""Whatever stops a run, and after whichever byte: what is there can be read and gone on with, and the run that went on

equals the undisturbed one.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.errors import ArenaError, RecordError
from arena.log import EndLine, Line, MatchLine, TickLine
from arena.record import shards, writer
from arena.record.disk import Disk
from arena.record.reader import Run
from arena.record.writer import Recorder
from tests.record.kit import head_of

HEAD = head_of("a", "b")
# What a scheduler does with five matches: two at once, one of them void at first, and they end out of order.
STEPS = ["j0", "j1", "j1", "v1", "j0", "j1", "e1", "j2", "e0", "j3", "j2", "j4", "e4", "e3", "j2", "e2"]


class Stop(BaseException):
    """The process is gone: nothing after it is executed."""


class Quick(Disk):
    """Nobody cuts the power here."""

    def sync(self, fd: int) -> None:
        pass

    def sync_folder(self, folder: Path) -> None:
        pass


class Dying(Quick):
    """It takes so many bytes; a file that is made, moved, cut or removed counts as one.

    `full`: from then on nothing can be written, but removed. Otherwise the process dies there.
    """

    def __init__(self, room: float, full: bool) -> None:
        self.room = room
        self.full = full
        self.told = 0

    def _over(self) -> None:
        self.told += 1
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        raise Stop

    def _take(self) -> None:
        if self.room < 1:
            self._over()
        self.room -= 1

    def write(self, fd: int, data: bytes) -> None:
        fits = data[: int(min(self.room, len(data)))]
        super().write(fd, fits)
        self.room -= len(fits)
        if len(fits) < len(data):
            self._over()

    def sync(self, fd: int) -> None:
        if not self.full:
            self._take()

    def open(self, path: Path) -> int:
        if not path.exists():
            self._take()
        return super().open(path)

    def unlink(self, path: Path) -> None:
        if not self.full:
            self._take()
        super().unlink(path)

    def rename(self, path: Path, to: Path) -> None:
        if not self.full:
            self._take()
        path.replace(to)

    def cut(self, path: Path, size: int) -> None:
        if not self.full:
            self._take()
        super().cut(path, size)


@pytest.fixture(params=[True, False], ids=["full", "dead"])
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of two matches, and syncs of two as well."""
    monkeypatch.setattr(writer, "SHARD_BYTES", 400)
    monkeypatch.setattr(writer, "SYNC_MATCHES", 2)


def lines_of(match: int) -> Iterator[list[Line]]:
    seats = ("a", "b") if match % 2 == 0 else ("b", "a")
    yield [MatchLine(match=match, block=match // 2, game="g", options={}, seed="", seats=seats, state_hash="")]
    for number in range(3):
        yield [TickLine(tick=number, rewards=(), events=(), state_hash=f"{match}")]


def play(recorder: Recorder) -> None:
    """STEPS, without the matches that are finished."""
    finished = [match for match in range(5) if recorder.over(match)]
    todo: dict[int, Iterator[list[Line]]] = {}
    for step in STEPS:
        match = int(step[1])
        if match in finished:
            continue
        if step[0] == "j":
            recorder.journal(match, next(todo.setdefault(match, lines_of(match))))
        elif step[0] == "v":
            recorder.timing(type="void", match=match)
            recorder.void(match)
            del todo[match]
        else:
            end = EndLine(match=match, status="terminated", ticks=1, returns=(float(match), -float(match)))
            recorder.journal(match, [end])
            recorder.end(match)
    recorder.results(Run(recorder.folder).tables())
    recorder.close()


def contents(folder: Path) -> dict[str, bytes]:
    """The files that equal runs have in common."""
    found = [*shards.shards(folder), folder / "run.json", folder / "results.json"]
    return {path.name: path.read_bytes() for path in found}


def whole(folder: Path) -> dict[int, list[Line]]:
    return {lines[0].match: lines for lines in Run(folder).played()}  # type: ignore[union-attr]


def stopped(folder: Path, disk: Dying) -> Recorder | None:
    """Play until the disk ends it. As after the death of the process, the lock is gone."""
    recorder, told = None, ""
    try:
        recorder = Recorder(folder, HEAD, disk=disk)
        play(recorder)
    except Stop:
        pass
    except ArenaError as error:
        told = str(error)
    assert not told or ("No space left" in told and (f"--resume {folder}" in told or "another --out" in told))
    if recorder is not None:
        recorder._disk = Quick()
        recorder._broken = True
        recorder.close()
    return recorder


def test_after_every_byte_a_run_can_be_read_and_gone_on_with(tmp_path: Path, full: bool) -> None:
    undisturbed = tmp_path / "whole"
    stopped(undisturbed, Dying(float("inf"), full))
    expected, matches = contents(undisturbed), whole(undisturbed)
    assert len(shards.shards(undisturbed)) > 1
    tried = 0
    begun = len(expected["run.json"])
    for room in (*range(0, begun, 97), *range(begun + int(full), 100_000, 2)):  # half of the bytes in either way
        folder, disk = tmp_path / str(room), Dying(room, full)
        recorder = stopped(folder, disk)
        if not disk.told:
            break
        if not (folder / "run.json").exists():
            assert recorder is None or not recorder.over(0)
            continue
        tried += 1
        assert recorder is not None
        there = whole(folder)
        assert all(matches[number] == lines for number, lines in there.items())
        assert set(there) >= {number for number in range(5) if recorder.over(number)}, "a finished match is lost"
        Run(folder).tables()
        again = Recorder.reopen(folder, disk=Quick())
        assert {number for number in range(5) if again.over(number)} == set(there), "one is lost, or counts twice"
        play(again)
        assert contents(folder) == expected
        assert sorted(path.name for path in folder.iterdir() if path.name not in expected) == ["timing-000.jsonl"]
        shutil.rmtree(folder)
    assert tried > 500


def test_what_goes_on_may_be_stopped_after_every_byte_as_well(tmp_path: Path, full: bool) -> None:
    undisturbed = tmp_path / "whole"
    stopped(undisturbed, Dying(float("inf"), full))
    expected = contents(undisturbed)
    begun = len(expected["run.json"])  # bytes; less is no run
    for room in range(0, 2500, 13):
        folder = tmp_path / str(room)
        stopped(folder, Dying(begun + 1050, full))
        disk = Dying(room, full)
        try:
            recorder = Recorder.reopen(folder, disk=disk)
            try:
                play(recorder)
            finally:
                recorder._disk, recorder._broken = Quick(), True
                recorder.close()
        except (Stop, ArenaError):
            pass
        (folder / "run.lock").unlink(missing_ok=True)
        play(Recorder.reopen(folder, disk=Quick()))
        assert contents(folder) == expected
        shutil.rmtree(folder)


def test_damage_that_no_stop_makes_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    stopped(folder, Dying(float("inf"), True))
    (folder / "results.json").unlink()
    first, last = shards.shards(folder)[0], shards.shards(folder)[-1]
    good = first.read_bytes()
    first.write_bytes(good[:-40])
    with pytest.raises(RecordError, match="damaged"):
        Recorder.reopen(folder)
    first.write_bytes(good)
    last.write_bytes(last.read_bytes()[:-40])
    recorder = Recorder.reopen(folder)
    assert (recorder.over(3), recorder.over(4)) == (True, False)
    recorder.close()


def test_only_one_arena_writes_a_run(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    with pytest.raises(RecordError, match=r"is being written by another arena \(process \d+\)"):
        Recorder.reopen(tmp_path / "run")
    recorder.close()
    Recorder.reopen(tmp_path / "run").close()
    assert not (tmp_path / "run" / "run.lock").exists()
