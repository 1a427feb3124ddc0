"""The process of a vLLM server: started, watched, ended with whoever started it. A small program stands for vLLM."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")

from arena.operator import WorkerContext
from arena_operators.vlm import vllm_backend
from arena_operators.vlm.backend import ModelRequest, Sampling
from arena_operators.vlm.checkpoint import Source
from arena_operators.vlm.shared_server import SharedServer
from arena_operators.vlm.vllm_backend import VllmBackend
from arena_operators.vlm.vllm_launch import Launch, Special
from arena_operators.vlm.vllm_server import VllmServer
from tests.operators.served_kit import Clock

ROOT = Path(__file__).parents[2]
PROGRAM = """
import http.server, os, subprocess, sys, threading, time

assert sys.argv[1:3] == ["--host", "127.0.0.1"]

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        self.send_response(200 if self.path == "/health" or right else 401)
        self.end_headers()
        if self.path == "/v1/deaf":
            threading.Thread(target=self.server.shutdown).start()
    def log_message(self, *about):
        pass

if __name__ == "__main__":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(f"(APIServer pid=1) INFO 11-27 11:38:33 [core.py:133] child {child.pid}")
    if "--broken" in sys.argv:
        print("(EngineCore pid=7) ERROR 11-27 11:38:33 [core.py:1] Traceback (most recent call last):")
        print("(EngineCore pid=7) ERROR 11-27 11:38:33 [core.py:2] ValueError: no room for so long a context")
        print("RuntimeError: Engine core initialization failed. See root cause above.")
        print("more words")
        sys.exit(1)
    server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Health)
    server.serve_forever()
    server.server_close()
    time.sleep(600)
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Of an environment in which `vllm` is the program above."""
    file = tmp_path / "vllm" / "entrypoints" / "openai" / "api_server.py"
    file.parent.mkdir(parents=True)
    file.write_text(PROGRAM)
    for folder in file.parents[:3]:
        (folder / "__init__.py").touch()
    return {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}


def server(variables: dict[str, str], *options: str) -> VllmServer:
    return VllmServer(Path(sys.executable), options, variables)


def child(said: list[str]) -> int:
    """The process that the program started, by what it said."""
    return next(int(text.rpartition(" ")[2]) for text in said if "child " in text)


def gone(pid: int) -> bool:
    """Whether the process ends."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return True
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    return bool(ended.poll(20_000))


def test_it_starts_says_how_far_it_is_and_ends_with_its_children(variables: dict[str, str]) -> None:
    async def run() -> tuple[list[str], int]:
        said: list[str] = []
        one = server(variables)
        await one.start(said.append)
        await one.stop()
        return said, one.pid

    said, pid = asyncio.run(run())
    assert gone(child(said))
    assert gone(pid)
    assert said[0] == "starting vLLM"


def test_the_errors_in_its_log_tell_why_it_did_not_start(variables: dict[str, str]) -> None:
    with pytest.raises(
        ValueError, match="exited with code 1 while it started:\n  ValueError: no room for so long a co"
    ):
        asyncio.run(server(variables, "--broken").start(lambda text: None))


def test_only_who_has_the_key_is_answered_and_it_stands_in_no_argument(variables: dict[str, str]) -> None:
    async def run() -> list[int]:
        one = server(variables)
        await one.start(lambda text: None)
        try:
            answers = []
            for headers in ({}, {"Authorization": f"Bearer {one.secret}"}):
                asked = urllib.request.Request(f"{one.url}/models", headers=headers)
                try:
                    answers.append((await asyncio.to_thread(urllib.request.urlopen, asked)).status)
                except urllib.error.HTTPError as error:
                    answers.append(error.code)
            arguments = subprocess.run(
                ["ps", "-ww", "-o", "args=", "-p", str(one.pid)], capture_output=True, text=True, check=True
            )
            assert "arena_workers.vllm_server" in arguments.stdout
            assert one.secret not in arguments.stdout
            return answers
        finally:
            await one.stop()

    assert asyncio.run(run()) == [401, 200]


def test_it_is_noticed_when_it_is_killed(variables: dict[str, str]) -> None:
    async def run() -> str:
        one = server(variables)
        await one.start(lambda text: None)
        os.kill(one.pid, signal.SIGKILL)
        await asyncio.wait_for(one.ended.wait(), 20)
        await one.stop()
        return one.how()

    assert asyncio.run(run()) == "was killed by SIGKILL"


