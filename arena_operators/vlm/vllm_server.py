"""A vLLM server of our own: started in its runtime, watched, and ended with whoever started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import aiohttp

from arena.text import printable

HOST = "127.0.0.1"
WORKER = "arena_workers.vllm_server"
LOOK = 0.25  # seconds between two looks at whether it answers
LOOKING = aiohttp.ClientTimeout(5.0)  # seconds of such a look
GRACE = 1.5  # seconds from SIGTERM to SIGKILL: less than the arena gives its workers
LAST = 1.0  # seconds for its last words, once it has ended
PACE = 1.0  # seconds between two words about a start
KEPT, SHOWN, WIDE = 200, 3, 300  # lines of its log that are kept, lines of an error, characters of one
# It does not share its cores with the worker, which only waits; vLLM counts and binds threads itself.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# "(EngineCore pid=12) INFO 11-27 11:38:33 [core.py:133] text"
_HEAD = re.compile(r"^(?:\([^)]*\) ?)*(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) [\d-]+ [\d:.]+ \[[^\]]*\] ?)?")
_ERROR = re.compile(r"[\w.]*(?:Error|Exception)\b: ?\S")
_CONSEQUENCE = "Engine core initialization failed"  # of the error that stands above it


class VllmServer:
    """One process of `python`, which is that of a runtime with vLLM, and those that it starts.

    It listens at `url`, on this machine only, for whoever has the random key `secret`. Its output goes to this
    process's, or to `log`. Linux and macOS.
    """

    def __init__(self, python: Path, options: Sequence[str], variables: Mapping[str, str]) -> None:
        """`options`: of vLLM's program. `variables`: of its environment, besides ours."""
        self.secret = secrets.token_urlsafe(32)
        self.port = _free_port()
        self.url = f"http://{HOST}:{self.port}/v1"
        self.ended = asyncio.Event()  # it ran, and does no more
        self.log: TextIO = sys.stdout
        self._command = [
            *(str(python), "-P", "-m", WORKER, "--host", HOST, "--port", str(self.port)),
            *("--disable-uvicorn-access-log", *options),
        ]
        ours = {name: value for name, value in os.environ.items() if name not in THREADS}
        self._variables = {**ours, **variables, "VLLM_API_KEY": self.secret, "PYTHONUNBUFFERED": "1"}
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._process: subprocess.Popen[str] | None = None
        self._ready = False

    @property
    def pid(self) -> int:
        """Of the process, which leads its own group and session."""
        assert self._process is not None
        return self._process.pid

    async def start(self, status: Callable[[str], None]) -> None:
        """Returns when it answers. ValueError, with its last words, when it ends before that."""
        began = time.monotonic()
        status("starting vLLM")
        loop = asyncio.get_running_loop()
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._variables,
                stdin=subprocess.PIPE,  # its end tells the server that we are gone
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise ValueError(f"vLLM cannot be started with {self._command[0]}: {error.strerror}") from error
        threading.Thread(target=self._follow, args=(self._process, loop, status), daemon=True).start()
        async with aiohttp.ClientSession(timeout=LOOKING) as client:
            while not self.ended.is_set():
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    if (await client.get(f"http://{HOST}:{self.port}/health")).status == 200:
                        self._ready = True
                        status(f"vLLM runs after {time.monotonic() - began:.0f} s")
                        return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.ended.wait(), LOOK)
        raise ValueError(f"the vLLM server {self.how()} while it started:\n{self.last_words()}")

    def _follow(
        self, process: subprocess.Popen[str], loop: asyncio.AbstractEventLoop, status: Callable[[str], None]
    ) -> None:
        """In a thread: notices the end. What it started may hold its output open, so that is read in another thread."""
        reader = threading.Thread(target=self._read, args=(process, status), daemon=True)
        reader.start()
        if hasattr(os, "waitid"):  # until it is reaped its number, which is its group's, is given to no other
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self._signal(signal.SIGKILL)  # what is left of its group
        process.wait()
        reader.join(LAST)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self.ended.set)

    def _read(self, process: subprocess.Popen[str], status: Callable[[str], None]) -> None:
        assert process.stdout is not None
        told = 0.0
        for line in process.stdout:
            self.log.write(line)
            self.log.flush()
            self._lines.append(line)
            if line.strip() and not self._ready and time.monotonic() > told + PACE:
                told = time.monotonic()
                status(f"vLLM: {printable(_HEAD.sub('', line.rstrip()))[:WIDE]}")

    def how(self) -> str:
        """How it ended, in words."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return "still runs"
        return f"exited with code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"

    def last_words(self) -> str:
        """What its log says about its end: the errors in it, else its last lines."""
        lines = [printable(_HEAD.sub("", line.rstrip()))[:WIDE] for line in list(self._lines) if line.strip()]
        errors = [line for line in lines if _ERROR.match(line) and _CONSEQUENCE not in line]
        return "\n".join(f"  {line}" for line in list(dict.fromkeys(errors or lines))[-SHOWN:])

    async def stop(self) -> None:
        """End it, with every process of its group."""
        if self._process is None:
            return
        if not self.ended.is_set():
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), GRACE)
        if not self.ended.is_set():
            self._signal(signal.SIGKILL)
            await self.ended.wait()

    async def end(self) -> None:
        """As `stop`: nobody else asks it."""
        await self.stop()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        port: int = one.getsockname()[1]
        return port
