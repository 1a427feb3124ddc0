"""What TensorBoard shows of a training that was killed and went on: each update once."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from arena.train import ppo
from arena.train.vlm.config import load
from arena.train.vlm.folder import Files
from tests.train import test_ppo
from tests.train.toy import Toy


def shown(folder, name):
    """[(step, value)] of a curve, in the order in which it is drawn."""
    found = EventAccumulator(str(folder / "tb"))
    found.Reload()
    return [(one.step, one.value) for one in found.Scalars(name)]


def files(out, resumed_after=None):
    mine = load(None, None, (), ("leduc",))
    made = Files(out)
    made.begin(mine, "no" if resumed_after is None else "exact")
    made.show(mine)
    if resumed_after is not None:
        made.cut(resumed_after)
    return made


def test_updates_that_are_done_again_are_shown_once(tmp_path):
    first = files(tmp_path)
    for update in (1, 2, 3):
        first.timed(update, {"reward/mean": 0.5 * update}, {})
    first.close()  # killed: the newest checkpoint is that of update 1
    again = files(tmp_path, resumed_after=1)
    for update in (2, 3, 4):
        again.timed(update, {"reward/mean": 2.0 * update}, {})
    again.close()
    assert shown(tmp_path, "reward/mean") == [(1, 0.5), (2, 4.0), (3, 6.0), (4, 8.0)]


def test_updates_of_ppo_that_are_done_again_are_shown_once(tmp_path):
    config = dataclasses.replace(test_ppo.SMALL, out=str(tmp_path), checkpoint_every=1, keep=9)
    ppo.main(config, Toy, updates=3)
    before = shown(tmp_path, "return")
    for lost in sorted(tmp_path.glob("checkpoint-*"))[1:]:
        lost.unlink()
    ppo.main(dataclasses.replace(config, resume=True), Toy, updates=2)
    assert len(before) == 3
    assert shown(tmp_path, "return") == before
