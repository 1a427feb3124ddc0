"""A server of a toy model with adapters, which scores texts as vLLM does, and may be wrong as servers are."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
from aiohttp import web

from tests.operators.compatible_server import CompatibleServer

VOCABULARY = 40


def logprobs(weights: str, prefix: list[int], temperature: float = 1.0, size: float = 1.0) -> np.ndarray:
    """float64 (VOCABULARY,) of the token after `prefix`, by weights of this name."""
    base = np.random.default_rng(zlib.crc32(repr(prefix).encode())).normal(size=VOCABULARY)
    own = np.random.default_rng(zlib.crc32(f"{weights}{prefix}".encode())).normal(size=VOCABULARY)
    logits = (2 * base + (0 if weights == "base" else size) * own) / temperature
    return logits - np.log(np.exp(logits).sum())


class ScoringServer(CompatibleServer):
    """`wrong`: "stale" (a new adapter answers as the one before), "no-op" (as the base), "raw" (temperature left out of

    log-probabilities), "hotter" (temperature times 1.5) or "other" (another model). `size`: of what adapters change.
    """

    def __init__(self, wrong: str = "", size: float = 1.0) -> None:
        super().__init__(model="nano")
        self.wrong = wrong
        self.size = size
        self.used: dict[str, str] = {"nano": "base"}  # by name, the weights that answer
        self.unloaded: list[str] = []
        self.asked: list[dict[str, Any]] = []

    def _more(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/completions", self._score)
        router.add_post("/v1/unload_lora_adapter", self._unload)

    async def _load(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        before = list(self.used.values())[-1]
        self.used[name] = {"stale": before, "no-op": "base", "other": "x"}.get(self.wrong, name.partition("+")[2])
        return await super()._load(request)

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        self.unloaded.append(name)
        del self.adapters[name]
        return web.Response(text="Success")

    async def _score(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        self.asked.append(body)
        temperature = {"raw": 1.0, "hotter": 1.5 * body["temperature"]}.get(self.wrong, body["temperature"])
        found = logprobs(self.used[body["model"]], body["prompt"], temperature, self.size)
        wanted = {f"token_id:{token}": found[token] for token in body["logprob_token_ids"]}
        return web.json_response({"choices": [{"text": "x", "logprobs": {"top_logprobs": [wanted]}}]})
