"""Chess engines that misbehave, in the worker that docs/examples/uci.py shows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from arena.operator import BackendError
from tests.test_examples import EXAMPLES

ENGINE = """#!/usr/bin/env python3
import os, sys, time
out = sys.stdout.buffer
def say(text):
    out.write(text if isinstance(text, bytes) else text.encode() + b"\\n")
    out.flush()
{start}
for line in sys.stdin:
    word = line.split()[0]
    if word == "uci":
        say("id name odd")
        {uci}
        say("uciok")
    elif word == "isready":
        say("readyok")
    elif word == "go":
        {go}
    elif word == "quit":
        {quit}
        sys.exit()
"""


@pytest.fixture(scope="module")
def uci() -> ModuleType:
    spec = importlib.util.spec_from_file_location("uci_example", EXAMPLES / "uci.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def engine(uci: ModuleType, tmp_path: Path) -> Callable[..., Any]:
    def make(**parts: str) -> Any:
        path = tmp_path / "engine"
        path.write_text(
            ENGINE.format(**{"start": "", "uci": "pass", "go": "say('bestmove e2e4')", "quit": "pass", **parts})
        )
        path.chmod(0o700)
        return uci.Engine(str(path), 16)

    return make


@pytest.mark.parametrize(
    "parts",
    [
        {"uci": r"say(b'id author Andr\xe9 Mu\xf1oz\n')"},
        {"uci": "say('info string ' + 'uciok ' * 60000)"},
        {"uci": "say(b'id name \\xff\\xfe\\x00\\n')"},
        {"go": "say('info bestmove ' + 'x' * 300000); say('bestmove e2e4 ponder e7e5')"},
        {"go": "sys.stderr.write('e' * 2000000); sys.stderr.flush(); say('bestmove e2e4')"},
        {"quit": "[say('info string ' + 'y' * 100) for _ in range(30000)]"},
        {"quit": "time.sleep(600)"},
        {"quit": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"},
    ],
    ids=["latin-1", "long line", "no text", "long info", "errors", "floods", "deaf", "stubborn"],
)
def test_an_engine_that_is_odd_plays_and_is_ended(engine: Callable[..., Any], parts: dict[str, str]) -> None:
    odd = engine(**parts)
    assert odd.best("8/8/8/8/8/8/8/8 w - - 0 1", "nodes 1") == "e2e4"
    odd.quit()
    assert odd._process.returncode is not None


@pytest.mark.parametrize(("said", "move"), [("bestmove", None), ("bestmove (none)", "(none)"), ("bestmove  ", None)])
def test_an_engine_that_names_no_move_names_none(engine: Callable[..., Any], said: str, move: str | None) -> None:
    odd = engine(go=f"say({said!r})")
    assert odd.best("8/8/8/8/8/8/8/8 w - - 0 1", "nodes 1") == move
    odd.quit()


def test_an_engine_that_ends_says_its_code_and_its_last_words(engine: Callable[..., Any]) -> None:
    odd = engine(go="sys.stderr.write('out of hash'); sys.stderr.flush(); os._exit(9)")
    with pytest.raises(BackendError, match=r"the engine odd has ended \(code 9\)\. out of hash"):
        odd.best("8/8/8/8/8/8/8/8 w - - 0 1", "nodes 1")
    odd.quit()
    with pytest.raises(BackendError, match=r"has ended \(code 3\)"):
        engine(start="sys.exit(3)")


def test_what_is_no_program_is_said(uci: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "engine").write_text("nothing that a system can run")
    (tmp_path / "engine").chmod(0o700)
    with pytest.raises(BackendError, match="cannot start the engine"):
        uci.Engine(str(tmp_path / "engine"), 16)
