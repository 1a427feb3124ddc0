"""What a turn costs the process that asks a model server, with no model: the arena beside bare clients.

    python scripts/bench/client.py [--matches 200] [--rounds 5] [--concurrency 64] [--busy 0] [--steps]
        [--profile FILE]

A server in a process of its own answers every question with one recorded answer, at once, or with `--busy` one at a
time and after so many milliseconds of computing, or with `--steps` without computing and as vLLM does with nano: in
steps of 10 ms, of which each answer takes 14 to 26, those of one step 0.7 ms apart. The arena (Match, Scheduler,
prompts, pictures, the client) plays Leduc against it; then bare clients send the very bodies that the arena sent, as
many at a time: of httpx (`httpx2`, its continuation) and of aiohttp, the arena's own. Rounds alternate; processor time
a turn of this process, medians with the quartiles.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import msgspec
from served_model import all_of, quartiles

from arena.lineup import build_plan
from arena.local_workers import LocalWorkers
from arena.operator import AsyncOperator, Operator, WorkerContext
from arena.scheduler import Scheduler
from arena_operators.vlm.backend import Capabilities, Sampling
from arena_operators.vlm.chat_api import Choice, Completion, Said
from arena_operators.vlm.dialogue import Settings
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.probe import Probed
from arena_operators.vlm.served import ServedOperator

JSON = {"Content-Type": "application/json"}
SAMPLING = Sampling(temperature=0, max_tokens=64)
ANSWER = (  # vLLM's to a question of Leduc
    b'{"id":"chatcmpl-b1c4c1a0f2d84e5a","object":"chat.completion","created":1764260000,"model":"nano","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"Thought: my card is a king.\\nAction: call","refusal":null,'
    b'"annotations":null,"audio":null,"function_call":null,"tool_calls":[],"reasoning":null},"logprobs":null,'
    b'"finish_reason":"stop","stop_reason":null,"token_ids":null}],"service_tier":null,"system_fingerprint":null,'
    b'"usage":{"prompt_tokens":61,"total_tokens":75,"completion_tokens":14,"prompt_tokens_details":null},'
    b'"prompt_logprobs":null,"prompt_token_ids":null,"kv_transfer_params":null}'
)


STEP, STEPS, APART = 0.01, (14, 26), 0.0007  # seconds, steps of an answer, seconds between two answers of a step
HEAD = b"HTTP/1.1 200 OK\r\nserver: uvicorn\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class _Answers(asyncio.Protocol):
    """Calls `asked` with what answers, for each POST once its body is there."""

    def __init__(self, asked: Callable[[Callable[[], None]], None]) -> None:
        self._asked = asked
        self._begun = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._begun += data
        head, there, body = self._begun.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        if there and len(body) >= int(length):
            self._begun = b""
            whole = HEAD % len(ANSWER) + ANSWER
            self._asked(lambda: self._transport.write(whole))  # type: ignore[attr-defined]


async def serve(busy: float, steps: bool) -> None:
    """Serve until stdin ends; the port is printed. `busy`: seconds of processor time before each answer."""
    loop, waiting, chance = asyncio.get_running_loop(), list[list[Any]](), random.Random(0)

    def at_once(answer: Callable[[], None]) -> None:
        until = time.process_time() + busy
        while time.process_time() < until:
            pass
        answer()

    def later(answer: Callable[[], None]) -> None:
        waiting.append([chance.randint(*STEPS), answer])

    async def step() -> None:
        at = loop.time()
        while True:
            at = max(at + STEP, loop.time())
            await asyncio.sleep(at - loop.time())
            for one in waiting:
                one[0] -= 1
            ready = [answer for left, answer in waiting if left <= 0]
            waiting[:] = [one for one in waiting if one[0] > 0]
            for answer in ready:
                answer()
                await asyncio.sleep(APART)

    server = await loop.create_server(lambda: _Answers(later if steps else at_once), "127.0.0.1", 0)
    stepping = asyncio.ensure_future(step())
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    stepping.cancel()


class _Unprobed(OpenAIBackend):
    """Against a server that can do what vLLM can."""

    bodies: list[bytes] | None = None

    async def start(self, context: WorkerContext) -> Capabilities:
        self.connect()
        found = Capabilities(backend="openai", model="nano", pictures=True, picture_uuid=True, seeds=True)
        self.probed = Probed(found, {}, "nano", Completion([Choice(Said("a"))], "nano"))
        return found

    async def check_picture_size(self, height: int, width: int) -> None:
        pass

    async def complete(self, body: Mapping[str, Any]) -> Completion:
        if self.bodies is not None:
            self.bodies.append(msgspec.json.encode(body))
        return await super().complete(body)


class Arena:
    """Matches of Leduc, the server's model in both seats."""

    def __init__(self, url: str, matches: int, concurrency: int) -> None:
        self._concurrency = concurrency
        name = f"vlm:nano@url={url}@in_flight={concurrency}@prompt=short"
        self.plan = build_plan("leduc", [name] * 2, seed=1, matches=matches)
        self.backend = _Unprobed(url, "nano", None, concurrency)
        self.workers = LocalWorkers(self.plan.entries, [self._make] * 2)

    def _make(self, context: WorkerContext) -> Operator | AsyncOperator:
        return ServedOperator(
            self.backend, Settings(prompt="short", sampling=Sampling(temperature=0, max_tokens=64)), context
        )

    def record(self) -> list[bytes]:
        """The bodies of what is asked."""
        found: list[bytes] = []
        self.backend.bodies = found
        self.play()
        self.backend.bodies = None
        return found

    def play(self) -> None:
        """Once through the plan."""
        Scheduler(self.plan, self.workers, concurrency=2 * self._concurrency).run()


