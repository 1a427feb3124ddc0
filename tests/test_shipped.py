"""The shipped policy and the shipped model at one table: equal runs are equal files, whatever the concurrency."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

import arena_operators.vlm
from arena.lineup import build_plan
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify

MATCHES = 10  # five deals, each with both in either seat


def play(out: Path, concurrency: int) -> bytes:
    plan = build_plan("leduc", ["ppo", "vlm"], seed=1, matches=MATCHES)
    run_plan(plan, out, concurrency=concurrency)
    return (out / "log-000.jsonl").read_bytes()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shipped") / "run"
    play(out, concurrency=MATCHES)
    return out


@pytest.mark.slow
def test_a_second_run_one_match_at_a_time_writes_the_same_log(run: Path, tmp_path: Path) -> None:
    assert play(tmp_path / "again", concurrency=1) == (run / "log-000.jsonl").read_bytes()


@pytest.mark.slow
def test_the_run_is_verified(run: Path) -> None:
    report = verify(Run(run))
    assert report.passed
    assert report.matches == MATCHES


@pytest.mark.slow
def test_the_run_names_the_weights_by_their_hashes(run: Path) -> None:
    prints = [operator.fingerprint for operator in Run(run).head.games[0].operators]
    nano = next(path for path in Path(arena_operators.vlm.__path__[0]).glob("nano/*.safetensors"))
    assert list(prints[0]) == ["leduc-3.safetensors", "leduc.safetensors"]
    assert prints[1]["model.safetensors"] == hashlib.blake2b(nano.read_bytes(), digest_size=16).hexdigest()


@pytest.mark.slow
def test_a_changed_action_is_found_at_its_match_and_tick(run: Path) -> None:
    path = run / "log-000.jsonl"
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    at = max(i for i, line in enumerate(lines) if line["type"] == "turn" and line["tick"] > 0)
    match = next(line["match"] for line in reversed(lines[:at]) if line["type"] == "match")
    turn = lines[at]
    turn["action"] = next(action for action in turn["legal"] if action != turn["action"])
    before = path.read_bytes()
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    try:
        (problem,) = verify(Run(run)).problems
    finally:
        path.write_bytes(before)
    assert (problem.match, problem.tick) == (match, turn["tick"])
    assert "action is" in problem.text
