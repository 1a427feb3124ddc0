"""What is read of a run folder: every line of every whole match, in plan order, and nothing of one in flight."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.errors import RecordError
from arena.log import EndLine, Line, MatchLine, TickLine, encoder
from arena.record import shards, writer
from arena.record.disk import Disk
from arena.record.reader import Run
from arena.record.times import Spent
from arena.record.writer import Recorder
from tests.record.kit import head_of, make_plan, record

HEAD = head_of("a", "b")


def lines_of(match: int, *, whole: bool = True) -> list[Line]:
    head = MatchLine(match=match, block=match // 2, game="g", options={}, seed="", seats=("a", "b"), state_hash="")
    tick = TickLine(tick=0, rewards=(1.0, -1.0), events=("é",), state_hash="")
    end = EndLine(match=match, status="terminated", ticks=1, returns=(float(match), 0.0))
    return [head, tick, end] if whole else [head, tick]


def text(*lines: Line) -> bytes:
    return b"".join(encoder.encode(line) + b"\n" for line in lines)


def run_of(folder: Path, *logs: bytes, journals: dict[int, bytes] | None = None) -> Run:
    recorder = Recorder(folder, HEAD)
    recorder.close()
    for number, log in enumerate(logs):
        (folder / f"log-{number:03d}.jsonl").write_bytes(log)
    (folder / "open").mkdir(exist_ok=True)
    for match, journal in (journals or {}).items():
        shards.journal(folder, match).write_bytes(journal)
    return Run(folder)


def test_every_line_of_every_shard_is_read_in_order(tmp_path: Path) -> None:
    run = run_of(tmp_path, text(*lines_of(0), *lines_of(1)), text(*lines_of(2)))
    assert list(run.lines()) == [*lines_of(0), *lines_of(1), *lines_of(2)]
    assert list(run.matches()) == [lines_of(0), lines_of(1), lines_of(2)]
    assert run.logged == 3
    assert list(run.in_play()) == []


def test_shards_are_ordered_by_number_beyond_a_thousand(tmp_path: Path) -> None:
    for name in ("log-1000.jsonl", "log-999.jsonl", "log-002.jsonl", "timing-000.jsonl", "log-1001.jsonl"):
        (tmp_path / name).touch()
    assert [path.name for path in shards.shards(tmp_path)] == [
        "log-002.jsonl",
        "log-999.jsonl",
        "log-1000.jsonl",
        "log-1001.jsonl",
    ]


def test_a_piece_says_where_it_ends(tmp_path: Path) -> None:
    run_of(tmp_path, text(*lines_of(0), *lines_of(1)), text(*lines_of(2), *lines_of(3, whole=False)))
    ends = [(piece.shard.name, piece.end, piece.whole) for piece in shards.pieces(tmp_path)]
    first, second = len(text(*lines_of(0))), len(text(*lines_of(0), *lines_of(1)))
    assert ends == [
        ("log-000.jsonl", first, True),
        ("log-000.jsonl", second, True),
        ("log-001.jsonl", len(text(*lines_of(2))), True),
    ]


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_end_of_the_last_shard_is_in_flight(tmp_path: Path, cut: int) -> None:
    whole = text(*lines_of(0), *lines_of(1))
    assert list(run_of(tmp_path, whole, text(*lines_of(2))[:-cut]).matches()) == [lines_of(0), lines_of(1)]


def test_a_torn_end_of_another_shard_is_damage(tmp_path: Path) -> None:
    torn = run_of(tmp_path, text(*lines_of(0), *lines_of(1))[:-30], text(*lines_of(2)))
    with pytest.raises(RecordError, match=r"log-000\.jsonl, line 6 is damaged"):
        list(torn.matches())


def test_a_match_that_has_no_end_is_told_and_not_left_out(tmp_path: Path) -> None:
    """Whoever reads it will say so; only at the very end it is in flight."""
    middle = run_of(tmp_path / "a", text(*lines_of(0, whole=False), *lines_of(1)))
    assert list(middle.matches()) == [lines_of(0, whole=False), lines_of(1)]
    assert [piece.whole for piece in shards.pieces(tmp_path / "a")] == [False, True]
    shard = run_of(tmp_path / "b", text(*lines_of(0, whole=False)), text(*lines_of(1)))
    assert list(shard.matches()) == [lines_of(0, whole=False), lines_of(1)]


def test_a_line_without_its_match_is_not_whole(tmp_path: Path) -> None:
    run_of(tmp_path, text(*lines_of(0)[1:]))
    assert [piece.whole for piece in shards.pieces(tmp_path)] == [False]


def test_the_damaged_line_is_named(tmp_path: Path) -> None:
    run = run_of(tmp_path, text(*lines_of(0)) + b'{"type":"tick"}\n' + text(*lines_of(1)))
    with pytest.raises(RecordError, match=r"log-000\.jsonl, line 4 is damaged: .*missing"):
        list(run.lines())


def test_what_is_over_but_waits_in_open_was_played(tmp_path: Path) -> None:
    """Match 1 is not over, 2 is; 0 stands in the log and in open/ and counts once."""
    journals = {0: text(*lines_of(0)), 1: text(*lines_of(1, whole=False)), 2: text(*lines_of(2))}
    run = run_of(tmp_path, text(*lines_of(0)), journals=journals)
    assert list(run.played()) == [lines_of(0), lines_of(2)]
    assert [lines[0].match for lines in run.in_play()] == [1]
    assert run.tables()[0].matches == 2
    assert run.tables()[0].rows[0].score == 1.0


def test_of_a_journal_all_lines_are_read_but_the_one_that_is_torn(tmp_path: Path) -> None:
    path, whole = tmp_path / "match-000000.jsonl", text(*lines_of(0))
    path.write_bytes(whole)
    assert shards.read_journal(path) == lines_of(0)
    path.write_bytes(whole[:-1])
    assert shards.read_journal(path) == lines_of(0)[:-1]
    path.write_bytes(text(*lines_of(0)[:1]) + b"rubbish\n" + text(*lines_of(0)[1:]))
    assert shards.read_journal(path) == lines_of(0)[:1]
    assert shards.read_journal(tmp_path / "gone") == []


def test_journals_are_found_by_match_in_order_and_nothing_else_is(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    for name in ("match-000010.jsonl", "match-000009.jsonl", "match-1000000.jsonl", "match-x.jsonl", "notes.txt"):
        (folder / name).touch()
    assert list(shards.journals(tmp_path)) == [9, 10, 1_000_000]
    assert shards.journals(tmp_path)[9] == shards.journal(tmp_path, 9)


@pytest.mark.parametrize(
    ("lines", "match", "whole"),
    [
        (lines_of(3), 3, True),
        (lines_of(3), 4, False),
        (lines_of(3, whole=False), 3, False),
        (lines_of(3)[1:], 3, False),
        ([*lines_of(3)[:-1], *lines_of(4)[-1:]], 3, False),
        ([*lines_of(4)[:1], *lines_of(3)[1:]], 3, False),
        ([], 3, False),
    ],
)
def test_a_whole_match_has_its_first_and_its_last_line(lines: list[Line], match: int, whole: bool) -> None:
    assert shards.is_whole(lines, match) is whole


def test_the_log_has_every_line_that_was_journaled(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    for match in (1, 0, 2):
        for line in lines_of(match):
            recorder.journal(match, [line])
        recorder.end(match)
    recorder.close()
    assert list(Run(recorder.folder).lines()) == [*lines_of(0), *lines_of(1), *lines_of(2)]


def test_what_went_on_has_every_line_and_takes_none_twice(tmp_path: Path) -> None:
    journals = {1: text(*lines_of(1)), 2: text(*lines_of(2, whole=False)), 3: text(*lines_of(3))}
    folder = run_of(tmp_path / "run", text(*lines_of(0)), journals=journals).folder
    recorder = Recorder.reopen(folder)
    assert [recorder.over(match) for match in range(5)] == [True, True, False, True, False]
    recorder.journal(2, lines_of(2))
    recorder.end(2)
    recorder.close()
    assert list(Run(folder).lines()) == [line for match in range(4) for line in lines_of(match)]
    assert not (folder / "open").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", r"run\.json is damaged"),
        (b'{"format":1}', "has format 1, agent-arena .* reads format 3"),
        (None, "no run.json"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RecordError, match=said):
        Run(tmp_path)


def test_the_recorded_table_is_the_one_that_the_log_gives(tmp_path: Path) -> None:
    run = record(make_plan(matches=4), tmp_path / "run")
    [table] = run.tables()
    assert run.recorded_tables() == [table]
    assert table.returns is None
    assert [row.operator for row in table.rows] == run.operators
    run_json = (tmp_path / "run" / "results.json").read_bytes()
    (tmp_path / "run" / "results.json").write_bytes(run_json[:-9])
    with pytest.raises(RecordError, match=r"results\.json is damaged"):
        run.recorded_tables()
    (tmp_path / "run" / "results.json").unlink()
    assert run.recorded_tables() is None


def test_the_match_that_comes_next_may_wait_in_open(tmp_path: Path) -> None:
    for logged in range(3):
        journals = {logged: text(*lines_of(logged)), logged + 1: text(*lines_of(logged + 1))}
        log = text(*[line for match in range(logged) for line in lines_of(match)])
        run = run_of(tmp_path / str(logged), log, journals=journals)
        assert list(run.played()) == [lines_of(match) for match in range(logged + 2)]


def test_the_table_has_what_run_json_says_of_returns_and_deals(tmp_path: Path) -> None:
    unresolved = EndLine(match=1, status="unresolved", ticks=0, reason="backend")
    log = text(*lines_of(0), lines_of(1)[0], unresolved)
    own_deals = head_of("a", "b", returns=(-7.0, 9.0), mirror=False)
    mirrored_deals = head_of("a", "b", returns=(-7.0, 9.0))
    for name, head in (("own", own_deals), ("mirrored", mirrored_deals), ("unstated", HEAD)):
        Recorder(tmp_path / name, head).close()
        (tmp_path / name / "log-000.jsonl").write_bytes(log)
    own, mirrored, unstated = (Run(tmp_path / name).tables()[0] for name in ("own", "mirrored", "unstated"))
    assert (own.returns, own.returns_of, own.unit) == ((-7.0, 9.0), "game", "points")
    assert (own.rows[0].worst, own.rows[0].best) == (-3.5, 4.5)
    assert (own.cut, mirrored.cut, unstated.cut) == (0, 1, 1)  # of mirrored deals one seat order is lost
    assert (unstated.returns, unstated.returns_of) == ((0.0, 0.0), "run")


def test_what_the_timing_file_says_is_read(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", HEAD)
    for seconds in (0.5, 1.5):
        recorder.timing(type="turn", match=0, tick=0, seat=0, attempt=0, operator="a", seconds=seconds)
    recorder.timing(type="void", match=0, attempt=1, fault="backend", reason="down")
    recorder.close()
    times = Run(tmp_path / "run").times()
    assert times.spent == {0: {"a": Spent(2, 2.0)}}
    assert list(times.voids.values()) == [1]


def test_the_torn_end_of_the_timing_file_is_cut_off(tmp_path: Path) -> None:
    run_of(tmp_path)
    timing = tmp_path / "timing-000.jsonl"
    for torn, left in (
        (b'{"a":1}\n{"b":2}\n{"c"', b'{"a":1}\n{"b":2}\n'),
        (b'{"a":1}\n', b'{"a":1}\n'),
        (b'{"a"', b""),
    ):
        timing.write_bytes(torn)
        Recorder.reopen(tmp_path).close()
        assert timing.read_bytes() == left


@pytest.mark.parametrize(
    "log",
    [
        text(*lines_of(1)),
        text(*lines_of(0), *lines_of(0)),
        text(*lines_of(0, whole=False), *lines_of(1)),
        text(*lines_of(0)[1:]),
    ],
    ids=["another", "twice", "no end", "no beginning"],
)
def test_a_log_that_is_not_in_plan_order_is_not_gone_on_with(tmp_path: Path, log: bytes) -> None:
    run_of(tmp_path, log)
    with pytest.raises(
        RecordError, match=r"log-000\.jsonl is damaged: match [01] is not whole there, or not in its place"
    ):
        Recorder.reopen(tmp_path)
    assert (tmp_path / "log-000.jsonl").read_bytes() == log
    assert not (tmp_path / "run.lock").exists()


def play(recorder: Recorder, matches: range) -> None:
    for match in matches:
        recorder.journal(match, lines_of(match))
        recorder.end(match)
    recorder.close()


def test_shards_are_numbered_on_and_filled_up_as_if_it_had_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 2 * len(text(*lines_of(0))))  # passed by every third match
    play(Recorder(tmp_path / "whole", HEAD), range(10))
    whole = {path.name: path.read_bytes() for path in shards.shards(tmp_path / "whole")}
    assert list(whole) == [f"log-{number:03d}.jsonl" for number in range(4)]
    for stop in range(10):
        folder = tmp_path / str(stop)
        play(Recorder(folder, HEAD), range(stop))
        (folder / "open").rmdir() if (folder / "open").exists() else None
        play(Recorder.reopen(folder), range(stop, 10))
        assert {path.name: path.read_bytes() for path in shards.shards(folder)} == whole


def test_a_journal_is_removed_only_after_its_match_was_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SYNC_MATCHES", 3)
    monkeypatch.setattr(writer, "SYNC_SECONDS", 1e9)
    done: list[str] = []

    class Noted(Disk):
        def sync(self, fd: int) -> None:
            done.append("sync")

        def sync_folder(self, folder: Path) -> None:
            done.append("sync folder")

        def unlink(self, path: Path) -> None:
            done.append(f"unlink {path.name}")
            super().unlink(path)

    recorder = Recorder(tmp_path / "run", HEAD, disk=Noted())
    done.clear()
    for match in range(4):
        recorder.journal(match, lines_of(match))
        recorder.end(match)
    first = ["sync folder", "sync", *[f"unlink match-00000{match}.jsonl" for match in range(3)]]
    assert done == first
    recorder.close()
    assert done == [*first, "sync", "unlink match-000003.jsonl"]


def test_after_a_while_what_was_appended_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "SYNC_SECONDS", -1.0)
    recorder = Recorder(tmp_path / "run", HEAD)
    recorder.journal(0, lines_of(0))
    recorder.end(0)
    assert list((tmp_path / "run" / "open").iterdir()) == []
    recorder.close()
