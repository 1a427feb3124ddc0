"""Spectators that fail, as real processes: the run is what it would be without them, and nobody else is blamed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arena.game import Views
from arena.observer import Observer
from arena.plan import Entry, Plan
from arena.protocol import messages as m
from arena.record.reader import Run
from arena.supervisor.hub import WorkerChannel
from tests.supervisor.kit import ROOT, peer_kind, play
from tests.toys import GOOD, Turns, plan_of

pytestmark = pytest.mark.usefixtures("_toys_importable")


@pytest.fixture
def _toys_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


class Told(Observer):
    def __init__(self) -> None:
        self.unseen_because: list[str] = []
        self.deaths: list[str] = []

    def unseen(self, reason: str) -> None:
        self.unseen_because.append(reason)

    def worker_died(self, name: str, reason: str) -> None:
        self.deaths.append(name)


def plan() -> Plan:
    return plan_of(Turns, [GOOD, GOOD], matches=3, options={"rounds": 20})


def watcher(deed: str) -> Entry:
    return Entry("spectators", peer_kind(deed), "watch", {}, "web", Views())


def log(run: Run) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(run.folder.glob("log-*.jsonl")))


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        return log(play(plan(), tmp_path_factory.mktemp("unwatched") / "run"))


@pytest.mark.parametrize("deed", ["looks_away", "at_start", "silent", "loads", "refuses", "rubbish", "closes_its_eyes"])
def test_a_spectator_that_fails_changes_nothing(tmp_path: Path, unwatched: bytes, deed: str) -> None:
    told = Told()
    run = play(plan(), tmp_path / "run", watch=watcher(deed), observer=told)
    assert log(run) == unwatched
    assert told.deaths == []
    timing = map(json.loads, (run.folder / "timing-000.jsonl").read_text().splitlines())
    assert [line for line in timing if line["type"] == "void"] == []


def test_one_that_cannot_start_is_told_once_and_not_tried_again(tmp_path: Path) -> None:
    told = Told()

    class Slow(Turns):
        """So that the death is noticed while matches are played."""

    play(
        plan_of(Slow, [GOOD, GOOD], matches=200, options={"rounds": 20}),
        tmp_path / "run",
        watch=watcher("at_start"),
        observer=told,
    )
    assert told.unseen_because == ["nobody watches: spectators exited with code 7. The matches go on"]


def test_one_that_never_reads_is_sent_one_picture_and_the_last_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[m.SpectatorUpdate] = []
    send = WorkerChannel.send

    def counting(self: WorkerChannel, message: m.Message) -> None:
        if isinstance(message, m.SpectatorUpdate):
            sent.append(message)
        send(self, message)

    monkeypatch.setattr(WorkerChannel, "send", counting)
    many = plan_of(Turns, [GOOD, GOOD], matches=300, options={"rounds": 20})
    play(many, tmp_path / "run", watch=watcher("looks_away"))
    assert 1 <= len(sent) <= 2


def test_one_that_is_not_ready_before_the_end_is_told_of_then(tmp_path: Path) -> None:
    told = Told()
    play(plan(), tmp_path / "run", watch=watcher("loads"), observer=told)
    assert told.unseen_because == ["nobody watched: the run was over before the page was ready"]