def test_one_that_serves_no_more_and_stays_is_ended(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As vLLM at times when the process that computes is dead: nobody listens, and the program goes on."""
    monkeypatch.setattr(vllm_backend, "DYING", 0.1)
    launch = Launch((), variables, "toy", "toy", None, False, Source(None, "toy/toy"))

    async def run() -> str:
        backend = VllmBackend(Path(sys.executable), launch, Special, 1)
        backend._sleep = Clock()
        await backend.server.start(WorkerContext("toy", {}).status)
        try:
            backend.connect()
            await backend.look("GET", f"{backend.url}/deaf")
            request = ModelRequest(messages=(), key=bytes(16), sampling=Sampling())
            asked = asyncio.ensure_future(backend.generate(request))
            await asyncio.wait_for(backend.server.ended.wait(), 20)
            assert not asked.done()  # nobody is told that it failed: the worker ends
            asked.cancel()
        finally:
            await backend.stop()
        return backend.server.how()

    assert asyncio.run(run()) == "was killed by SIGTERM"


def test_none_is_left_when_whoever_started_it_is_killed(variables: dict[str, str], tmp_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from arena_operators.vlm.vllm_server import VllmServer\n"
        "async def run():\n"
        f"    one = VllmServer(Path(sys.executable), (), {variables!r})\n"
        "    await one.start(lambda text: None)\n"
        "    print('pid', one.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(run())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    said = []
    for line in parent.stdout:
        said.append(line.strip())
        if line.startswith("pid "):
            break
    parent.kill()
    parent.wait()
    assert gone(int(said[-1].removeprefix("pid ")))
    assert gone(child(said))


# --- shared by the workers of a training ----------------------------------------------------------------------------


def shared(folder: Path, variables: dict[str, str], *what: object) -> SharedServer:
    return SharedServer(folder, server(variables), *what)


async def ended(one: SharedServer) -> None:
    await asyncio.wait_for(one.ended.wait(), 20)


def test_workers_that_come_at_once_share_one_server_until_who_started_it_leaves(
    variables: dict[str, str], tmp_path: Path
) -> None:
    async def run() -> None:
        three = [shared(tmp_path, variables) for _ in range(3)]
        said: list[list[str]] = [[] for _ in three]
        await asyncio.gather(*(one.start(words.append) for one, words in zip(three, said, strict=True)))
        assert len({(one.url, one.secret) for one in three}) == 1
        (first,) = [one for one, words in zip(three, said, strict=True) if "starting vLLM" in words]
        second, third = (one for one in three if one is not first)
        await second.stop()
        assert not first.ended.is_set()
        await first.stop()
        await ended(third)
        assert third.how() == "that another worker started is gone"
        fourth = shared(tmp_path, variables)
        await fourth.start(said[0].append)
        assert fourth.url != first.url
        await asyncio.gather(third.stop(), fourth.stop())

    asyncio.run(run())


def test_a_server_that_would_start_otherwise_is_another_one(variables: dict[str, str], tmp_path: Path) -> None:
    async def run() -> None:
        one, other = shared(tmp_path, variables, "--one"), shared(tmp_path, variables, "--other")
        await asyncio.gather(one.start(len), other.start(len))
        assert one.url != other.url
        await asyncio.gather(one.stop(), other.stop())

    asyncio.run(run())


def test_all_who_ask_a_server_notice_that_it_was_killed(variables: dict[str, str], tmp_path: Path) -> None:
    async def run() -> None:
        own = server(variables)
        one, other = SharedServer(tmp_path, own), shared(tmp_path, variables)
        await one.start(len)
        await other.start(len)
        os.kill(own.pid, signal.SIGKILL)
        await asyncio.gather(ended(one), ended(other))
        assert one.how() == "was killed by SIGKILL"
        await asyncio.gather(one.stop(), other.stop())

    asyncio.run(run())


def test_one_that_answers_no_more_is_ended_by_whoever_finds_that(variables: dict[str, str], tmp_path: Path) -> None:
    async def run() -> None:
        own = server(variables)
        one, other = SharedServer(tmp_path, own), shared(tmp_path, variables)
        await one.start(len)
        await other.start(len)
        await other.end()
        assert gone(own.pid)
        await ended(one)
        await asyncio.gather(one.stop(), other.stop())

    asyncio.run(run())


def test_when_the_worker_that_started_it_is_killed_another_one_starts_the_next(
    variables: dict[str, str], tmp_path: Path
) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from arena_operators.vlm.vllm_server import VllmServer\n"
        "from arena_operators.vlm.shared_server import SharedServer\n"
        "async def run():\n"
        f"    own = VllmServer(Path(sys.executable), (), {variables!r})\n"
        f"    await SharedServer(Path({str(tmp_path)!r}), own).start(len)\n"
        "    print('pid', own.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(run())\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    pid = next(int(line.split()[1]) for line in parent.stdout if line.startswith("pid "))

    async def run() -> None:
        one = shared(tmp_path, variables)
        await one.start(len)
        before = one.url
        parent.kill()
        parent.wait()
        await ended(one)
        other = shared(tmp_path, variables)
        await other.start(len)
        assert other.url != before
        await asyncio.gather(one.stop(), other.stop())

    asyncio.run(run())
    assert gone(pid)


def test_nobody_else_can_read_the_key_of_a_shared_server(variables: dict[str, str], tmp_path: Path) -> None:
    async def run() -> None:
        one = shared(tmp_path, variables)
        await one.start(len)
        assert [oct(file.stat().st_mode & 0o777) for file in tmp_path.glob("*.json")] == ["0o600"]
        await one.stop()

    asyncio.run(run())
