"""New weights for a vLLM server while it runs: adapters, each under a name of its own, or all weights from a folder."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec

from arena.errors import InputError
from arena.operator import BackendError
from arena.train.vlm import canary
from arena_operators.vlm import checkpoint
from arena_operators.vlm.chat_api import Refused, completion_score
from arena_operators.vlm.checkpoint import ADAPTER
from arena_operators.vlm.lora import changes_something, rank, tensors
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.vllm_launch import Launch

NEVER = -100.0  # a bias of a token's logit
FIXED = "A test of an adapter. Write down any letters."


def bias(banned: Sequence[int]) -> dict[str, float]:
    """A request's `logit_bias` by which these tokens are never sampled."""
    return {str(token): NEVER for token in banned}


class Weights:
    """Which weights of a server answer. `client` asks the server; its `model` is not looked at."""

    def __init__(self, client: OpenAIBackend, launch: Launch, *, shared: bool = False) -> None:
        """`shared`: other workers load adapters there, too."""
        self.model = launch.model  # the name that new turns ask for
        self.versions: dict[str, str | None] = {launch.model: None}  # by name, those that can be asked
        self._client = client
        self._launch = launch
        self.banned: Sequence[int] = ()  # tokens that are never sampled
        self._shared = shared
        self._mark = f".{secrets.token_hex(3)}" if shared else ""  # so that nobody unloads what another one asks
        self._loaded: list[str] = []  # names of adapters, the latest last
        self._folders: dict[str, Path] = {}  # of them
        self._under_way: Counter[str] = Counter()  # requests, by name
        self._folder = Path(launch.origin.name)  # of the weights under the adapters
        self._checksums: dict[str, str] | None = None  # of them, on the server
        self._open = asyncio.Event()  # unset while all weights are exchanged
        self._open.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def asked(self, name: str | None) -> AsyncIterator[tuple[str, str | None]]:
        """For one request: the name it asks for, `name` if there is one, and the version of its weights.

        BackendError when these weights are gone.
        """
        await self._open.wait()
        name = self.model if name is None else name
        if name not in self.versions:
            raise BackendError(f"the weights {name} were unloaded in the middle of a turn: keep more (@lora_kept=)")
        self._under_way[name] += 1
        self._idle.clear()
        try:
            yield name, self.versions[name]
        finally:
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]
                self._drop_soon()
            if not self._under_way:
                self._idle.set()

    async def update(self, version: str, path: str) -> None:
        """As Operator.update: with a peft adapter or, by reload=true, the folder of a model.

        ValueError when they cannot be taken; CanaryError, a ValueError, when the server does not answer with them.
        """
        folder = Path(path).resolve()
        told = canary.read(folder, version)
        if (folder / ADAPTER).is_file():
            await self._add(version, folder, told)
        elif self._launch.reload:
            await self._reload(version, folder, told)
        else:
            raise ValueError(
                f"{path} is no folder of a peft adapter (with {ADAPTER}), and other weights can be taken only by a "
                "server that was started with @reload=true"
            )

    # --- adapters ---------------------------------------------------------------------------------------------------

    async def _add(self, version: str, folder: Path, told: canary.Canary | None) -> None:
        if not self._launch.loras:
            raise ValueError("the vLLM server was started without adapters: say @lora=true")
        try:
            most = rank(folder, self._launch.origin)
        except InputError as error:
            raise ValueError(str(error)) from error
        if most > self._launch.most_rank:
            raise ValueError(
                f"{folder} has a rank above {self._launch.most_rank}, the most that the server was started for: say "
                f"@lora_rank={most}"
            )
        name = f"{self._launch.base}+{version}{self._mark}"
        if self._folders.get(name) == folder:  # it is asked again, as a snapshot is
            self._loaded.remove(name)
            self._loaded.append(name)
            self.model = name
            return
        if name in self.versions:
            raise ValueError(f"the server has other weights {version}: each version needs a name of its own")
        try:
            await self._client.post("/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})
        except (Refused, BackendError) as error:
            raise ValueError(f"vLLM does not take the adapter {folder} (of rank {most} or less): {error}") from error
        try:
            if told is None:
                await self.check_applied(name, folder)
            else:
                await self._judge(told, name)
        except BaseException:
            await self._unload(name)
            raise
        self.versions[name], self._folders[name] = version, folder
        self.model = name
        self._loaded.append(name)
        await self._drop()

    def _surplus(self) -> list[str]:
        """Adapters that are kept no more, and that nobody asks."""
        kept = self._loaded[-self._launch.kept :]
        first = self._launch.model  # an adapter that the server was started with is one of them
        began = first != self._launch.base and first in self.versions and not self._shared
        names = [*self._loaded, *([first] if began else [])]
        if len(self._loaded) >= self._launch.kept:
            return [name for name in names if name not in kept and not self._under_way[name]]
        return []

    async def _drop(self) -> None:
        for name in self._surplus():
            self.versions.pop(name, None)
            self._folders.pop(name, None)
            if name in self._loaded:
                self._loaded.remove(name)
            await self._unload(name)

    def _drop_soon(self) -> None:
        """Beside the answer, which does not wait for it, nor whoever cancels it."""
        if self._surplus():
            task = asyncio.ensure_future(self._drop())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _unload(self, name: str) -> None:
        with contextlib.suppress(Refused, BackendError):  # it then stays in the server's memory
            await self._client.post("/unload_lora_adapter", {"lora_name": name})

    async def check_applied(self, name: str, adapter: Path) -> None:
        """ValueError unless an adapter without a canary changes answers."""
        if not changes_something(adapter):
            return
        body = {"prompt": FIXED, "max_tokens": 4, "temperature": 0, "seed": 0, "logprobs": 1}
        found = [
            await self._client.post("/completions", {**body, "model": model}) for model in (self._launch.base, name)
        ]
        both = [msgspec.json.decode(one)["choices"][0]["logprobs"] for one in found]
        if both[0] == both[1]:
            raise ValueError(
                f"the adapter {adapter} changes nothing: with and without it the log-probabilities are the same, so it "
                f"was not made for this model"
            )

    # --- all weights ------------------------------------------------------------------------------------------------

    async def _reload(self, version: str, folder: Path, told: canary.Canary | None) -> None:
        """Requests wait meanwhile; those under way are answered first, by the old weights."""
        if told is None:
            raise ValueError(
                f"{folder} has no {canary.FILE}: all weights are taken only where the trainer's scores can show that "
                "vLLM loaded all of them"
            )
        try:
            same_tensors(Path(self._launch.origin.name), folder)
        except InputError as error:
            raise ValueError(str(error)) from error
        self._open.clear()
        try:
            await self._idle.wait()
            await self._exchange(folder)
            try:
                await self._judge(told, self._launch.base)
            except BaseException:
                await self._exchange(self._folder)
                raise
            self._folder = folder
            self.versions = {self._launch.base: version}
        finally:
            self._open.set()

    async def _exchange(self, folder: Path) -> None:
        """Load all weights from a folder. SystemExit when the server fails at it: which weights it has is not known."""
        try:
            if self._checksums is None:
                self._checksums = await self._checksum()
            await self._do("/pause?mode=wait")
            await self._do("/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}})
            await self._do("/resume")
            found = await self._checksum()
        except (Refused, BackendError) as error:
            raise SystemExit(f"the vLLM server failed to load the weights in {folder}: {error}") from error
        if found == self._checksums and not _equal_files(folder, self._folder):
            raise ValueError(f"vLLM's weights have the same checksums as before: it loaded nothing of {folder}")
        self._checksums = found

    async def _checksum(self) -> dict[str, str]:
        found = msgspec.json.decode(await self._do("/weight_checker", {"action": "checksum"}))
        sums: dict[str, str] = found["checksums"]
        return sums

    async def _do(self, path: str, body: object = None) -> bytes:
        return await self._client.post(path, body, root=urljoin(self._client.url, "/"))

    # --- the canary -------------------------------------------------------------------------------------------------

    async def _judge(self, told: canary.Canary, name: str) -> canary.Verdict:
        """CanaryError unless the server answers with the trainer's weights under `name`."""
        base = before = None
        if name != self._launch.base:
            base = await self.scores(self._launch.base, told) if told.base is not None else None
            before = await self.scores(self.model, told) if told.before is not None and self._loaded else None
        served = await self.scores(name, told)
        hot = await self.scores(name, told, canary.HOT)
        return canary.judge(told, served, hot, base=base, before=before)

    async def scores(self, name: str, told: canary.Canary, heat: float = 1.0) -> list[float]:
        """The log-probability of each scored token of a text, of the distribution that the server draws from at `heat`

        times the canary's temperature.
        """

        async def one(prompt: list[int], token: int) -> float:
            body: dict[str, Any] = {
                "model": name,
                "prompt": prompt,
                "max_tokens": 1,
                **{"temperature": heat * told.temperature, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "seed": 0},
                **{"logprobs": 1, "logprob_token_ids": [token], "return_tokens_as_token_ids": True},
            }
            if self.banned:
                body["logit_bias"] = bias(self.banned)
            return completion_score(await self._client.post("/completions", body), token)

        return list(await asyncio.gather(*(one(prompt, token) for prompt, token in told.questions())))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


def same_tensors(model: Path, other: Path) -> None:
    """InputError unless a folder has safetensors with the names and shapes of the model's."""
    found = checkpoint.weights_of(other)
    if not found:
        raise InputError(f"{other} holds no safetensors of a model (model.safetensors, or the parts of its index)")
    shapes = []
    for files in (checkpoint.weights_of(model), found):
        for file in files:
            checkpoint.check_safetensors(file)
        shapes.append({name: entry["shape"] for file in files for name, entry in tensors(file).items()})
    if differ := sorted(
        name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name)
    ):
        raise InputError(
            f"{other} does not hold the weights of {model}: {differ[0]} is {shapes[1].get(differ[0], 'missing')}, "
            f"expected {shapes[0].get(differ[0], 'none')}; {len(differ)} tensors differ"
        )


def _equal_files(one: Path, other: Path) -> bool:
    pair = [[file.read_bytes() for file in checkpoint.weights_of(folder)] for folder in (one, other)]
    return pair[0] == pair[1]
