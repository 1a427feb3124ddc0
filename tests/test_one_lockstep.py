"""An engine, a policy, a rule, and a person in a browser at the same game, through the same lockstep."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import arena
from arena.log import TurnLine
from arena.record.reader import Run
from arena.record.verify import verify
from tests.operators.browser_kit import CHROMIUM, FLAGS, READY
from tests.operators.human_kit import GUARD

pytest.importorskip("pettingzoo")
pytest.importorskip("sb3_contrib")
playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[1]
STOCKFISH = shutil.which("stockfish") or shutil.which("stockfish", path="/usr/games")
PLIES = 6
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium"),
    pytest.mark.skipif(STOCKFISH is None, reason="no stockfish on PATH: apt-get install stockfish"),
]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Stable-Baselines3 saves after a few steps of chess."""
    from sb3_contrib import MaskablePPO

    env = arena.to_gymnasium("pettingzoo:chess_v6", opponents="random", seed=1)
    model = MaskablePPO("MlpPolicy", env, n_steps=32, batch_size=32, policy_kwargs={"net_arch": [8]}, seed=1)
    model.learn(32)
    path = tmp_path_factory.mktemp("policy") / "chess.zip"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=GUARD * 1000)
        yield browser
        browser.close()


def sit(folder: Path, first: str, second: str, browser: Any | None) -> Run:
    """A match of chess; the person clicks the first move that the page offers."""
    command = ["play", "-g", "pettingzoo:chess_v6", "--operator", first, "--operator", second, "-s", "1"]
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("arena")), *command, "--max-ticks", str(PLIES), "--out", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        return _sit(process, folder, browser)
    finally:
        process.terminate()  # where the person could not play on: it ends its workers


def _sit(process: subprocess.Popen[str], folder: Path, browser: Any | None) -> Run:
    assert process.stderr is not None
    said = ""
    if browser is not None:
        while not (found := re.search(r"http://127\.0\.0\.1:\S+", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        page = browser.new_page()
        page.set_default_timeout(GUARD * 1000)
        page.goto(found.group())
        for _ in range(PLIES // 2):
            page.wait_for_selector(READY)
            page.locator("#buttons button").first.click()
        process.wait()
        page.close()
    _, rest = process.communicate()
    assert process.returncode == 0, said + rest
    return Run(folder)


@pytest.mark.parametrize(
    ("first", "second"),
    [("engine", "policy"), ("policy", "human:web"), ("engine", "human:web"), ("random", "engine")],
)
def test_they_sit_at_one_table(tmp_path: Path, policy: Path, browser: Any, first: str, second: str) -> None:
    names = {
        "engine": f"{ROOT / 'docs/examples/uci.py'}@nodes=200@path={STOCKFISH}",
        "policy": f"ppo:{policy}@trust=true",
    }
    person = "human:web" in (first, second)
    run = sit(tmp_path / "run", names.get(first, first), names.get(second, second), browser if person else None)
    turns = [line for line in run.lines() if isinstance(line, TurnLine)]
    assert [(turn.tick, turn.seat) for turn in turns] == [(tick, tick % 2) for tick in range(PLIES)]
    assert not [turn.fault for turn in turns if turn.fault]
    assert verify(run).passed
