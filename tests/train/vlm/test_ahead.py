"""Rollouts ahead of the trainer: of a fixed lag, bounded, and equal bit for bit after whatever dies."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from arena.errors import InputError, WorkerError
from arena.train.vlm.ahead import Ahead
from arena.train.vlm.matches import Draw, RolloutConfig
from arena.train.vlm.opponents import PoolConfig, Snapshot
from arena.train.vlm.players import Job
from arena.train.vlm.rows import BASE, Collected
from tests.train.vlm.kit import HANG, MEET, STUMBLE, TOKENS
from tests.train.vlm.test_rollout import WRITER, equal

POOL = PoolConfig(opponents={"self": 0.5, "past": 0.5}, every=3)
CONFIG = RolloutConfig(levels=("kuhn@hands=2", "leduc@hands=2"), operator=WRITER, matches=8, pool=POOL)


def train(
    out: Path, updates: range, state: str | None = None, staleness: int = 2
) -> tuple[list[Collected], list[int], str]:
    """The rows of each update, how many updates were under way while it was learnt from, and the last checkpoint."""
    out.mkdir(exist_ok=True)
    made, pending = [], []
    with Ahead(CONFIG, out, TOKENS, staleness=staleness) as ahead:
        if state is not None:
            ahead.restore(json.loads(state))
            ahead.update(f"pi_v{updates.start - 1}", weights(out, updates.start - 1))
        for update in updates:
            made.append(ahead.play(update))
            pending.append(len(ahead.pending))
            path = weights(out, update)
            ahead.update(f"pi_v{update}", path)
            ahead.snapshot(update, path)
        return made, pending, json.dumps(ahead.state())


def weights(folder: Path, update: int) -> Path:
    path = folder / "weights"
    path.write_text(f"word {update}")
    return path


def versions(made: list[Collected]) -> list[set[str]]:
    return [{row.version for row in one.rows} for one in made]


def test_every_update_is_played_with_weights_of_one_age(tmp_path: Path) -> None:
    made, pending, _ = train(tmp_path, range(1, 6))
    assert versions(made) == [{"base"}, {"base"}, {"base"}, {"pi_v1"}, {"pi_v2"}]
    assert pending == [2] * 5


def test_a_training_that_goes_on_elsewhere_and_loses_a_process_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, _, end = train(tmp_path / "whole", range(1, 7))
    monkeypatch.setenv(STUMBLE, str(tmp_path / "stumbled"))
    first, _, state = train(tmp_path / "halves", range(1, 4))
    second, _, again = train(tmp_path / "halves", range(4, 7), state)
    assert "died (exit code -9)" in capfd.readouterr().err
    assert all(map(equal, whole, first + second))
    assert json.loads(end) == json.loads(again)
    third, *_ = train(tmp_path / "halves", range(4, 7), state)  # no checkpoint was made meanwhile
    assert all(map(equal, second, third))


def test_a_process_that_hangs_is_replaced_and_says_what_it_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(STUMBLE, str(tmp_path / "stumbled"))
    monkeypatch.setenv(HANG, "yes")
    with Ahead(replace(CONFIG, deadline=3.0), tmp_path, TOKENS, staleness=1, processes=1) as ahead:
        assert len(ahead.play(1).matches) == CONFIG.matches
    assert re.search(r"did nothing for 6 s: waits for .* in match \d+, tick \d+, seat \d", capfd.readouterr().err)


def test_all_updates_that_may_be_played_are_in_play_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "met").mkdir()
    monkeypatch.setenv(MEET, f"3 {tmp_path / 'met'}")
    with Ahead(replace(CONFIG, deadline=20.0), tmp_path / "out", TOKENS, staleness=2) as ahead:
        ahead.play(1)
        matches, empty = ahead.in_play()
        assert matches > 0
        assert 0 < empty < 1  # it began with processes that had to be started


def test_processes_go_on_from_update_to_update_while_nobody_asks(tmp_path: Path) -> None:
    with Ahead(CONFIG, tmp_path, TOKENS, staleness=2, processes=1) as ahead:
        ahead.play(1)
        with ahead._changed:
            assert ahead._changed.wait_for(lambda: {2, 3} <= ahead._done, 60.0)


def test_updates_after_the_last_are_drawn_and_not_played(tmp_path: Path) -> None:
    with Ahead(CONFIG, tmp_path, TOKENS, until=3) as ahead:
        ahead.play(1)
        ahead.play(2)
        assert [job.draw.update for job in ahead.pending] == [3, 4]
    assert sorted(path.name for path in (tmp_path / "rollouts").glob("[0-9]" * 6)) == ["000001", "000002"]


@pytest.mark.parametrize("bad", [{"staleness": 0}, {"processes": 0}, {"staleness": 3}])
def test_what_cannot_be_is_refused(tmp_path: Path, bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"expected (1 or more|at least|more)"):
        Ahead(CONFIG, tmp_path, TOKENS, **bad)


def test_a_snapshot_that_is_gone_and_that_an_update_under_way_meets_is_named(tmp_path: Path) -> None:
    past = [Snapshot(update=3, version="pi_v3", rating=1000.0)]
    job = Job(draw=Draw(update=7, blocks="", past=past), version=BASE)
    with Ahead(CONFIG, tmp_path, TOKENS) as ahead, pytest.raises(InputError, match=r"lacks .* updates \[3\]"):
        ahead.restore({**ahead.state(), "ahead": [msgspec.to_builtins(job)]})


def test_weights_that_were_made_before_with_other_settings_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    for word in (1, 2):
        with Ahead(CONFIG, tmp_path, TOKENS) as ahead:
            ahead.update("pi_v1", weights(tmp_path, word))
    assert (tmp_path / "ahead" / "pi_v1" / "weights").read_text() == "word 2"


def test_a_file_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "workers").touch()  # where the folder of their logs is to be
    with (
        Ahead(replace(CONFIG, processes=True), tmp_path, TOKENS, staleness=1) as ahead,
        pytest.raises(WorkerError, match=r"update [123]: .*workers.* go on with --resume"),
    ):
        ahead.play(1)
