"""Rollouts: an ordinary run for every update, that gives equal rows whenever it is stopped."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.errors import ArenaError, InputError
from arena.local_workers import LocalWorkers
from arena.operator import Decision, Request
from arena.plugins import game_class
from arena.record.reader import Run
from arena.record.verify import verify
from arena.train import memory
from arena.train.vlm.matches import RolloutConfig
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import Collected
from tests.train.vlm.batches import row
from tests.train.vlm.kit import IMAGE, TOKENS, Writer
from tests.train.vlm.test_store import same

ROOT = Path(__file__).parents[3]
WRITER = str(Path(__file__).with_name("kit.py"))


def config(**other: Any) -> RolloutConfig:
    return RolloutConfig(**{"levels": ("leduc@hands=2",), "operator": WRITER, "matches": 6, **other})


def play(out: Path, update: int = 1, seed: int = 0, **other: Any) -> Collected:
    with Rollout(config(**other), out, TOKENS, seed=seed) as rollout:
        return rollout.play(update)


def equal(one: Collected, other: Collected) -> bool:
    rows = len(one.rows) == len(other.rows) and all(map(same, one.rows, other.rows))
    return rows and one.matches == other.matches and one.images.keys() == other.images.keys()


def test_an_update_is_a_run_that_verifies(tmp_path: Path) -> None:
    made = play(tmp_path)
    report = verify(Run(tmp_path / "rollouts" / "000001"))
    assert (report.matches, report.problems, report.stopped) == (6, [], False)
    assert {row.role for row in made.rows} == {"seat0", "seat1"}
    assert sum(row.done for row in made.rows) == 12


def test_the_rows_of_an_update_follow_from_its_seed_and_number(tmp_path: Path) -> None:
    first = play(tmp_path / "a")
    assert equal(first, play(tmp_path / "b", concurrency=1))
    assert not equal(first, play(tmp_path / "c", update=2))
    assert not equal(first, play(tmp_path / "d", seed=1))


def test_a_group_has_one_start_and_different_chance(tmp_path: Path) -> None:
    made = play(tmp_path, group=3)
    assert [one.group for one in made.matches] == [0, 0, 0, 1, 1, 1]
    firsts = [row for row in made.rows if row.turn == 0 and row.seat == 0 and row.group == 0]
    assert len({row.images for row in firsts}) == 1
    assert len({row.mu.tobytes() for row in firsts}) == 3


def test_what_was_played_is_not_played_again(tmp_path: Path) -> None:
    first = play(tmp_path)
    log = (tmp_path / "rollouts" / "000001" / "log-000.jsonl").stat().st_mtime_ns
    assert equal(first, play(tmp_path))
    assert (tmp_path / "rollouts" / "000001" / "log-000.jsonl").stat().st_mtime_ns == log


def test_what_was_played_with_other_weights_is_played_anew(tmp_path: Path) -> None:
    first = play(tmp_path)
    (tmp_path / "weights").write_text("second")
    with Rollout(config(), tmp_path, TOKENS) as rollout:
        rollout.update("pi_v1", tmp_path / "weights")
        again = rollout.play(1)
    assert not equal(first, again)
    assert {row.version for row in again.rows} == {"pi_v1"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"learn_self": False}),
        ({}, {"vector": True}),
        ({}, {"fault_reward": -1.0, "fault": "costs"}),
        ({"learn_self": False, "seats": (0,)}, {"learn_self": False, "seats": (1,)}),
    ],
)
def test_rows_that_were_kept_with_other_rules_are_played_anew(
    before: dict[str, Any], after: dict[str, Any], tmp_path: Path
) -> None:
    play(tmp_path / "a", **before)
    assert equal(play(tmp_path / "a", **after), play(tmp_path / "b", **after))


def test_prompts_of_rows_that_were_kept_unseen_are_looked_at(tmp_path: Path) -> None:
    play(tmp_path)
    tokens = TOKENS._replace(encode=lambda messages: np.array([2, 5, 3], np.int32))
    with (
        Rollout(config(), tmp_path, tokens) as rollout,
        pytest.raises(ArenaError, match="where the trainer has 0"),
    ):
        rollout.play(1)


def test_rows_of_other_weights_than_this_update_end_it(tmp_path: Path) -> None:
    with Rollout(config(), tmp_path, TOKENS) as rollout:
        rollout.version = "pi_v9"
        with pytest.raises(ArenaError, match="weights base, not with pi_v9"):
            rollout.play(1)


def test_an_operator_without_tokens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArenaError, match=r"nothing can be learnt.*gave no tokens"):
        play(tmp_path, operator="random")


@pytest.mark.parametrize("first", [0, 1], ids=["in all turns", "in some"])
def test_a_sampler_without_memory_ends_an_update_which_goes_on_once_there_is_some(tmp_path: Path, first: int) -> None:
    class Full(Writer):
        def decide(self, request: Request) -> Decision:
            with memory.told("cpu", "a batch", "lower @batch= (now 8)"):
                if request.tick >= first and request.match == 2:
                    raise MemoryError
            return super().decide(request)

    with (
        Rollout(config(), tmp_path, TOKENS) as rollout,
        LocalWorkers(rollout.plan.entries, [Full] * len(rollout.plan.entries)) as workers,
    ):
        rollout._workers = workers
        with pytest.raises(ArenaError, match=r"match 2 .*: out of memory on cpu in a batch: lower @batch= \(now 8\)"):
            rollout.play(1)
    assert equal(play(tmp_path), play(tmp_path.with_name("whole")))


def test_a_greedy_operator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="temperature"):
        play(tmp_path, operator="vlm:nano@temperature=0")


KILLED = """
import sys
from pathlib import Path
from tests.train.vlm.test_rollout import play

