"""A run played in parts, by processes that know nothing of each other, and merged: byte for byte the undivided run."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from arena.errors import InputError, RecordError
from arena.lineup import resolve
from arena.plan import PlanSpec
from arena.play import run_plan, share_of
from arena.record import writer
from arena.record.merge import merge
from arena.record.reader import Run
from arena.record.verify import verify

ROOT = Path(__file__).parents[2]
SPEC = PlanSpec(games=("kuhn@seats=2", "leduc@seats=2"), operators=("scripted", "random", "random"), seed=4, matches=30)
PLAY = """
import pickle, sys
from pathlib import Path
from arena.lineup import resolve
from arena.play import run_plan

spec, out, first, last = pickle.load(sys.stdin.buffer)
run_plan(resolve(spec), Path(out), part=range(first, last), concurrency=3)
"""


def play(spec: PlanSpec, out: Path, first: int, last: int) -> None:
    """A part, in a process of its own that gets nothing but the pickled spec."""
    told = pickle.dumps((spec, str(out), first, last))
    subprocess.run([sys.executable, "-c", PLAY], input=told, check=True, cwd=ROOT)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but those that may differ between equal runs."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "workers"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != "timing-000.jsonl"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole run, its halves, and parts that do not fit."""
    folder = tmp_path_factory.mktemp("parts")
    plan = resolve(SPEC)
    run_plan(plan, folder / "whole", concurrency=4)
    play(SPEC, folder / "first", 0, 13)
    play(SPEC, folder / "second", 13, 30)
    for name, part in (("overlaps", [12, 30]), ("late", [14, 30]), ("short", [13, 29])):
        changed(folder / "second", folder / name, part=part)
    changed(folder / "second", folder / "other", plan={**json.loads(msgspec.json.encode(plan.spec)), "seed": 5})
    return folder


def changed(folder: Path, to: Path, **head: object) -> None:
    """A copy of which run.json says something else."""
    shutil.copytree(folder, to)
    (to / "run.json").write_text(json.dumps(json.loads((folder / "run.json").read_text()) | head))


def test_a_spec_is_plain_data() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SPEC), type=PlanSpec) == SPEC
    assert pickle.loads(pickle.dumps(SPEC)) == SPEC
    assert resolve(resolve(SPEC).spec).spec == resolve(SPEC).spec


def test_parts_that_were_played_in_other_processes_merge_to_the_undivided_run(played: Path, tmp_path: Path) -> None:
    tables = merge([played / "second", played / "first"], tmp_path / "run")
    assert contents(tmp_path / "run") == contents(played / "whole")
    assert tables == Run(played / "whole").recorded_tables()
    assert verify(Run(tmp_path / "run")).passed
    turns = [json.loads(line)["type"] for line in (tmp_path / "run" / "timing-000.jsonl").open()]
    assert turns.count("turn") == sum(row.turns for table in tables for row in table.rows)


def matches_in(shard: Path) -> list[list[bytes]]:
    out: list[list[bytes]] = []
    for line in shard.read_bytes().splitlines(keepends=True):
        if json.loads(line)["type"] == "match":
            out.append([])
        out[-1].append(line)
    return out


def test_shards_of_the_merged_log_are_those_of_the_undivided_run(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SHARD_BYTES", 5_000)
    merge([played / "first", played / "second"], tmp_path / "run")
    shards = sorted((tmp_path / "run").glob("log-*.jsonl"))
    assert len(shards) > 2
    for shard in shards[:-1]:  # each ends with the match that passes the size
        sizes = [sum(len(line) for line in lines) for lines in matches_in(shard)]
        assert sum(sizes) > 5_000 >= sum(sizes[:-1])
    assert b"".join(path.read_bytes() for path in shards) == (played / "whole" / "log-000.jsonl").read_bytes()


def test_a_part_is_a_run_of_its_own(played: Path) -> None:
    run = Run(played / "second")
    assert verify(run).passed
    assert [run.plan(lines[0]).index for lines in run.matches()] == list(range(13, 30))
    assert sum(table.matches for table in run.tables()) == 17


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["first"], "two parts or more"),
        (["first", "whole"], "whole is not part of a run"),
        (["first", "overlaps"], "match 12 is in .*first and in .*overlaps"),
        (["first", "first"], "match 0 is in"),
        (["first", "late"], "matches 13 to 13 are in no part"),
        (["second", "overlaps"], "matches 0 to 11 are in no part"),
        (["first", "short"], "matches 29 to 29 are in no part"),
        (["first", "other"], "other is a part of another plan than .*first: its seed is 5, there it is 4"),
    ],
)
def test_parts_that_do_not_fit_are_refused(played: Path, tmp_path: Path, parts: list[str], said: str) -> None:
    with pytest.raises(RecordError, match=said):
        merge([played / part for part in parts], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def stop(folder: Path) -> None:
    (folder / "results.json").unlink()


def other_version(folder: Path) -> None:
    head = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**head, "arena": "0.0.1"}))


def torn_facts(folder: Path) -> None:
    (folder / "operators.json").write_text("{")


def with_turns(folder: Path) -> None:
    (folder / "turns").mkdir()
    (folder / "turns" / "turns.sqlite").touch()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (stop, "is not complete: 17 of 17 matches.*arena play --resume"),
        (other_version, "parts are played with one version"),
        (torn_facts, r"operators\.json is damaged: .*remove it to go on"),
        (with_turns, "has kept its turns and .*first has not"),
    ],
)
def test_a_part_that_is_not_as_it_must_be_is_refused(
    played: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(Path(shutil.copytree(played / "second", tmp_path / "second")))
    with pytest.raises(RecordError, match=said):
        merge([played / "first", tmp_path / "second"], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_part_that_stopped_goes_on(played: Path, tmp_path: Path) -> None:
    part = Path(shutil.copytree(played / "second", tmp_path / "second"))
    stop(part)
    log = part / "log-000.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    run_plan(resolve(SPEC), part, part=range(13, 30), resume=True)
    assert contents(part) == contents(played / "second")


def test_shares_are_all_of_the_plan() -> None:
    plan = resolve(SPEC)
    assert [match for part in range(1, 8) for match in share_of(plan, part, 7)] == list(range(30))
    with pytest.raises(InputError, match="not part of the plan"):
        share_of(plan, 1, 31)
