"""The engine behind a server of the Tinker API: the model is trained there, and its adapters are fetched for samplers.

The losses stay here. The gradient of any loss of log-probabilities is the gradient of a cross-entropy whose weights are
its derivatives, sum_i (dL / d logp_i) grad logp_i: so a call with a loss scores the rows, computes the loss, and sends
the derivatives as the weights of the server's `cross_entropy`. That costs a forward pass more than a loss of the
server's would, and needs none of them. It is what the package does in `forward_backward_custom`, whose client refuses
all further calls after a loss that raised.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np
import torch

from arena import plugins
from arena.errors import ArenaError, CheckpointError, InputError, sentence
from arena.exporters.parquet import png
from arena.train.vlm import begun, losses, saved
from arena.train.vlm.engine import (
    NO_CONFIG,
    Config,
    Datum,
    Engine,
    Floats,
    OptimParams,
    Output,
    check_batch,
    weights_folder,
)
from arena.train.vlm.tinker_config import ADAPTER, TinkerConfig

KEY = "TINKER_API_KEY"
FACTS = saved.SERVED
ENDING = 10  # seconds that the end of a session may take
FETCHED = 3600  # seconds that the server keeps an adapter which was fetched: the least that it takes


class _Facts(msgspec.Struct):
    """What a state says of itself."""

    version: int
    base_model: str
    rank: int
    path: str  # the address of the state there


class TinkerEngine(Engine):
    """See the top of this file. Adapters for samplers are written into `folder`."""

    def __init__(self, folder: Path, config: TinkerConfig, *, rank: int = 32, seed: int = 0) -> None:
        """Begin a session with a new adapter. MissingExtraError, InputError without a key, ArenaError by the server."""
        config.check()
        plugins.require_modules("engine=tinker", ("tinker",), "tinker")
        key = os.environ.get(KEY)
        if not key:
            raise InputError(f"engine=tinker needs a key: set the environment variable {KEY}")
        import tinker

        self.folder, self.config, self.rank, self.seed = folder, config, rank, seed
        self._tinker: Any = tinker
        url = config.url or None
        self._service: Any = tinker.ServiceClient(base_url=url, api_key=key)
        self._rest: Any = self._asked("opening a connection", lambda: tinker.RestClient(base_url=url, api_key=key))
        self._start: Any = None  # never stepped: the reference
        self._states = 0
        try:
            self._client = self._new()
        except BaseException:
            self.close()
            raise

    # the five calls

    def forward_backward(
        self, batch: Sequence[Datum], loss: str | None, config: Config = NO_CONFIG, *, reference: bool = False
    ) -> Output:
        if reference and loss is not None:
            raise ValueError("the reference is scored, and not trained: loss=None")
        check_batch(batch, loss, config)
        if config.get("states"):
            raise InputError("a server of the Tinker API gives no hidden states, which a critic asks for")
        if config.get("entropy"):
            raise InputError("a server of the Tinker API gives no entropies: set policy.entropy=0")
        if not batch:
            return Output(logprobs=[])
        if reference and self._start is None:
            self._start = self._new()
        ones = [np.ones(len(one.response), np.float32) for one in batch]
        logprobs = self._passed(self._start if reference else self._client, "forward", batch, ones)
        if loss is None:
            return Output(logprobs=logprobs)
        weights, metrics = self._weights(batch, logprobs, loss, config)
        self._passed(self._client, "forward_backward", batch, weights)
        return Output(logprobs=logprobs, metrics=metrics)

    def optim_step(self, how: OptimParams) -> dict[str, float]:
        """As the engine's. The norm is NaN where the server does not tell it."""
        given = self._tinker.AdamParams(
            learning_rate=how.learning_rate,
            beta1=how.betas[0],
            beta2=how.betas[1],
            eps=how.eps,
            weight_decay=how.weight_decay,
            grad_clip_norm=how.grad_norm,
        )
        told = self._answer("optim_step", lambda: self._client.optim_step(given)).metrics or {}
        return {"grad_norm": next((value for name, value in told.items() if "grad_norm" in name), float("nan"))}

    def sampler_weights(self, version: str) -> Path:
        client, folder = self._client, weights_folder(self.folder, version)
        path = self._answer(
            "save_weights_external", lambda: client.save_weights_external(version, ttl_seconds=FETCHED)
        ).path
        urls = self._answer("get_external_weights_urls", lambda: self._rest.get_external_weights_urls(path)).urls
        if ADAPTER not in urls or any(name in (".", "..") or Path(name).name != name for name in urls):
            raise ArenaError(
                f"the server's {path} holds {', '.join(sorted(urls))}: expected the files of a peft adapter"
            )
        with saved.whole(folder) as fresh:
            for name, url in sorted(urls.items()):
                self._fetch(url, fresh / name)
            about = {"version": version, "mode": "lora", "source": self.config.base_model}
            (fresh / saved.MARKER).write_text(json.dumps(about) + "\n", encoding="utf-8")
        return folder

    def save_state(self, path: Path) -> None:
        """Keep the state on the server, and its address in `path`."""
        if path.exists():
            raise InputError(f"{path} exists: a state is never overwritten; name a new folder")
        client, name = self._client, f"state-{self._states}"
        self._states += 1
        where = self._answer("save_state", lambda: client.save_state(name)).path
        with saved.whole(path) as fresh:
            (fresh / FACTS).write_text(
                json.dumps({**self._facts(), "path": where}, indent=1, sort_keys=True) + "\n", encoding="utf-8"
            )

    def load_state(self, path: Path, *, weights_only: bool = False) -> None:
        found = saved.read_facts(path, FACTS, "state of a model on a server of the Tinker API")
        if wrong := begun.flaw(found, _Facts):
            raise CheckpointError(f"{path / FACTS} is damaged: {sentence(wrong)} {saved.instead(path)}")
        for name, value in self._facts().items():
            if found.get(name) != value:
                raise CheckpointError(f"{path} is the state of another model: {name}={found.get(name)}, not {value}")
        service = self._service
        name = "create_training_client_from_state" + ("" if weights_only else "_with_optimizer")
        self._client = self._answer("loading a state", lambda: getattr(service, name)(found["path"]))

    def close(self) -> None:
        with contextlib.suppress(ArenaError):  # a session that is not heard of ends too
            self._asked("ending the session", lambda: self._service.close("success").result(timeout=ENDING))

    # how

    def _facts(self) -> dict[str, Any]:
        return {"version": saved.VERSION, "base_model": self.config.base_model, "rank": self.rank}

    def _new(self) -> Any:
        """A client of a new adapter on the language layers, as the local engine has it: not on the head."""
        return self._answer(
            f"starting to train {self.config.base_model!r}",
            lambda: self._service.create_lora_training_client(
                self.config.base_model, rank=self.rank, seed=self.seed, train_unembed=False
            ),
        )

    def _passed(self, client: Any, call: str, batch: Sequence[Datum], weights: Sequence[Floats]) -> list[Floats]:
        """The log-probabilities of the responses, of a pass with the loss sum(-weights logprobs)."""
        data = [self._datum(one, own) for one, own in zip(batch, weights, strict=True)]
        found = self._answer(call, lambda: getattr(client, call)(data, "cross_entropy")).loss_fn_outputs
        return [
            np.asarray(told["logprobs"].to_numpy(), np.float32).reshape(-1)[-len(one.response) :]
            for one, told in zip(batch, found, strict=True)
        ]

    def _datum(self, one: Datum, weights: Floats) -> Any:
        """Each place of the input predicts the token after it; those of the prompt count for nothing."""
        if len(one.spans) != len(one.images):
            raise InputError(
                "a picture of a row stands in several parts of its prompt, and a server of the Tinker API places whole "
                "pictures: use smaller ones, or engine=local"
            )
        types, ids = self._tinker, np.concatenate([one.prompt, one.response])
        chunks, at = [], 0
        for (first, length), image in zip(one.spans, one.images, strict=True):
            chunks += [types.EncodedTextChunk(tokens=ids[at:first].tolist())] if first > at else []
            chunks.append(types.types.ImageChunk(data=png(image), format="png", expected_tokens=length))
            at = first + length
        chunks += [types.EncodedTextChunk(tokens=ids[at:-1].tolist())] if at < len(ids) - 1 else []
        every = np.concatenate([np.zeros(len(one.prompt) - 1, np.float32), weights])
        return types.Datum(
            model_input=types.ModelInput(chunks=chunks),
            loss_fn_inputs={"target_tokens": ids[1:].astype(np.int64), "weights": every},
        )

    def _weights(
        self, batch: Sequence[Datum], logprobs: Sequence[Floats], loss: str, config: Config
    ) -> tuple[list[Floats], dict[str, float]]:
        """What the loss's derivatives are as weights of a cross-entropy, and the loss's sums."""
        counts = [len(one) for one in logprobs]
        inputs = {
            name: torch.from_numpy(np.concatenate([np.asarray(one.inputs[name], np.float32) for one in batch]))
            for name in batch[0].inputs
        }
        inputs["turn"] = torch.repeat_interleave(torch.arange(len(batch)), torch.tensor(counts))
        scored = torch.from_numpy(np.concatenate(logprobs)).requires_grad_()
        each, sums = losses.find(loss)(scored, inputs, config)
        total = each.sum()
        (slope,) = torch.autograd.grad(total, scored)
        if not bool(total.isfinite()) or not bool(slope.isfinite().all()):
            kept = saved.write_batch(self.folder, batch)
            raise ArenaError(
                f"the loss {loss} is {total.item()}, or has such a gradient. The weights are as they were before this "
                f"call. Its {kept.rows} rows are in {kept.path}. Lower the learning rate"
            )
        return np.split(-slope.numpy(), np.cumsum(counts)[:-1]), sums

    def _fetch(self, url: str, path: Path) -> None:
        import httpx

        try:
            with httpx.stream("GET", url, follow_redirects=True) as answer, path.open("wb") as file:
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    file.write(part)
        except httpx.HTTPError as error:
            raise ArenaError(f"{path.name} could not be fetched from the server: {type(error).__name__}") from error

    def _answer(self, what: str, call: Callable[[], Any]) -> Any:
        """What comes of a call's future. ArenaError with the server's words, or when nothing comes in time."""
        return self._asked(what, lambda: call().result(timeout=self.config.timeout))

    def _asked(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except TimeoutError as error:
            self._failed(what, f"no answer in {self.config.timeout:g} s", error)
        except (self._tinker.TinkerError, ValueError, RuntimeError, CancelledError) as error:
            self._failed(what, str(error) or type(error).__name__, error)

    def _failed(self, what: str, why: str, error: BaseException) -> NoReturn:
        url = self.config.url or os.environ.get("TINKER_BASE_URL") or "the package's default address"
        words = why.replace(os.environ.get(KEY) or KEY, KEY)  # careless servers quote a key
        raise ArenaError(f"the server of the Tinker API ({url}) failed at {what}: {sentence(words)}") from (
            error if words == why else None
        )
