"""A vLLM server of our own, started for one operator.

One server serves every seat and every match of its worker, and in a training all workers that would start the same. It
lives and dies with the worker that started it. When it dies, who asked it leaves too, and the arena starts others, as
for any worker that dies, whose matches are played again.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec

from arena.operator import BackendError, WorkerContext
from arena_operators.vlm.backend import Capabilities, Message, ModelAnswer, ModelRequest
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.shared_server import SharedServer
from arena_operators.vlm.vllm_launch import Launch, Special
from arena_operators.vlm.vllm_server import VllmServer
from arena_operators.vlm.vllm_weights import Weights, bias

DYING = 5.0  # seconds in which a server whose request failed is found to be dead


class VllmBackend(OpenAIBackend):
    """Starts a server with the Python of a runtime, and asks it."""

    name = "vllm"
    larger = "give it a larger context (@context=)"

    def __init__(
        self,
        python: Path,
        launch: Launch,
        special: Callable[[], Special],
        in_flight: int,
        shared: Path | None = None,
    ) -> None:
        """`special`: finds the model's special tokens once the server runs, which has a hub's files by then.

        `shared`: the folder of servers that workers share, which one that takes all weights is not.
        """
        server = VllmServer(python, launch.options, launch.variables)
        self.server: VllmServer | SharedServer = server
        if shared is not None and not launch.reload:
            self.server = SharedServer(shared, server, str(python), launch.options, dict(launch.variables))
        super().__init__(self.server.url, launch.model, None, in_flight)
        self._launch = launch
        self._find_special = special
        self._special = Special()
        self._held = Weights(self, launch, shared=isinstance(self.server, SharedServer))
        self._watch: asyncio.Task[None] | None = None

    @property
    def weights(self) -> str:
        """The server's name of the weights that new turns are answered by."""
        return self._held.model

    async def start(self, context: WorkerContext) -> Capabilities:
        """Starts the server. ValueError, with its last words, when it ends before it answers, or cannot be used."""
        try:
            await self.server.start(context.status)
            self.url, self._secret = self.server.url, self.server.secret
            self._special = self._find_special()
            self._held.banned = self._special.banned
            if not self._special.ends:
                context.status(
                    f"it is not known here which tokens of {self._launch.base} are special: words of a prompt may hold "
                    "them, and they may be drawn. Name a folder with the model's files, or install the extra vlm"
                )
            try:
                found = await super().start(context)
                if self._launch.adapter is not None:
                    await self._held.check_applied(self.model, self._launch.adapter)
            except BackendError as error:
                if await self._has_ended():
                    raise ValueError(self._end()) from error
                raise
        except BaseException:
            await self.server.stop()
            raise
        self._watch = asyncio.ensure_future(self._leave_with_server())
        return msgspec.structs.replace(found, lora=self._launch.loras)

    async def _leave_with_server(self) -> None:
        await self.server.ended.wait()
        raise SystemExit(self._end())

    def _end(self) -> str:
        return f"the vLLM server {self.server.how()}:\n{self.server.last_words()}"

    async def _has_ended(self) -> bool:
        """Whether a request failed since the server dies. One whose engine is dead may stay, and is ended here."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.server.ended.wait(), DYING)
        if not self.server.ended.is_set():
            status, _ = await self.look("GET", urljoin(self.url, "/health"))
            if status != 200:
                await self.server.end()
        return self.server.ended.is_set()

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """As OpenAIBackend.generate. When the server dies it never returns: this process ends."""
        messages = tuple(
            Message(one.role, tuple(self._special.plain(part) if isinstance(part, str) else part for part in one.parts))
            for one in request.messages
        )
        async with self._held.asked(request.weights) as (name, version):
            try:
                answer = await super().generate(dataclasses.replace(request, messages=messages, weights=name))
            except BackendError:
                if await self._has_ended():
                    await asyncio.Event().wait()
                raise
        return dataclasses.replace(answer, weights_version=version)

    def right_model(self, name: str) -> bool:
        """The server is ours, and each adapter has a name of its own there."""
        return True

    def _body(self, request: ModelRequest, pictures: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        out = super()._body(request, pictures)
        if request.weights is not None:
            out["model"] = request.weights
        if self._special.banned:
            out["logit_bias"] = bias(self._special.banned)
        if self._special.ends:
            out["stop_token_ids"] = list(self._special.ends)
        return out

    async def update(self, version: str, path: str) -> None:
        """Decide with the peft adapter, or with reload=true all weights, in the folder `path`.

        ValueError when they cannot be taken, change nothing, or are not those of the canary beside them.
        """
        await self._held.update(version, path)

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._held.close()
        await super().stop()
        await self.server.stop()
