"""Weights & Biases gets what it is asked to get, by its own package without a network, and goes on with its run."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("wandb")

import wandb

from arena.train.vlm.boards import TensorBoard, boards
from arena.train.vlm.config import load
from arena.train.vlm.folder import Files

BLOCK = 1 << 15


def config(*settings: str):
    return load(None, None, settings, ("leduc",))


def records(file: Path) -> Iterator[object]:
    """What a run's file holds: records of protobuf in blocks, as in LevelDB's log."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = file.read_bytes(), 7, b""
    assert data.startswith(b":W&B")
    while at + 7 <= len(data):
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK
            continue
        _, size, kind = struct.unpack_from("<IHB", data, at)
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # all of a record, or its end
            record = Record()
            record.ParseFromString(whole)
            whole = b""
            yield record


def logged(out: Path) -> list[tuple[str, dict[str, str]]]:
    """(run, {name: JSON}) of each line of each run of a training, in order."""
    found = []
    for file in sorted(out.glob("wandb/offline-run-*/*.wandb")):
        every = list(records(file))
        (run,) = {one.run.run_id for one in every if one.WhichOneof("record_type") == "run"}
        for one in every:
            if one.WhichOneof("record_type") == "history":
                values = {item.key or ".".join(item.nested_key): item.value_json for item in one.history.item}
                found.append((run, values))
    return found


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield
    wandb.teardown()


def test_metrics_times_and_turns_reach_a_run_which_goes_on_with_the_training(tmp_path, offline):
    mine, out = config("wandb=arena"), tmp_path / "side"
    for update, resume in ((1, "no"), (2, "exact")):
        files = Files(out)
        files.begin(mine, resume)
        files.show(mine)
        files.sample(update, [])
        files.timed(update, {"reward/mean": 0.5 * update}, {"total": 2.0})
        files.close()
    wandb.teardown()  # its process has then written all
    found = logged(out)
    assert len({run for run, _ in found}) == 1
    assert [float(one["reward/mean"]) for _, one in found] == [0.5, 1.0]
    assert [float(one["timing_s/total"]) for _, one in found] == [2.0, 2.0]
    assert len(list(out.glob("wandb/offline-run-*/files/media/html/samples_*.html"))) == 2


def test_a_training_that_begins_anew_shows_its_start_once(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):  # it is stopped before its first checkpoint
        board = TensorBoard(tmp_path)
        board.cut(0)
        board.scalars(0, {"eval/leduc": 0.5})
        board.scalars(1, {"reward/mean": 0.5})
        board.close()
    found = EventAccumulator(str(tmp_path))
    found.Reload()
    assert [(one.step, one.value) for one in found.Scalars("eval/leduc")] == [(0, 0.5)]


def test_nothing_is_sent_that_no_setting_asks_for(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "of-something-else")
    assert [type(one) for one in boards(tmp_path, config())] == [TensorBoard]
