"""A run that is verified by several processes gets the report that one process makes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from arena.errors import ArenaError
from arena.lineup import resolve
from arena.plan import Limits, PlanSpec
from arena.play import run_plan
from arena.record import pieces
from arena.record.reader import Run
from arena.record.verify import verify

ROOT = Path(__file__).parents[2]
GAMES = ("leduc@seats=2", str(ROOT / "docs/examples/rock_paper_scissors.py"))  # a hosted one too


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = PlanSpec(games=GAMES, operators=("scripted", "random"), seed=2, matches=24, limits=Limits(max_ticks=6))
    out = tmp_path_factory.mktemp("pieces") / "run"
    run_plan(resolve(spec), out, concurrency=8, turns=True)
    return out


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "run"))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "ALONE", 0.0)
    monkeypatch.setattr(pieces, "LINES", 40)


def honest(log: list[str]) -> list[str]:
    return log


def spoiled(log: list[str]) -> list[str]:
    return [
        line.replace('"state_hash":"', '"state_hash":"0', 1) if number % 31 == 3 else line
        for number, line in enumerate(log)
    ]


def without_some(log: list[str]) -> list[str]:
    ends = [number for number, line in enumerate(log) if '"type":"end"' in line]
    return [*log[: ends[3] + 1], *log[ends[5] + 1 :]]


@pytest.mark.parametrize("change", [honest, spoiled, without_some])
def test_the_report_is_the_same(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    log = folder / "log-000.jsonl"
    log.write_text("\n".join(change(log.read_text().splitlines())) + "\n")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    alone, told = verify(Run(folder)), list[int]()
    together = verify(Run(folder), processes=2, progress=told.append)
    assert together == alone
    assert together.passed is (change is honest)
    assert told[-1] == alone.matches
    assert sorted(told) == told
    # The tracker of multiprocessing's resources stays until this process ends.
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert [child for child in left if "resource_tracker" not in " ".join(child.cmdline())] == []


def dies(*given: object) -> None:
    os._exit(1)


def test_a_process_that_dies_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(folder)
    monkeypatch.setattr(pieces, "_check", dies)
    with pytest.raises(ArenaError, match="a process that checked matches died"):
        verify(run, processes=2)
