"""What workers leave behind is found and ended, also what left their process group."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from arena.supervisor.descendants import MARK, end_marked
from arena.supervisor.process import WorkerProcess

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc, as Linux has it")

# A grandchild in a session of its own, whose parent ends: it says its number and writes nothing more.
STRAY = """
import os, subprocess, sys
child = "import os, sys, time; os.setsid(); print(os.getpid(), flush=True); os.close(1); time.sleep(600)"
parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])"
said = subprocess.run([sys.executable, "-c", parent], stdout=subprocess.PIPE).stdout
with open(sys.argv[1], "w") as fifo:
    fifo.write(said.decode())
{then}
"""


def start(folder: Path, then: str) -> tuple[WorkerProcess, int]:
    """A worker that has a stray grandchild, and the grandchild's number."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    process = WorkerProcess([sys.executable, "-c", STRAY.replace("{then}", then), str(fifo)], {}, folder / "log")
    return process, int(fifo.read_text())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("then", ["sys.exit(3)", "sys.stdin.read()"], ids=["ended", "runs"])
def test_a_child_in_a_session_of_its_own_is_ended_with_its_worker(tmp_path: Path, then: str) -> None:
    process, stray = start(tmp_path, then)
    assert alive(stray)
    process.reap()
    assert not alive(stray)


def test_a_worker_whose_arena_is_killed_ends_what_it_left_behind(tmp_path: Path) -> None:
    """The stand-in for the arena holds the worker's stdin, and is killed."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    worker = STRAY.replace("{then}", "from arena_workers.host import _leave_with_arena; _leave_with_arena()")
    arena = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {worker!r}, {str(fifo)!r}], stdin=subprocess.PIPE, "
        f"start_new_session=True, env={{**__import__('os').environ, {MARK!r}: 'test-{os.getpid()}'}})\n"
        "time.sleep(600)"
    )
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen([sys.executable, "-c", arena], env={**os.environ, "PYTHONPATH": str(root)})
    stray = int(fifo.read_text())
    handle = os.pidfd_open(stray)
    assert alive(stray)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    assert ended.poll(30_000)
    os.close(handle)


def test_nobody_else_is_touched() -> None:
    bystander = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: "another"})
    end_marked("nobody has this mark")
    assert bystander.poll() is None
    end_marked("another")
    assert bystander.wait() == -signal.SIGKILL
