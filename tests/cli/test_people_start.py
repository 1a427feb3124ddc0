"""A person's link, and that of a spectator, are printed at once, whoever is still loading."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import pytest

from tests.cli.kit import start
from tests.supervisor.kit import peer_command

pytest.importorskip("aiohttp")


def test_every_link_is_printed_while_another_operator_never_gets_ready(tmp_path: Path) -> None:
    loading = f"cmd:'{shlex.join(peer_command('loads'))}'"
    args = ["play", "-g", "kuhn", "--operator", loading, "--operator", "human:web", "--watch", "web"]
    process = start(tmp_path, *args, "--out", "run")
    assert process.stderr is not None
    links: dict[str, str] = {}
    try:
        while len(links) < 2:
            line = process.stderr.readline()
            assert line, links
            if found := re.fullmatch(r"(.*): (http://127\.0\.0\.1:\d+/\?token=\S+)\n", line):
                links[found[1]] = found[2]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert set(links) == {"human:web plays here", "to watch"}