print("ready", flush=True)
play(Path(sys.argv[1]), matches=40, concurrency=4, levels=("holdem@hands=3",))
"""


def test_a_killed_rollout_goes_on_to_equal_rows(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"matches": 40, "concurrency": 4, "levels": ("holdem@hands=3",)}
    whole = play(tmp_path / "whole", **settings)
    folder = tmp_path / "killed" / "rollouts" / "000001"
    chance, kept = random.Random(0), 0
    for _ in range(2):
        kept = min(38, kept + chance.randint(3, 12))
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "killed")], cwd=ROOT)
        while len(list(folder.with_name("000001.rows").glob("*.rows"))) < kept and child.poll() is None:
            os.sched_yield()
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert equal(whole, play(tmp_path / "killed", **settings))
    log = "log-000.jsonl"
    assert (folder / log).read_bytes() == (tmp_path / "whole" / "rollouts" / "000001" / log).read_bytes()


def test_numbers_stand_beside_turns_and_nobody_is_shown_them(tmp_path: Path) -> None:
    without, made = play(tmp_path / "a"), play(tmp_path / "b", vector=True)
    (shape,) = {row.vector.shape for row in made.rows if row.vector is not None}
    assert all(row.vector is not None for row in made.rows)
    assert shape == game_class("leduc").spec.vector_shape
    assert len({row.vector.tobytes() for row in made.rows if row.vector is not None}) > 2
    assert [row.mu.tobytes() for row in made.rows] == [row.mu.tobytes() for row in without.rows]
    logs = [(tmp_path / one / "rollouts" / "000001" / "log-000.jsonl").read_bytes() for one in ("a", "b")]
    assert logs[0] == logs[1]


def test_a_game_in_a_process_of_its_own_gives_the_same_rows(tmp_path: Path) -> None:
    here, there = play(tmp_path / "a"), play(tmp_path / "b", levels=("leduc@hands=2@runtime=here",))
    assert equal(here, there)


HANGS = """
import sys, time
from pathlib import Path
from tests.train.vlm import kit
from tests.train.vlm.test_rollout import play

class Hanging(kit.Writer):
    def act(self, requests):
        time.sleep(1000)

kit.Writer = Hanging
play(Path(sys.argv[1]), deadline=0.2)
"""


def test_a_stall_ends_the_rollout_and_says_what_is_waited_for(tmp_path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", HANGS, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 1
    assert "kit.py#1 in match 0, tick 0, seat 0, and 5 more" in child.stderr


def test_prompts_that_the_trainer_encodes_otherwise_are_not_learnt_from(tmp_path: Path) -> None:
    def encode(messages: Any) -> Any:
        calls.append(messages)
        return np.array([2, *[IMAGE] * 4 * len(messages[0][1]), 4 if len(calls) == 3 else 3], np.int32)

    calls: list[Any] = []
    with Rollout(config(), tmp_path, TOKENS._replace(encode=encode)) as rollout:
        made = rollout.play(1)
    assert made.dropped == {"the trainer encodes its prompt otherwise": 1}
    assert sum(not row.trainable for row in made.rows) == 1


def test_a_turn_whose_backend_failed_needs_no_weights_and_others_do(tmp_path: Path) -> None:
    failed = row(version="base", tokens=0, trainable=False)
    with Rollout(config(), tmp_path, TOKENS) as rollout:
        rollout.version = "pi_v1"
        rollout._check(Collected(rows=[row(version="pi_v1"), failed]), tmp_path)
        with pytest.raises(ArenaError, match="did not take the update"):
            rollout._check(Collected(rows=[row(version="pi_v1"), row(version="base")]), tmp_path)
