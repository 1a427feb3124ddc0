"""Whatever is named in place of a run folder, every command says what it is, and what to name instead."""

from __future__ import annotations

import os

import pytest

from arena.errors import RecordError
from arena.record.reader import Run


@pytest.fixture
def runs(tmp_path):
    """A folder of two runs, of which the one whose name comes first is newer."""
    for number, name in enumerate(("b-old", "a-new")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").write_text("{}")
        os.utime(tmp_path / "runs" / name / "run.json", (number, number))
    return tmp_path / "runs"


def said(folder) -> str:
    with pytest.raises(RecordError) as caught:
        Run(folder)
    return str(caught.value)


def test_a_folder_of_runs_names_the_newest(runs):
    there = f"2 of them, the newest of which is {runs / 'a-new'}. Name that one"
    assert said(runs) == f"{runs} is not a run folder: it holds {there}"
    (runs / "a-new" / "run.json").unlink()
    assert said(runs) == f"{runs} is not a run folder: it holds one, {runs / 'b-old'}. Name that one"
    deeper = runs.parent  # as a training, which has those of rollouts and of evaluations
    assert said(deeper).endswith(
        f"it has no run.json. Runs are in {runs}, the newest is {runs / 'b-old'}. Name that one"
    )


def test_a_file_of_a_run_names_its_folder(runs):
    file = runs / "a-new" / "run.json"
    assert said(file) == f"{file} is not a run folder: it is a file of one. Name the folder: {file.parent}"


def test_what_is_no_run_is_told_apart(tmp_path):
    (tmp_path / "file").write_text("")
    assert "file is not a run folder: it is a file. `" in said(tmp_path / "file")
    assert "nowhere is not a run folder: it does not exist. `" in said(tmp_path / "nowhere")
    assert "is not a run folder: it has no run.json. `" in said(tmp_path)
