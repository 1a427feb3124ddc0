"""A vLLM server of our own, started for one operator.

One server serves every seat and every match of its worker. It lives and dies with the worker: when it dies the worker
leaves too, and the arena starts another, as for any worker that dies, whose matches are played again.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec

from arena.errors import InputError
from arena.operator import BackendError, WorkerContext
from arena_operators.vlm import chat_api
from arena_operators.vlm.backend import Capabilities, Message, ModelAnswer, ModelRequest, Sampling
from arena_operators.vlm.chat_api import Refused
from arena_operators.vlm.checkpoint import ADAPTER
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.vllm_launch import Launch, Special, changes_something, rank
from arena_operators.vlm.vllm_server import VllmServer

DYING = 5.0  # seconds in which a server whose request failed is found to be dead
NEVER = -100.0  # a bias of a token's logit
CANARY = "A test of an adapter. Write down any letters."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Asked(ModelRequest):
    model: str  # that was in use when the request came: an update may come meanwhile


class VllmBackend(OpenAIBackend):
    """Starts a server with the Python of a runtime, and asks it."""

    name = "vllm"
    larger = "give it a larger context (@context=)"

    def __init__(self, python: Path, launch: Launch, special: Special, in_flight: int) -> None:
        self.server = VllmServer(python, launch.options, launch.variables)
        super().__init__(self.server.url, launch.model, None, in_flight)
        self._launch = launch
        self._special = special
        self._secret = self.server.secret
        self._version: str | None = None  # of the adapter in use, once there was an update
        self._under_way: Counter[str] = Counter()  # requests under way, by the model that they ask for
        self._old: set[str] = set()  # adapters that are unloaded once nobody asks for them
        self._watch: asyncio.Task[None] | None = None
        self._unloading: set[asyncio.Task[None]] = set()

    async def start(self, context: WorkerContext) -> Capabilities:
        """Starts the server. ValueError, with its last words, when it ends before it answers, or cannot be used."""
        try:
            await self.server.start(context.status)
            try:
                found = await super().start(context)
                if self._launch.adapter is not None:
                    await self._check_applied(self.model, self._launch.adapter)
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
                await self.server.stop()
        return self.server.ended.is_set()

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """As OpenAIBackend.generate. When the server dies it never returns: this process ends."""
        messages = tuple(
            Message(one.role, tuple(self._special.plain(part) if isinstance(part, str) else part for part in one.parts))
            for one in request.messages
        )
        model, version = self.model, self._version
        self._under_way[model] += 1
        try:
            fields = {name: getattr(request, name) for name in request.__dataclass_fields__}
            answer = await super().generate(_Asked(**{**fields, "messages": messages, "model": model}))
        except BackendError:
            if await self._has_ended():
                await asyncio.Event().wait()
            raise
        finally:
            self._under_way[model] -= 1
            if not self._under_way[model]:
                del self._under_way[model]
                if model in self._old:  # beside the answer, which does not wait for it, nor whoever cancels it
                    self._unload_soon(model)
        return dataclasses.replace(answer, weights_version=version)

    def right_model(self, name: str) -> bool:
        """The server is ours, and each adapter has a name of its own there."""
        return True

    def _body(self, request: ModelRequest, pictures: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        out = super()._body(request, pictures)
        if isinstance(request, _Asked):
            out["model"] = request.model
        if self._special.banned:
            out["logit_bias"] = {str(token): NEVER for token in self._special.banned}
        if self._special.ends:
            out["stop_token_ids"] = list(self._special.ends)
        return out

    # --- adapters ---------------------------------------------------------------------------------------------------

    async def update(self, version: str, path: str) -> None:
        """Decide with the peft adapter in the folder `path`. ValueError when it is none, or changes nothing."""
        folder = Path(path).resolve()
        if not self._launch.loras:
            raise ValueError("the vLLM server was started without adapters: say @lora=true")
        if not (folder / ADAPTER).is_file():
            raise ValueError(f"{path} is no folder of a peft adapter (with {ADAPTER}), and vLLM takes no other weights")
        try:
            most = rank(folder)
        except InputError as error:
            raise ValueError(str(error)) from error
        name = f"{self._launch.base}+{version}"
        try:
            await self.post("/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        except (Refused, BackendError) as error:
            raise ValueError(f"vLLM does not take the adapter {path} (of rank {most} or less): {error}") from error
        try:
            await self._check_applied(name, folder)
        except BaseException:
            await self._unload(name)
            raise
        old, self.model, self._version = self.model, name, version
        if old != self._launch.base:
            self._old.add(old)
            if old not in self._under_way:
                await self._unload(old)

    def _unload_soon(self, name: str) -> None:
        task = asyncio.ensure_future(self._unload(name))
        self._unloading.add(task)
        task.add_done_callback(self._unloading.discard)

    async def _unload(self, name: str) -> None:
        self._old.discard(name)
        with contextlib.suppress(Refused, BackendError):  # it then stays in the server's memory
            await self.post("/unload_lora_adapter", {"lora_name": name})

    async def _check_applied(self, name: str, adapter: Path) -> None:
        """ValueError unless the adapter changes answers: vLLM drops in silence what matches nothing."""
        if not changes_something(adapter):
            return
        both = [await self._logprobs(model) for model in (self._launch.base, name)]
        if both[0] == both[1]:
            raise ValueError(
                f"the adapter {adapter} changes nothing: with and without it the log-probabilities are the same, so it "
                f"was not made for this model"
            )

    async def _logprobs(self, model: str) -> list[float]:
        request = ModelRequest(
            messages=(Message("user", (CANARY,)),),
            key=bytes(16),
            sampling=Sampling(temperature=0, max_tokens=4),
            tokens=True,
        )
        found = await self.complete(chat_api.body(model, request, {}))
        drawn = found.choices[0].logprobs
        return [] if drawn is None else [one.logprob for one in drawn.content or ()]

    async def stop(self) -> None:
        for task in (self._watch, *self._unloading):
            if task is not None:
                task.cancel()
        await super().stop()
        await self.server.stop()
