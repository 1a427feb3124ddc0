"""A part of a run, played far from its folder: what it hands on is what a run here leaves."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import psutil
import pytest

from arena.engines import part
from arena.engines.part import Chunk, Order, kept_files, play_part
from arena.lineup import resolve
from arena.log import encoder
from arena.plan import Plan, PlanSpec
from arena.play import describe, run_plan
from arena.record.reader import Run
from arena.record.turns import TurnReader
from arena.record.writer import Recorder

SPEC = PlanSpec(games=("kuhn@seats=2",), operators=("scripted", "random"), seed=4, matches=12)


def begun(plan: Plan, folder: Path) -> Run:
    Recorder(folder, describe(plan)).close()
    return Run(folder)


def ordered(run: Run, first: int, last: int, **how: bool) -> Order:
    head = msgspec.structs.replace(run.head, part=(first, last))
    return Order(head=head, operators=(), concurrency=3, **how)


def test_the_chunks_are_the_lines_and_turns_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "SECONDS", 0.01)
    plan = resolve(SPEC)
    run_plan(plan, tmp_path / "whole", turns=True)
    whole = Run(tmp_path / "whole")
    run = begun(plan, tmp_path / "begun")
    chunks = list(play_part(ordered(run, 2, 9, turns=True), kept_files(run)))
    lines = [line for lines in whole.matches() for line in lines if 2 <= lines[0].match < 9]  # type: ignore[union-attr]
    assert b"".join(chunk.log for chunk in chunks).splitlines() == [encoder.encode(line) for line in lines]
    with closing(TurnReader(whole.folder)) as reader:
        rows = {match: found for chunk in chunks for match, found in chunk.turns.items()}
        assert rows == {match: reader.rows(match) for match in range(2, 9)}
    assert [chunk.over for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].failure is None
    assert chunks[-1].printed


def test_files_that_are_not_on_the_machine_come_from_the_run(tmp_path: Path) -> None:
    game = tmp_path / "here" / "mine.py"
    game.parent.mkdir()
    game.write_text((Path(__file__).parents[2] / "docs/examples/rock_paper_scissors.py").read_text())
    run = begun(resolve(PlanSpec(games=(str(game),), operators=("random", "random"), matches=2)), tmp_path / "begun")
    game.rename(tmp_path / "elsewhere.py")
    chunk = list(play_part(ordered(run, 0, 2), kept_files(run)))[-1]
    assert chunk.failure is None


def test_what_the_machine_lacks_is_said_and_not_raised(tmp_path: Path) -> None:
    run = begun(resolve(SPEC), tmp_path / "begun")
    run.head = msgspec.structs.replace(run.head, arena="0.0.0")
    (chunk,) = play_part(ordered(run, 0, 2), kept_files(run))
    assert chunk == Chunk(over=True, failure=chunk.failure, exit_code=2)
    assert "begun with agent-arena 0.0.0" in (chunk.failure or "")


def test_closed_early_it_leaves_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "SECONDS", 0.01)
    run = begun(resolve(msgspec.structs.replace(SPEC, matches=100_000)), tmp_path / "begun")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    chunks = play_part(ordered(run, 0, 100_000), kept_files(run))
    assert next(chunk for chunk in chunks if chunk.log)
    chunks.close()  # type: ignore[attr-defined]
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