async def with_httpx(url: str, bodies: Sequence[bytes], concurrency: int) -> None:
    """httpx's client."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(headers=JSON, limits=limits, timeout=None) as client:

        async def ask(body: bytes) -> None:
            (await client.post(url, content=body)).raise_for_status().json()

        await all_of(bodies, ask, concurrency)


async def with_aiohttp(url: str, bodies: Sequence[bytes], concurrency: int) -> None:
    """aiohttp's session."""
    async with aiohttp.ClientSession(headers=JSON, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(body: bytes) -> None:
            async with session.post(url, data=body) as response:
                response.raise_for_status()
                await response.json()

        await all_of(bodies, ask, concurrency)


def spent(side: Callable[[], object], turns: int) -> float:
    """Milliseconds of processor time a turn."""
    began = time.process_time()
    side()
    return 1000 * (time.process_time() - began) / turns


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--profile", type=Path, help="write a profile of the arena here instead, as pstats reads it")
    parser.add_argument("--busy", type=float, default=0, help="milliseconds that the server computes for each answer")
    parser.add_argument("--steps", action="store_true", help="answers come as vLLM's do")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve(given.busy / 1000, given.steps))
        return
    command = [sys.executable, __file__, "--serve", "--busy", str(given.busy), *["--steps"] * given.steps]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdin is not None
    base = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    url, count = base + "/chat/completions", given.concurrency
    arena = Arena(base, given.matches, count)
    with arena.workers:
        bodies = arena.record()
        if given.profile:
            profile(arena, given.profile)
        else:
            sides: dict[str, Callable[[], object]] = {
                "arena": arena.play,
                "httpx": lambda: asyncio.run(with_httpx(url, bodies, count)),
                "aiohttp": lambda: asyncio.run(with_aiohttp(url, bodies, count)),
            }
            found: dict[str, list[float]] = {name: [] for name in sides}
            for _ in range(given.rounds):
                for name, side in sides.items():
                    found[name].append(spent(side, len(bodies)))
            for name, values in found.items():
                print(
                    f"{name}: {'{} ms a turn ({} to {})'.format(*quartiles(values))}, {len(bodies)} turns", flush=True
                )
    server.stdin.close()
    server.wait()


def profile(arena: Arena, path: Path) -> None:
    """Of both threads of the arena, by yappi (pip install yappi)."""
    import yappi  # type: ignore[import-not-found,import-untyped,unused-ignore]

    yappi.set_clock_type("cpu")
    yappi.start()
    arena.play()
    yappi.stop()
    yappi.convert2pstats(yappi.get_func_stats()).dump_stats(str(path))


if __name__ == "__main__":
    main()
