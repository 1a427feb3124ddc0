"""Workers that fail in play: what becomes of their matches, and of the processes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from arena.channel import Died
from arena.errors import WorkerError
from arena.log import EndLine
from arena.protocol import messages as m
from arena.record.reader import Run
from tests.supervisor.kit import LONGEST, ROOT, Witness, peer_command, peer_kind, play, said, until, watched_hub
from tests.toys import GOOD, Turns, kind_of, plan_of

pytestmark = pytest.mark.usefixtures("_toys_importable")


@pytest.fixture
def _toys_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def ends(run: Run) -> dict[int, str]:
    return {line.match: line.status for line in run.lines() if isinstance(line, EndLine)}


def timing(folder: Path, kind: str) -> list[dict[str, object]]:
    lines = map(json.loads, (folder / "timing-000.jsonl").read_text().splitlines())
    return [line for line in lines if line["type"] == kind]


def voids(run: Run) -> list[dict[str, object]]:
    return [line for line in timing(run.folder, "void") if line["match"] == 1]


def deaths(folder: Path) -> list[dict[str, object]]:
    return timing(folder, "died")


@pytest.mark.parametrize(("deed", "how"), [("exits", "exited with code 5"), ("segfaults", "was killed by SIGSEGV")])
def test_a_worker_that_dies_of_one_match_costs_that_match_only(tmp_path: Path, deed: str, how: str) -> None:
    toy = kind_of("toy", f"tests.toys_ops:{deed}")
    run = play(plan_of(Turns, [toy], matches=3), tmp_path / "run")
    assert ends(run) == {0: "terminated", 1: "forfeited", 2: "terminated"}
    assert {(void["fault"], void["reason"]) for void in voids(run)} == {("worker_died", f"toy0 {how}")}
    assert 3 <= len(voids(run)) <= 4


@pytest.mark.parametrize("deed", ["hangs", "stops"])
def test_a_worker_that_hangs_in_one_match_costs_that_match_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    monkeypatch.setattr("arena.scheduler.GRACE", 0.2)
    toy = kind_of("toy", f"tests.toys_ops:{deed}")
    run = play(plan_of(Turns, [toy], matches=3, deadline=2.0, retries=1), tmp_path / "run")
    assert ends(run) == {0: "terminated", 1: "forfeited", 2: "terminated"}
    assert {void["fault"] for void in voids(run)} == {"deadline"}
    assert all(str(void["reason"]).startswith("toy0 did not answer within") for void in voids(run))


@pytest.mark.parametrize(
    ("peer", "reason"),
    [("rubbish_later", "broke the protocol"), ("deserter", "closed its connection")],
)
def test_a_worker_that_always_breaks_off_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: str, reason: str
) -> None:
    monkeypatch.setattr("arena.supervisor.hub.GRACE", 0.2)
    monkeypatch.setattr("arena.scheduler.GRACE", 0.2)
    with pytest.raises(WorkerError, match=f"operator {peer}0 failed by itself in 3 matches in a row"):
        play(plan_of(Turns, [peer_kind(peer)], matches=100, deadline=0.5), tmp_path / "run", concurrency=1)
    assert len(deaths(tmp_path / "run")) <= 10
    assert reason in (tmp_path / "run" / "timing-000.jsonl").read_text()


def test_a_worker_that_does_not_read_is_dead(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", peer_command("deaf"), "", {})
        until(hub, lambda event: channel.ready)
        for n in range(1_000_000):
            channel.send(m.Ping(n=n))
            if not channel.alive:
                break
        died = until(hub, lambda event: isinstance(event, Died))
        assert isinstance(died, Died)
        assert "does not read" in died.reason


def test_a_worker_that_floods_the_arena_hides_no_death(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        flood = hub.launch("flood", peer_command("flood"), "", {})
        until(hub, lambda event: flood.ready)
        other = hub.launch("other", peer_command("silent"), "", {})
        os.kill(other.process.pid, signal.SIGKILL)
        # The flood may go beyond what a worker may send, and die of it, before.
        died = until(hub, lambda event: isinstance(event, Died) and event.channel is other)
        assert isinstance(died, Died)
        assert died.reason == "was killed by SIGKILL"


def test_death_is_reported_once_and_the_dead_is_left_alone(tmp_path: Path) -> None:
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", peer_command("silent"), "", {})
        os.kill(channel.process.pid, signal.SIGKILL)
        died = until(hub, lambda event: isinstance(event, Died))
        assert isinstance(died, Died)
        assert (died.reason, died.self_inflicted, died.was_ready) == ("was killed by SIGKILL", False, False)
        hub.mark_dead(channel, "again", self_inflicted=True)
        channel.send(m.Ping())
        assert hub.poll(0) == []


@pytest.mark.parametrize("how", ["killed", "closed"])
def test_the_children_of_a_worker_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr("arena.supervisor.hub.GRACE", 0.2)
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", peer_command("parent"), "", {})
        child = Witness(int(said(hub, channel)))
        if how == "killed":
            os.kill(channel.process.pid, signal.SIGKILL)
            until(hub, lambda event: isinstance(event, Died))
        else:
            hub.close()
        assert child.ended()


def test_a_good_worker_leaves_by_itself_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.supervisor.hub.GRACE", LONGEST)
    with watched_hub(tmp_path) as hub:
        command = [*peer_command("")[:2], "-m", "arena_workers.host", "tests.toys:build"]
        channel = hub.launch("x", command, "", {})
        until(hub, lambda event: channel.ready)
        hub.close()
        assert channel.process.how() == "exited with code 0"
        assert channel.log is not None
        assert channel.log.read_text() == ""


def test_a_worker_that_will_not_leave_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena.supervisor.hub.GRACE", 0.2)
    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", peer_command("stubborn"), "", {})
        until(hub, lambda event: channel.ready)
        hub.close()
        assert channel.process.how() == "was killed by SIGKILL"


def test_an_interrupt_while_the_hub_closes_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object, timeout: float) -> bool:
        raise KeyboardInterrupt

    with watched_hub(tmp_path) as hub:
        channel = hub.launch("x", peer_command("stubborn"), "", {})
        until(hub, lambda event: channel.ready)
        monkeypatch.setattr("arena.supervisor.process.WorkerProcess.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            hub.close()


def test_two_good_workers_play_all_matches(tmp_path: Path) -> None:
    run = play(plan_of(Turns, [GOOD, GOOD], matches=6), tmp_path / "run")
    assert set(ends(run).values()) == {"terminated"}
    assert len(ends(run)) == 6
