"""A training whose model plays on a real vLLM server goes on when that server dies, and repeats what was lost."""

from __future__ import annotations

import json
import os
import signal
from unittest import mock

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("peft")

from arena.train.vlm.config import load
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import BASE
from arena.train.vlm.store import RowStore
from arena.train.vlm.trainer import Trainer
from tests.operators import vllm_kit

pytestmark = vllm_kit.MARKS
SETTINGS = (
    "rollout.operator=vlm:nano@backend=vllm@device=cpu@lora=true",
    "rollout.matches=8",
    "updates=3",
    "model.dtype=float32",
    "evaluation.every=0",
)
KILLED = 11  # a match of the second update is the eleventh that ends


def kill() -> None:
    (server,) = vllm_kit.servers()
    os.killpg(server, signal.SIGKILL)


class Idle:
    """Kills the server that waits, after the second update."""

    def doing(self, what):
        pass

    def updated(self, update, metrics, seconds):
        if update == 2:
            kill()


def test_its_server_is_replaced_in_a_rollout_and_between_two_and_every_turn_has_the_weights_of_its_update(tmp_path):
    rows, ended = Rollout.rows, []

    def ending(rollout, episode):
        ended.append(episode.plan.index)
        if len(ended) == KILLED:
            kill()
        return rows(rollout, episode)

    with mock.patch.object(Rollout, "rows", ending), Trainer(load(None, None, SETTINGS, ("leduc",)), tmp_path) as one:
        one.run(Idle())
    assert vllm_kit.servers() == []
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines] == [1, 2, 3]
    assert [line["rollout/episodes"] for line in lines] == [16, 16, 16]
    assert [line["rollout/dropped"] for line in lines] == [0, 0, 0]
    kept = {update: {row.version for row in RowStore(tmp_path).read(update)} for update in (0, 1, 2)}
    assert kept == {0: {BASE}, 1: {"pi_v1"}, 2: {"pi_v2"}}
