"""A sample of the runs that scripts/kill_and_resume.py kills and resumes; all of them take a quarter of an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import kill_and_resume


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> kill_and_resume.Calm:
    return kill_and_resume.undisturbed(tmp_path_factory.mktemp("calm") / "run")


@pytest.mark.parametrize("way", kill_and_resume.WAYS)
def test_a_run_that_is_killed_ends_as_the_undisturbed_one(tmp_path: Path, calm: kill_and_resume.Calm, way: str) -> None:
    for number in range(8):  # a moment may come when there is nothing to kill
        folder = tmp_path / f"run-{number}"
        hit = kill_and_resume.disturb(way, folder, kill_and_resume.chance(number, way), calm)
        kill_and_resume.check(folder, calm)
        if hit:
            return
    pytest.fail(f"no kill of {way} hit in 8 runs")


def test_a_line_less_in_the_log_is_found(tmp_path: Path, calm: kill_and_resume.Calm) -> None:
    folder = tmp_path / "run"
    kill_and_resume.finish(kill_and_resume.begin(folder, kill_and_resume.GAMES[0], 4))
    log = folder / "log-000.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(kill_and_resume.DifferenceError, match=r"log-000\.jsonl differs"):
        kill_and_resume.check(folder, calm)
