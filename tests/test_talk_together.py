"""A model, a policy, a person in the page and a foreign program talk in one game, through the whole arena."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.game import Move
from arena.log import TurnLine
from arena.prompts import fill
from arena.record.reader import Run
from arena.train.nets import Mlp
from arena.train.policy import save_policy
from tests.operators.browser_kit import CHROMIUM, FLAGS, READY
from tests.operators.human_kit import GUARD
from tests.operators.vlm_kit import VIEWS, speaking
from tests.talking_game import NAMES, TalkingGame

pytest.importorskip("aiohttp")
pytest.importorskip("transformers")
pytest.importorskip("safetensors")
playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[1]
ARENA = str(Path(sys.executable).with_name("arena"))
TYPED = 'I say "green" <b>\u202enow</b>'  # as the person types it, and as it is said
SAID = 'I say "green" <b>now</b>'
pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium"),
]


@pytest.fixture
def page() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=GUARD * 1000)
        page = browser.new_page()
        page.set_default_timeout(GUARD * 1000)
        yield page
        browser.close()


def policy(folder: Path) -> Path:
    """A policy of random weights: what it says are offered statements."""
    spec, chance = TalkingGame.spec, np.random.default_rng(1)
    assert spec.vector_shape is not None
    weights = chance.normal(size=(spec.actions.n, *spec.vector_shape)).astype(np.float32)
    save_policy(
        folder / "policy.safetensors",
        Mlp([(weights, np.zeros(spec.actions.n, np.float32))]),
        game=spec.id,
        game_version=spec.version,
        seats=spec.seats,
        vector_shape=spec.vector_shape,
        actions=spec.actions.names,
        trained_by="a test",
        seed=1,
        steps=0,
    )
    return folder


def model(folder: Path) -> Path:
    """A model that writes the same to whatever it is asked in three turns of a clue and one of talk, in which it heard

    nothing (seat 0 was the policy): as a clue it is a text of its own.
    """
    game, seen = TalkingGame(4), []
    game.reset(bytes(16))
    for game.colour in range(3):
        seen.append(game.observe(0, VIEWS))
    game.step({0: Move(game.default_action(0))})
    questions = [(fill(game.card(), one, "short"), one.image) for one in [*seen, game.observe(3, VIEWS)]]
    return speaking(folder, questions, "Say: hello\nAnswer: I agree")


def test_they_talk_and_the_run_verifies(tmp_path: Path, page: Any) -> None:
    worker = shlex.join([sys.executable, str(ROOT / "docs" / "examples" / "talking_worker.py")])
    vlm = f"vlm:{model(tmp_path / 'model')}@temperature=0@max_tokens=24@prompt=short"
    seated = [vlm, f"ppo:{policy(tmp_path / 'policy')}", "human:web", f'cmd:"{worker}"@views=text']
    operators = [part for name in seated for part in ("--operator", name)]
    game, run = str(ROOT / "tests" / "talking_game.py"), tmp_path / "run"
    process = subprocess.Popen(
        [ARENA, "play", "--game", game, *operators, "--matches", "4", "--seed", "3", "--out", str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    link = None
    while link is None:
        line = process.stderr.readline()
        assert line, "it ended before the page was there"
        link = re.search(r"http://127\.0\.0\.1:\S+", line)
    page.goto(link.group())
    for _ in range(4 * 2 - 1):  # four matches: the clue in one of them, talk and guess in the others
        page.wait_for_selector(READY)
        asked = page.get_attribute("#buttons", "data-content")
        if page.is_visible("#say"):
            page.fill("#say", TYPED)
        if page.is_visible("#say-send"):
            page.press("#say", "Enter")
        else:
            page.locator("#buttons button").first.click()
        page.wait_for_selector(f"#buttons:not([data-content='{asked}'])", state="attached")  # another question, or none
    heard = page.locator("#heard li").all_inner_texts()
    _, rest = process.communicate()
    assert process.returncode == 0, rest

    turns = [line for line in Run(run).lines() if isinstance(line, TurnLine)]
    by = {name: [turn for turn in turns if turn.operator == name] for name in {turn.operator for turn in turns}}
    taught, trained, person, program = (
        next(lines for name, lines in by.items() if name.startswith(kind)) for kind in ("vlm", "ppo", "human", "cmd")
    )
    assert {turn.say for turn in person if turn.say} == {SAID}
    assert len([turn for turn in person if turn.say]) == 4  # the clue, and three times beside an action
    assert {turn.say for turn in program if turn.tick == 0} == {"Think of the sky."}
    assert any(f"seat {turn.seat}" not in turn.say and "said" in turn.say for turn in program if turn.say)
    assert all(turn.action is not None and turn.fault is None for turn in trained)
    assert {NAMES[turn.action] for turn in trained if turn.tick == 1 and turn.action is not None} <= set(NAMES[4:])
    assert len(taught) == 7
    assert {turn.say for turn in taught if turn.tick == 0} == {"I agree"}
    assert "hello" in {turn.say for turn in taught if turn.tick == 1}
    assert any("I heard that" in line or "Think of the sky" in line for line in heard)
    checked = subprocess.run([ARENA, "verify", str(run)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
