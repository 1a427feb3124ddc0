"""A training whose model plays on a real vLLM server goes on when that server dies, and repeats what was lost."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
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
    "updates=1",
    "model.dtype=float32",
    "evaluation.every=0",
)
KILLED = 3  # so many matches of the update have ended


def kill() -> None:
    (server,) = vllm_kit.servers()
    os.killpg(server, signal.SIGKILL)


@pytest.fixture(scope="module")
def training(tmp_path_factory):
    """After its first update, which was played with the model as it began. Its server waits."""
    out = tmp_path_factory.mktemp("served") / "out"
    with Trainer(load(None, None, SETTINGS, ("leduc",)), out) as one:
        one.run()
        assert {row.version for row in RowStore(out).read(0)} == {BASE}
        yield one
    assert vllm_kit.servers() == []


def goes_on(training):
    """One more update: nothing is lost, and every turn has the weights of the update before it."""
    before = training.done
    training.config = replace(training.config, updates=before + 1)
    training.run()
    *_, line = map(json.loads, (training.out / "metrics.jsonl").read_text().splitlines())
    assert (line["update"], line["rollout/episodes"], line["rollout/dropped"]) == (before + 1, 16, 0)
    assert {row.version for row in RowStore(training.out).read(before)} == {f"pi_v{before}"}


def test_a_server_that_is_killed_in_a_rollout_is_replaced_and_the_rollout_has_the_weights_of_its_update(training):
    rows, ended = Rollout.rows, []

    def ending(rollout, episode):
        ended.append(episode.plan.index)
        if len(ended) == KILLED:
            kill()
        return rows(rollout, episode)

    with mock.patch.object(Rollout, "rows", ending):
        goes_on(training)
    assert len(ended) >= KILLED


def test_a_server_that_is_killed_between_two_updates_is_replaced_and_gets_the_newest_weights(training):
    kill()
    goes_on(training)


class Counting:
    """Who is told how a training goes; counts the servers meanwhile."""

    def __init__(self) -> None:
        self.servers: list[int] = []

    def doing(self, what):
        if what.startswith(("evaluating", "learning")):
            self.servers.append(len(vllm_kit.servers()))

    def updated(self, update, metrics, seconds):
        self.servers.append(len(vllm_kit.servers()))


def test_processes_that_play_ahead_snapshots_and_evaluations_share_one_server(tmp_path):
    more = (
        "rollout.operator=vlm:nano@backend=vllm@device=cpu@lora=true@lora_kept=3",
        "rollout.matches=4",
        "rollout.pool.opponents={self=0.5,past=0.5}",
        "rollout.pool.every=2",
        "rollout.pool.slots=1",
        "staleness=1",
        "updates=3",
        "evaluation.every=3",
        "evaluation.matches=2",
    )
    before, counting = vllm_kit.servers(), Counting()
    with Trainer(load(None, None, (*SETTINGS, *more), ("leduc",)), tmp_path) as one:
        one.run(counting)
        versions = [{row.version for row in RowStore(tmp_path).read(update)} for update in range(3)]
    assert versions == [{BASE}, {BASE}, {"pi_v1"}]
    assert counting.servers == [len(before) + 1] * 6
    assert vllm_kit.servers() == before
