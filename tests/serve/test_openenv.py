"""OpenEnv's own client steps a served game, and its own validation passes. Needs the extra `openenv`."""

from __future__ import annotations

import base64
import importlib.util
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.docs_kit import ROOT, files

if importlib.util.find_spec("openenv") is None:  # its packages do not fit beside ours: see docs/openenv.md
    pytest.skip("the extra openenv has an environment of its own", allow_module_level=True)
core = pytest.importorskip("openenv.core")
validation = pytest.importorskip("openenv.cli._validation")
HERE = Path(__file__).parent


@contextmanager
def served(*words: str) -> Iterator[str]:
    """`arena serve openenv WORDS`, and where it listens."""
    command = [sys.executable, "-m", "arena", "serve", "openenv", "--port", "0", *words]
    env = {**os.environ, "COLUMNS": "200"}
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if found := re.search(r"http://\S+", line):
                yield found[0]
                break
        else:
            pytest.fail("it said no address")
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate()
    assert server.returncode in (0, 130)


@pytest.fixture(scope="module")
def leduc() -> Iterator[str]:
    with served("--game", "leduc", "--opponents", "random", "--view", "text", "--view", "image") as url:
        yield url


def play(url: str, seed: int, answer: str = "call", **how: Any) -> tuple[list[str], float, Any]:
    """The texts that were seen, the sum of the rewards, and the last result."""
    with core.GenericEnvClient(base_url=url).sync() as env:
        result = env.reset(seed=seed, **how)
        texts, total = [], 0.0
        while not result.done:
            texts.append(result.observation["text"])
            result = env.step({"answer": answer})
            total += result.reward
        return texts, total, result


def test_the_packages_own_validation_passes(leduc: str) -> None:
    report = validation.validate_running_environment(leduc, timeout_s=60.0)  # its own 5 s are short on a busy machine
    assert report["passed"], report


def test_a_client_plays_a_match(leduc: str) -> None:
    _, total, last = play(leduc, 1, seat=0)
    assert total == last.observation["returns"][0]
    assert not last.observation["truncated"]


def test_a_seed_repeats_a_match(leduc: str) -> None:
    assert [play(leduc, seed)[:2] for seed in range(4)] == [play(leduc, seed)[:2] for seed in range(4)]


def test_what_a_model_wrote_is_read_as_its_prompt_asks(leduc: str) -> None:
    assert play(leduc, 2, "I have a king.\nAnswer: call")[:2] == play(leduc, 2, "call")[:2]


def test_several_sessions_at_once_do_not_meet(leduc: str) -> None:
    alone = [play(leduc, seed)[:2] for seed in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda seed: play(leduc, seed)[:2], range(8))) == alone


def test_the_picture_is_a_png_in_a_data_url(leduc: str) -> None:
    with core.GenericEnvClient(base_url=leduc).sync() as env:
        observation = env.reset(seed=1).observation
    head, _, data = observation["picture"].partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (128, 128)
    assert observation["prompt"].startswith("You play Leduc poker.")


def test_the_state_says_how_to_play_it_again(leduc: str) -> None:
    with core.GenericEnvClient(base_url=leduc).sync() as env:
        first = env.reset().observation
        state = env.state()
        again = env.reset(seed=state["seed"], seat=state["seat"]).observation
    assert again == first


def test_a_step_without_a_question_is_an_error_and_the_session_goes_on(leduc: str) -> None:
    with core.GenericEnvClient(base_url=leduc).sync() as env:
        with pytest.raises(RuntimeError, match="Call reset"):
            env.step({"answer": "call"})
        assert not env.reset(seed=1).done


def test_truncation_is_said() -> None:
    with served("--game", "leduc", "--opponents", "scripted", "--max-ticks", "2", "--seat", "0") as url:
        _, _, last = play(url, 1)
    assert last.done
    assert last.observation["truncated"]
    assert last.observation["reason"] == "the limit of 2 ticks"


def test_a_session_survives_an_opponent_that_thinks_long(tmp_path: Path) -> None:
    opponent = f"{HERE / 'opponent.py'}:THINKS@file={tmp_path / 'done'}"
    with (
        served("--game", "leduc", "--opponents", opponent, "--seat", "0") as url,
        core.GenericEnvClient(base_url=url, message_timeout_s=60).sync() as env,
        ThreadPoolExecutor(1) as threads,
    ):
        result = env.reset(seed=1)
        waits = threads.submit(env.step, {"answer": "call"})
        with core.GenericEnvClient(base_url=url).sync() as other:  # another session is served meanwhile
            assert not other.reset(seed=2).done
        assert not waits.done()
        (tmp_path / "done").touch()
        result = waits.result()
        while not result.done:
            result = env.step({"answer": "call"})
        assert result.observation["returns"] is not None


def test_the_environment_that_the_documentation_gives_to_trl(leduc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    exec(files(ROOT / "docs/openenv.md")["seat.py"], found)
    monkeypatch.setattr(found["Seat"], "url", leduc)
    rewards = []
    for _ in range(2):
        env = found["Seat"]()
        assert env.reset(seed=3, prompt="").startswith("You play Leduc poker.")
        while "The match is over" not in (said := env.play("call")):
            assert "Legal actions:" in said
        assert said == f"The match is over. You got {env.get_reward():g}."
        rewards.append(env.get_reward())
    assert rewards[0] == rewards[1]


def test_a_port_that_is_taken_is_said(leduc: str) -> None:
    port = leduc.rpartition(":")[2]
    command = [sys.executable, "-m", "arena", "serve", "openenv", "--game", "leduc", "--opponents", "random"]
    done = subprocess.run([*command, "--port", port], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"--port {port}" in done.stderr
