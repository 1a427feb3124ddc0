"""One vLLM server for all workers of a training that would start the same: the first starts it, the others ask it.

    SERVERS/KEY.lock    held by the worker that started the server, as long as that runs
    SERVERS/KEY.json    where it listens, and its key

So opponents, evaluations and processes that play ahead share the memory of a GPU, and the answers of a batch. Where the
server dies, or who started it, all that ask it leave, and the next one starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec

from arena.canonical import digest
from arena.supervisor.runtime import locks
from arena_operators.vlm.vllm_server import LOOK, LOOKING, VllmServer


class _About(msgspec.Struct, frozen=True):
    """A server that runs."""

    url: str
    secret: str
    pid: int


class SharedServer:
    """As VllmServer, which it starts where nobody did."""

    def __init__(self, folder: Path, own: VllmServer, *what: object) -> None:
        """`own`: the server that is started if there is none; `what` is equal for those that may stand for it."""
        key = digest(*what)[:16]
        self.url = self.secret = ""  # known once it is started
        self.ended = asyncio.Event()
        self._own = own
        self._lock = folder / f"{key}.lock"
        self._told = folder / f"{key}.json"
        self._about: _About | None = None
        self._held = contextlib.ExitStack()  # the lock
        self._mine = False
        self._watch: asyncio.Task[None] | None = None

    async def start(self, status: Callable[[str], None]) -> None:
        """Returns when it answers. ValueError as VllmServer, where this worker starts it."""
        said = False
        while True:
            try:
                self._held.enter_context(locks.alone(self._lock, None))
            except BlockingIOError:
                if (found := self._read()) is not None and await _answers(found):
                    self._about = found
                    break
            else:
                self._about = await self._begin(status)
                break
            if not said:
                status("waiting for the vLLM server that another worker starts")
                said = True
            await asyncio.sleep(LOOK)
        self.url, self.secret = self._about.url, self._about.secret
        self._watch = asyncio.ensure_future(self._follow())

    async def _begin(self, status: Callable[[str], None]) -> _About:
        self._told.unlink(missing_ok=True)  # of a server that is gone
        try:
            await self._own.start(status)
            about = _About(self._own.url, self._own.secret, self._own.pid)
            part = self._told.with_suffix(".part")
            part.touch(mode=0o600)  # it holds the key
            part.write_bytes(msgspec.json.encode(about))
            part.replace(self._told)
        except BaseException:
            await self._own.stop()
            self._held.close()
            raise
        self._mine = True
        return about

    async def _follow(self) -> None:
        if self._mine:
            await self._own.ended.wait()
            self._held.close()
        else:
            while locks.held_alone(self._lock) and self._read() == self._about:
                await asyncio.sleep(LOOK)
        self.ended.set()

    def _read(self) -> _About | None:
        try:
            return msgspec.json.decode(self._told.read_bytes(), type=_About)
        except (OSError, msgspec.DecodeError):
            return None

    def how(self) -> str:
        """How it ended, in words."""
        return self._own.how() if self._mine else "that another worker started is gone"

    def last_words(self) -> str:
        """What its log says about its end."""
        return self._own.last_words() if self._mine else "  its log is that worker's"

    async def end(self) -> None:
        """End it, although others may ask it: it does not answer any more."""
        if self._mine:
            await self._own.stop()
        elif self._about is not None and locks.held_alone(self._lock) and self._read() == self._about:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._about.pid, signal.SIGKILL)
        await self.ended.wait()

    async def stop(self) -> None:
        """Leave it; who started it ends it."""
        if self._watch is not None:
            self._watch.cancel()
        if self._mine:
            self._told.unlink(missing_ok=True)
            await self._own.stop()
            self._held.close()


async def _answers(one: _About) -> bool:
    root = one.url.removesuffix("/v1")
    async with aiohttp.ClientSession(timeout=LOOKING) as client:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            return (await client.get(f"{root}/health")).status == 200
    return False
