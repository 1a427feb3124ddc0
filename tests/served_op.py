"""A model server that is none, and an operator that asks it: what is tested is how many questions it is asked at once.

The server speaks HTTP and counts; it runs on an event loop in a thread of this process.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from hashlib import blake2b

from arena.operator import AsyncOperator, Decision, OpenSeat, Outcome, Request, WorkerContext

ROUNDS = 50  # of hashing: the server's work on a question


class ModelServer:
    """With `full`, it answers the oldest question only while `full` of them wait, or all that are still to come."""

    def __init__(self, full: int = 0, total: int = 0) -> None:
        self.full = full
        self.total = total
        self.most = 0  # questions under way at the same time: here, or as whoever asks counts them
        self.answered = 0
        self._waiting: deque[asyncio.Event] = deque()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="model server")

    def __enter__(self) -> ModelServer:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        async with server:
            await self._over.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        question = json.loads(await reader.readexactly(length))
        turn = asyncio.Event()
        self._waiting.append(turn)
        self.most = max(self.most, len(self._waiting), question.pop("under_way"))
        self._answer_oldest()
        await turn.wait()
        body = json.dumps({"action": decided(question)}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    def _answer_oldest(self) -> None:
        while self._waiting and len(self._waiting) >= min(self.full, self.total - self.answered):
            self._waiting.popleft().set()
            self.answered += 1


def decided(question: dict[str, object]) -> int:
    """An answer that depends on the question alone."""
    digest = json.dumps(question, sort_keys=True).encode()
    for _ in range(ROUNDS):
        digest = blake2b(digest).digest()
    legal = question["legal"]
    assert isinstance(legal, list)
    return int(legal[digest[0] % len(legal)])


class Served(AsyncOperator):
    """Asks the server at 127.0.0.1:`what`, one connection a question."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.under_way = 0
        self.seeds: dict[tuple[int, int], bytes] = {}

    def open(self, seats: list[OpenSeat]) -> None:  # type: ignore[override]
        self.seeds.update({(seat.match, seat.seat): seat.seed for seat in seats})

    def end(self, match: int, seat: int, outcome: Outcome) -> None:
        del self.seeds[match, seat]

    async def decide(self, request: Request) -> Decision:
        self.under_way += 1
        try:
            return await self._ask(request)
        finally:
            self.under_way -= 1

    async def _ask(self, request: Request) -> Decision:
        seed = self.seeds[request.match, request.seat]
        question = {"seed": seed.hex(), "tick": request.tick, "legal": list(request.observation.legal)}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            body = json.dumps({**question, "under_way": self.under_way}).encode()
            writer.write(b"POST /decide HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            _, _, reply = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
        return Decision(answer=json.loads(reply)["action"])


def build(context: WorkerContext) -> AsyncOperator:
    return Served(int(context.what))
