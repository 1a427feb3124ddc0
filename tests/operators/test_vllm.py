"""A real vLLM server: it answers as the transformers backend does, takes adapters, and may be killed in mid-run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("aiohttp")
pytest.importorskip("peft")

import psutil
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

from arena.errors import ArenaError
from arena.lineup import build_plan
from arena.observer import Observer
from arena.operator import WorkerContext
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.rerun import rerun
from arena.record.verify import verify
from arena_operators.vlm import checkpoint
from arena_operators.vlm.checkpoint import SHIPPED
from arena_operators.vlm.operator import make
from arena_operators.vlm.vllm_launch import special
from scripts.bench import agreement
from tests.operators import vllm_kit

pytestmark = vllm_kit.MARKS
ASKED = agreement.Config(turns=30)
VLM = "vlm:nano@temperature=0"


@pytest.fixture(scope="module")
def loop():
    with vllm_kit.Loop() as one:
        yield one


@pytest.fixture(scope="module")
def served(loop):
    """The operator, started: one for all tests here."""
    with loop.served(lora=True) as one:
        yield one


@pytest.fixture(scope="module")
def ours():
    """(questions, answers of the transformers backend)."""
    return agreement.by_transformers(ASKED)


@pytest.fixture
def ask(loop, served, ours):
    """What the server answers to the questions."""

    async def all_of_them():
        return await asyncio.gather(*map(served.backend.generate, ours[0]))

    return lambda: loop.run(all_of_them())


def adapter(folder, layers=r".*text_model.*\.(q_proj|v_proj)", rename=""):
    """A peft adapter of nano, of random weights; `rename`: what its layers are called instead of `layers.`"""
    torch.manual_seed(2)
    model = AutoModelForImageTextToText.from_pretrained(SHIPPED)
    get_peft_model(model, LoraConfig(r=4, target_modules=layers, init_lora_weights=False)).save_pretrained(folder)
    if rename:
        from safetensors.torch import load_file, save_file

        file = folder / "adapter_model.safetensors"
        save_file({name.replace("layers.", rename): value for name, value in load_file(file).items()}, file)
    return folder


def test_what_it_can_do_is_found(served):
    found = served.capabilities
    assert (found.backend, found.model, found.context) == ("vllm", "nano", 512)
    assert all((found.tokens_out, found.logprobs, found.choices, found.pictures, found.picture_uuid, found.lora))
    assert found.server.startswith("vllm 0.")


def test_its_seeds_are_known_to_arrive(served):
    """Two seeds differ, and one repeats: which operators.json says."""
    assert (served.facts["seeds"], served.facts["seeds_differ"]) == ("yes", "yes")


def test_it_answers_as_transformers_does(ask, ours):
    for one, other in zip(ours[1], ask(), strict=True):
        assert other.prompt_tokens.tolist() == one.prompt_tokens.tolist()
        assert other.tokens.tolist() == one.tokens.tolist()
        assert (other.text, other.finish) == (one.text, one.finish)
        np.testing.assert_allclose(other.logprobs, one.logprobs, atol=1e-4)


def test_its_key_stands_in_no_argument(served):
    started = psutil.Process(served.backend.server.pid)
    for process in (started, *started.children(recursive=True)):
        assert served.backend.server.secret not in " ".join(process.cmdline())


def test_an_adapter_is_taken_by_name_and_the_one_before_the_last_is_dropped(loop, served, ask, ours, tmp_path):
    before, folder = ask(), adapter(tmp_path / "first")
    loop.run(served.update("first", str(folder)))
    changed = ask()
    assert {one.weights_version for one in changed} == {"first"}
    assert [one.text for one in changed] != [one.text for one in before]
    merged = make(WorkerContext("nano", {"temperature": 0.0, "adapter": str(folder)}))
    expected = dict(merged.backend.generate(ours[0]))
    same = sum(one.text == expected[index].text for index, one in enumerate(changed))
    assert same >= len(changed) - 1
    for name in ("second", "third"):
        loop.run(served.update(name, str(adapter(tmp_path / name))))
    listed = json.loads(loop.run(served.backend.get("/models")))
    assert {one["id"] for one in listed["data"]} == {"nano", "nano+second", "nano+third"}


def test_an_adapter_that_matches_nothing_is_refused_and_the_old_weights_stay(loop, served, ask, tmp_path):
    before = [one.text for one in ask()]
    with pytest.raises(ValueError, match="which the model has not: it was made for another one"):
        loop.run(served.update("void", str(adapter(tmp_path / "void", rename="layers.7"))))
    assert [one.text for one in ask()] == before


@pytest.fixture
def attached(served, monkeypatch):
    """The name of an operator that asks that server, which it did not start. A function of more options."""
    monkeypatch.setenv("ANOTHERS_API_KEY", served.backend.server.secret)
    url = served.backend.server.url
    return lambda **more: (
        "vlm:nano@backend=vllm"
        + "".join(f"@{name}={value}" for name, value in {"url": url, "key": "ANOTHERS_API_KEY", **more}.items())
    )


def play(folder, name, matches=12):
    run_plan(build_plan("leduc", [name, "random"], seed=3, matches=matches), folder, concurrency=4)
    return Run(folder)


def test_a_server_that_somebody_else_started_is_asked_and_goes_on(served, attached, ask, tmp_path):
    before = [one.text for one in ask()]
    run = play(tmp_path / "attached", attached(temperature=0))
    assert turns(run.folder) == turns(play(tmp_path / "embedded", VLM).folder)
    assert verify(run).passed
    (facts,) = run.facts()[run.operators[0]]
    assert (facts["backend"], facts["choices"], facts["picture_uuid"]) == ("vllm", "yes", "yes")
    assert psutil.pid_exists(served.backend.server.pid)
    assert [one.text for one in ask()] == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": "nanu"}, "serves no model 'nanu'; it serves: nano"),
        ({"url": "http://127.0.0.1:9/v1"}, "model loaded"),
    ],
)
def test_another_model_or_no_server_is_told_before_the_first_match(attached, options, words, tmp_path):
    with pytest.raises(ArenaError, match=words):
        play(tmp_path / "run", attached(**options))


def test_prefixes_that_its_cache_had_are_counted(attached, tmp_path):
    run = play(tmp_path / "run", attached(temperature=0))
    used = json.loads((run.folder / "usage.json").read_text())[run.operators[0]]
    assert 0 < used["cached_tokens"] < used["prompt_tokens"]


def test_a_picture_that_was_sent_before_is_taken_by_its_name(served, ask):
    """The real server takes the name alone, and sees the same picture."""
    before = [one.text for one in ask()]
    backend, sent = served.backend, []
    complete = backend.complete

    async def noted(body):
        sent.extend(part for one in body["messages"] for part in one["content"] if part["type"] == "image_url")
        return await complete(body)

    backend.complete = noted
    try:
        texts = [one.text for one in ask()]
    finally:
        del backend.complete
    assert sent
    assert all(part["image_url"] is None and part["uuid"] for part in sent)
    assert texts == before


def test_sampled_answers_are_repeated_by_their_seeds(attached, tmp_path):
    run = play(tmp_path / "run", attached(temperature=1), matches=20)
    found, _ = rerun(run, 10**6).agreements
    assert found.asked == run.tables()[0].rows[0].turns
    assert found.same >= 0.9 * found.asked  # companions change last bits: the server is not batch-invariant
    assert found.determinism == "measured"


class Killer(Observer):
    """Kills a part of a run's server, or its worker, once so many matches have ended."""

    def __init__(self, spared: list[int], part: str, after: int = 4) -> None:
        self.left = after
        self.spared = spared
        self.part = part
        self.begun: list[psutil.Process] = []  # all processes of the run that were seen
        self.reasons: list[str] = []
        self.secrets: list[str] = []

    def ended(self, match, outcome) -> None:
        self.left -= 1
        if self.left:
            return
        (pid,) = (pid for pid in vllm_kit.servers() if pid not in self.spared)
        server = psutil.Process(pid)
        worker, below = server.parent(), server.children(recursive=True)
        self.begun += [worker, server, *below]
        self.secrets.append(server.environ()["VLLM_API_KEY"])
        if self.part == "server":
            os.killpg(pid, signal.SIGKILL)
        else:
            (worker if self.part == "worker" else next(one for one in below if "EngineCore" in one.name())).kill()

    def voided(self, match, kind, reason) -> None:
        self.reasons.append(kind)


