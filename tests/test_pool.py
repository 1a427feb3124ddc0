"""Processes that compute beside another end with it."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

from arena.pool import pool

LONGEST = 30  # seconds
PARENT = """
import os, sys
from arena.pool import pool
if __name__ == "__main__":
    with pool(2) as beside:
        pids = {beside.submit(os.getpid).result()}
        while len(pids) < 2:
            pids |= {one.result() for one in [beside.submit(os.getpid) for _ in range(50)]}
        print(*pids, flush=True)
        sys.stdin.read()
"""


def test_they_compute() -> None:
    with pool(1) as beside:
        assert beside.submit(max, 2, 3).result() == 3


@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_they_end_with_the_process_that_began_them(end: str, tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(children) == 2
        getattr(parent, end)()
        parent.wait(LONGEST)
    assert psutil.wait_procs(children, timeout=LONGEST)[1] == []
