"""A worker in another network namespace, with a cable between the two that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.errors import WorkerError
from arena.supervisor import curve
from tests.supervisor.kit import Witness
from tests.supervisor.remote_kit import Command, keys
from tests.supervisor.test_worker_server import At, log, play

__all__ = ["keys"]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Cable:
    """The two ends, and the addresses on them."""

    def __init__(self) -> None:
        self.space = f"arena{os.getpid()}"
        self.end = f"ar{os.getpid()}"[:15]
        # One /30 a process, out of a range that is there for tests of networks (RFC 2544).
        block = 4 * (os.getpid() % 8192)
        self.here = f"198.19.{block // 256 % 128}.{block % 256 + 1}"
        self.there = f"198.19.{block // 256 % 128}.{block % 256 + 2}"


@pytest.fixture
def cable() -> Iterator[Cable]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and `ip` (iproute2)")
    one = Cable()
    try:
        ip("netns", "add", one.space)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made here: {error.stderr.strip()}")
    try:
        try:
            ip("link", "add", one.end, "type", "veth", "peer", "name", "far", "netns", one.space)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no cable can be laid here: {error.stderr.strip()}")
        ip("addr", "add", f"{one.here}/30", "dev", one.end)
        ip("link", "set", one.end, "up")
        ip("-n", one.space, "addr", "add", f"{one.there}/30", "dev", "far")
        ip("-n", one.space, "link", "set", "far", "up")
        yield one
    finally:
        # A connection that was cut keeps its namespace for minutes, and the cable with it.
        subprocess.run(["ip", "link", "del", one.end], check=False, capture_output=True)
        ip("netns", "del", one.space)


@pytest.fixture
def there(cable: Cable, keys: Path, tmp_path: Path) -> Iterator[tuple[Command, str]]:
    at = f"tcp://{cable.there}:7000"
    command = Command(
        *("random", "--listen", at, "--logs", str(tmp_path / "logs")), before=("ip", "netns", "exec", cable.space)
    )
    command.hear(f"serving random at {at},")
    curve.keep(curve.read_key(str(keys / "arena.key")), curve.server_file(at, keys))
    yield command, at
    command.end()


def test_the_log_is_the_same_over_a_network(there: tuple[Command, str], tmp_path: Path) -> None:
    assert log(play(there[1], tmp_path / "remote")) == log(play("", tmp_path / "local"))


def test_a_cut_cable_is_noticed_at_both_ends(
    cable: Cable, there: tuple[Command, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No packet says that it was cut: the heartbeats stay away."""
    monkeypatch.setattr("arena.supervisor.remote.HEARTBEAT", 0.3)
    monkeypatch.setattr("arena.supervisor.remote.SILENCE", 3.0)
    command, at = there
    worker: list[Witness] = []

    def cut() -> None:
        monkeypatch.setattr("arena.supervisor.remote.CONNECT", 0.2)  # not before: it was reached in its own time
        worker.append(Witness(int(command.hear(r"process (\d+)")[1])))
        ip("-n", cable.space, "link", "set", "far", "down")

    observer = At(cut)
    with pytest.raises(WorkerError, match=r"cannot be reached within 0.2 s"):
        play(at, tmp_path / "run", observer)
    assert observer.deaths[0] == f"{at} is gone: the connection was lost"
    assert worker[0].ended()
    assert command.hear("worker 1 was ended: its arena is gone")