def turns(folder: Path) -> list[dict[str, object]]:
    """The log without the operators' names."""
    lines = [json.loads(line) for line in (folder / "log-000.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "operator"} for line in lines if "tick" in line]


def left(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after a while."""
    return [one for one in psutil.wait_procs(processes, timeout=30)[1] if one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("part", ["worker", "engine", "server"])
def test_a_run_ends_as_an_undisturbed_one_whatever_part_of_its_server_is_killed(part, tmp_path):
    """Its worker, the process of its server that computes, or its server."""
    mine = vllm_kit.servers()  # of the other tests
    killer = Killer(mine, part)
    tables = []
    for name, observer in ((f"{VLM}@backend=vllm@device=cpu", killer), (VLM, None)):
        plan = build_plan("holdem@hands=2", [name, "ppo", "random"], seed=5, matches=18)
        tables.append(run_plan(plan, tmp_path / name.replace(":", "-"), concurrency=4, observer=observer))
    assert killer.reasons
    first, second = sorted(tmp_path.iterdir(), key=lambda folder: "backend" not in folder.name)
    assert turns(first) == turns(second)
    (one,), (other,) = tables
    assert [row.score for row in one.rows] == [row.score for row in other.rows]
    assert verify(Run(first)).passed
    assert vllm_kit.servers() == mine
    assert left(killer.begun) == []
    for file in (file for file in tmp_path.rglob("*") if file.is_file()):
        assert killer.secrets[0].encode() not in file.read_bytes(), file


def test_nothing_is_left_of_an_arena_that_is_killed_and_its_run_goes_on_to_the_same_log(tmp_path):
    """The command itself, killed while the worker waits for the server's answers; then --resume."""
    line = ["play", "--game", "leduc", "--seed", "7", "--matches", "24", "--concurrency", "4", "--quiet"]
    names = {"vllm": f"{VLM}@backend=vllm@device=cpu", "here": VLM}
    folders = {name: tmp_path / name for name in names}
    killed = arena(*line, "--operators", f"{names['vllm']},random", "--out", str(folders["vllm"]))
    for _ in follow(folders["vllm"], killed):
        break
    begun = psutil.Process(killed.pid).children(recursive=True)
    assert [one for one in begun if "EngineCore" in one.name()]
    killed.kill()
    assert killed.wait()
    assert left(begun) == []
    assert arena("play", "--resume", str(folders["vllm"]), "--quiet").wait() == 0
    assert arena(*line, "--operators", f"{names['here']},random", "--out", str(folders["here"])).wait() == 0
    assert turns(folders["vllm"]) == turns(folders["here"])
    assert verify(Run(folders["vllm"])).passed


def arena(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "arena", *arguments], stdin=subprocess.DEVNULL)


def follow(folder: Path, running: subprocess.Popen[bytes]) -> Iterator[Path]:
    """What is written of a run that is under way, once there is a line of a turn."""
    while running.poll() is None:
        log = folder / "timing-000.jsonl"
        if log.is_file() and b'"type":"turn"' in log.read_bytes():
            yield log
        with suppress(subprocess.TimeoutExpired):
            running.wait(0.05)
    raise AssertionError(f"it ended with {running.returncode}")


def test_a_hubs_model_answers_as_its_folder_does_and_never_draws_what_is_banned(loop, ours, tmp_path, monkeypatch):
    """Its special tokens are read from the hub's cache, which vLLM loaded it from."""
    constants = pytest.importorskip("huggingface_hub.constants")
    name = vllm_kit.cached(tmp_path, SHIPPED, monkeypatch, constants)
    with loop.served(name) as one:
        assert one.backend._special == special(checkpoint.source("nano"))

        async def some():
            return await asyncio.gather(*map(one.backend.generate, ours[0][:8]))

        assert [found.text for found in loop.run(some())] == [found.text for found in ours[1][:8]]
