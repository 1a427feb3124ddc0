"""worker servers for tests: one in a thread, whose end is checked, and one as the command that a user runs."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from arena.supervisor import curve
from arena.supervisor.key_authenticator import KeyAuthenticator
from arena.supervisor.service import Service
from arena.supervisor.worker_server import WorkerServer
from tests.supervisor.kit import LONGEST, ROOT, members

# `arena worker serve` with heartbeats that suit a test.
SERVE = (
    "import sys, arena.supervisor.remote as r; r.HEARTBEAT, r.SILENCE = 0.3, 3.0; "
    "from arena.cli.main import main; sys.argv[:1] = ['arena', 'worker', 'serve']; main()"
)


class Stop:
    """To a worker server what a signal is."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self.set = False

    def fileno(self) -> int:
        return self._read

    def check(self) -> None:
        if self.set:
            raise KeyboardInterrupt

    def __call__(self) -> None:
        self.set = True
        os.write(self._write, b"x")

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class Served:
    """A worker server in a thread, at a free port of the loopback address."""

    def __init__(self, offer: str, keys: Path, logs: Path, most: int = 8) -> None:
        self.said: queue.Queue[str] = queue.Queue()
        self.all: list[str] = []
        self.pids: list[int] = []
        self._stop = Stop()
        pair = curve.load_pair(keys / "arena.key_secret", "a test")
        self.gate = KeyAuthenticator(keys / "clients", self._say)
        self.server = WorkerServer(
            Service(offer),
            "tcp://127.0.0.1:*",
            pair,
            self.gate,
            logs,
            most,
            self._say,
            self._stop,  # type: ignore[arg-type]
        )
        self.at = self.server.address
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def hear(self, pattern: str) -> re.Match[str]:
        """The next line that the worker server says and that has this in it."""
        while True:
            found = re.search(pattern, self.said.get(timeout=LONGEST))
            if found is not None:
                return found

    def stop(self) -> None:
        self._stop()
        self._thread.join(LONGEST)
        assert not self._thread.is_alive()
        self._stop.close()
        assert psutil.wait_procs(members(self.pids), timeout=LONGEST)[1] == [], "processes are left behind"
        assert not Path(self.server._folder).exists()

    def _say(self, text: str) -> None:
        self.all.append(text)
        found = re.search(r"process (\d+)", text)
        if found is not None:
            self.pids.append(int(found[1]))
        self.said.put(text)

    def _run(self) -> None:
        try:
            self.server.serve()
        except KeyboardInterrupt:
            self.server.close()


@contextmanager
def served(offer: str, keys: Path, logs: Path, most: int = 8, trusted: bool = True) -> Iterator[Served]:
    one = Served(offer, keys, logs, most)
    if trusted:
        curve.keep(curve.read_key(str(keys / "arena.key")), curve.server_file(one.at, keys))
    try:
        yield one
    finally:
        one.stop()


def make_keys(where: Path) -> Path:
    """Keys of a machine that is the arena's and the worker's: it lets itself in."""
    curve.new("arena", where)
    curve.keep(curve.read_key(str(where / "arena.key")), curve.client_file("me", where))
    return where


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return make_keys(tmp_path / "keys")


class Command:
    """`arena worker serve ...` as a process; what it prints is read line by line."""

    def __init__(self, *args: str, before: tuple[str, ...] = (), cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-c", SERVE, *args],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def hear(self, pattern: str) -> re.Match[str]:
        assert self.process.stderr is not None
        told = []
        for line in self.process.stderr:
            told.append(line)
            found = re.search(pattern, line)
            if found is not None:
                return found
        raise AssertionError(f"it never said {pattern!r} but {told}")

    def end(self) -> int:
        self.process.kill()
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(LONGEST)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code
