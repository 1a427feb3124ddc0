"""A small server of the Tinker API: it speaks the wire of its package, and trains nano by an engine in this process.

    with TinkerServer(folder) as server:
        ...  # TINKER_API_KEY=KEY, url=server.url

It answers on an event loop in a thread of this process, and computes in another one, in the order of what came. What is
asked again, as the package does after a while, is not done again. The loss is the sum of -weights logprobs, as the
package takes it to be. Log-probabilities are computed from the first place with a weight on: what comes before is a
prompt.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web
from PIL import Image as Pictures
from tinker.proto import tinker_public_pb2 as wire

from arena.train.vlm.engine import Datum, OptimParams
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig

KEY = "tml-of-a-test"
MODEL = "test/nano"
TOKENS = 160  # of a pass: few, for there are few rows
Answer = tuple[bytes, str]  # and its type
DTYPES = {wire.DTYPE_FLOAT32: np.float32, wire.DTYPE_INT64: np.int64}


class TinkerServer:
    """`url`, and what it was asked: `calls`, (path, body) each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[str, Any]] = []
        self.url = ""
        self.models: dict[str, LocalEngine] = {}
        self._came: dict[str, set[int]] = {}  # numbers of calls, by model
        self._answers: dict[str, asyncio.Future[Answer]] = {}  # by promise
        self._worker = ThreadPoolExecutor(1)
        self._numbers = itertools.count()
        self._listening = threading.Event()

    def __enter__(self) -> TinkerServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="tinker server", daemon=True)
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/api/v1/{path:.*}", self._post)
        app.router.add_get("/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/external_weights_urls", self._urls)
        app.router.add_get("/files/{path:.*}", self._file)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._listening.set()
        await self._over.wait()
        await runner.cleanup()
        self._worker.shutdown()

    async def _post(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if request.headers.get("X-API-Key") != KEY:
            return web.json_response({"detail": f"wrong key: {request.headers.get('X-API-Key')}"}, status=401)
        if path == "forward_backward":
            message = wire.ForwardBackwardRequest.FromString(await request.read())
            self.calls.append((path, message))
            return self._numbered(message.model_id, message.seq_id, lambda: self._pass(message))
        body = await request.json()
        self.calls.append((path, body))
        if path == "retrieve_future":
            done, _ = await asyncio.wait([self._answers[body["request_id"]]], timeout=20)
            if not done:
                return web.json_response(
                    {"type": "try_again", "request_id": body["request_id"], "queue_state": "active"}
                )
            data, sort = done.pop().result()
            return web.Response(body=data, content_type=sort)
        if path.startswith("sessions/"):
            return web.json_response(None)
        return getattr(self, f"_{path.replace('/', '_')}")(body)

    def _numbered(self, model: str, number: int, compute: Callable[[], Answer]) -> web.Response:
        """The promise of an answer. Calls of a model carry numbers 1, 2, ..., and those of one pass may be swapped."""
        self._came.setdefault(model, set()).add(number)
        return self._promise(f"{model}:{number}", compute)

    def _promise(self, name: str, compute: Callable[[], Answer]) -> web.Response:
        if name not in self._answers:
            self._answers[name] = self._loop.run_in_executor(self._worker, compute)
        return web.json_response({"request_id": name})

    # what is answered at once

    def _client_config(self, body: Any) -> web.Response:
        return web.json_response({"fwdbwd_max_chunk_len": 4})  # so that a pass comes in several parts

    def _client_dynamic_config(self, body: Any) -> web.Response:
        return web.json_response({})

    def _create_session(self, body: Any) -> web.Response:
        return web.json_response({"type": "create_session", "session_id": f"session-{next(self._numbers)}"})

    def _session_heartbeat(self, body: Any) -> web.Response:
        return web.json_response({"type": "session_heartbeat"})

    def _telemetry(self, body: Any) -> web.Response:
        return web.json_response({"status": "accepted"})

    def _get_info(self, body: Any) -> web.Response:
        return web.json_response(
            {"type": "get_info", "model_id": body["model_id"], "model_data": {"model_name": MODEL}, "is_lora": True}
        )

    # what is promised

    def _create_model(self, body: Any) -> web.Response:
        name = f"{body['session_id']}:train:{body['model_seq_id']}"
        if body["base_model"] != MODEL:
            return web.json_response({"detail": f"no model is called {body['base_model']}"}, status=404)
        how = body["lora_config"]
        assert how["train_unembed"] is False

        def compute() -> Answer:
            self.models[name] = self._engine(name, how["rank"], how["seed"])
            return told({"type": "create_model", "model_id": name})

        return self._promise(name, compute)

    def _load_weights(self, body: Any) -> web.Response:
        name = f"{body['session_id']}:train:{body['model_seq_id']}"

        def compute() -> Answer:
            made = self.models[name] = self._engine(name, 8, 0)
            made.load_state(self.folder / body["path"].removeprefix("tinker://"), weights_only=not body["optimizer"])
            return told({"type": "load_weights", "path": body["path"]})

        return self._promise(name, compute)

    def _optim_step(self, body: Any) -> web.Response:
        given = body["adam_params"]
        how = OptimParams(
            learning_rate=given["learning_rate"],
            betas=(given["beta1"], given["beta2"]),
            eps=given["eps"],
            weight_decay=given["weight_decay"],
            grad_norm=given["grad_clip_norm"],
        )

        def compute() -> Answer:
            came = self._came[body["model_id"]]
            assert max(came) == len(came)
            norm = self.models[body["model_id"]].optim_step(how)["grad_norm"]
            return told({"metrics": {"skyrl.ai/grad_norm": norm}})

        return self._numbered(body["model_id"], body["seq_id"], compute)

    def _save_weights(self, body: Any) -> web.Response:
        return self._saved(body, "weights", lambda engine, path: engine.save_state(path))

    def _save_weights_external(self, body: Any) -> web.Response:
        def save(engine: LocalEngine, path: Path) -> None:
            engine.sampler_weights("x").rename(path)
            (path / "weights.json").unlink()

        return self._saved(body, "external_weights", save)

    def _saved(self, body: Any, kind: str, save: Any) -> web.Response:
        model = body["model_id"]
        where = f"{model}/{kind}/{body['path']}"

        def compute() -> Answer:
            (self.folder / where).parent.mkdir(parents=True, exist_ok=True)
            save(self.models[model], self.folder / where)
            return told({"path": f"tinker://{where}"})

        return self._numbered(model, body["seq_id"], compute)

    # passes

    def _engine(self, name: str, rank: int, seed: int) -> LocalEngine:
        return LocalEngine(
            "vlm", self.folder / name, LocalConfig(rank=rank, alpha=16, seed=seed, dtype="float32", tokens=TOKENS)
        )

    def _pass(self, message: Any) -> Answer:
        assert message.loss_fn == "cross_entropy"
        engine = self.models[message.model_id]
        data = [_datum(one, engine.learner.image_token) for one in message.data]
        out = engine.forward_backward(data, None if message.forward_only else "cross_entropy")
        every = [
            np.concatenate([np.zeros(len(one.prompt) - 1, np.float32), found])
            for one, found in zip(data, out.logprobs, strict=True)
        ]
        record = wire.ArrayRecord(num_datums=len(data))
        field = record.fields["logprobs"]
        field.dtype, field.data = wire.DTYPE_FLOAT32, np.concatenate(every).tobytes()
        field.offsets = np.cumsum([0, *(one.nbytes for one in every)], dtype=np.int64).tobytes()
        answer = wire.ForwardBackwardOutput(loss_fn_output_type="ArrayRecord", loss_fn_outputs=[record])
        answer.metrics["loss:sum"] = out.metrics.get("sft/loss", 0.0)
        return answer.SerializeToString(), "application/x-protobuf"

    # files

    async def _urls(self, request: web.Request) -> web.Response:
        where = "/".join(request.match_info[name] for name in ("run", "kind", "name"))
        files = [path.name for path in (self.folder / where).iterdir()]
        urls = {name: f"{self.url}/files/{where}/{name}" for name in files}
        return web.json_response({"urls": urls, "expires": "2100-01-01T00:00:00Z"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(self.folder / request.match_info["path"])


def told(what: Any) -> Answer:
    """An answer in JSON."""
    return json.dumps(what).encode(), "application/json"


def _datum(one: Any, placeholder: int) -> Datum:
    """A row as the engine takes it."""
    ids: list[int] = []
    images, spans = [], []
    for chunk in one.model_input:
        if chunk.HasField("encoded_text"):
            ids += np.frombuffer(chunk.encoded_text.tokens, np.int32).tolist()
        else:
            spans.append((len(ids), chunk.image.expected_tokens))
            ids += [placeholder] * chunk.image.expected_tokens
            images.append(np.asarray(Pictures.open(io.BytesIO(chunk.image.data)).convert("RGB")))
    inputs = {
        name: np.frombuffer(found.dense, DTYPES[found.dtype]).reshape(found.shape)
        for name, found in one.loss_fn_inputs.items()
    }
    targets, weights = inputs["target_tokens"], inputs["weights"]
    assert len(targets) == len(weights) == len(ids)
    assert ids[1:] == targets[:-1].tolist()
    every = np.asarray([*ids, targets[-1]], np.int32)
    known = np.flatnonzero(weights)
    first = int(known[0]) if len(known) else len(ids) - 1
    return Datum(
        prompt=every[: first + 1],
        response=every[first + 1 :],
        images=tuple(images),
        spans=tuple(spans),
        inputs={"weight": weights[first:].astype(np.float32)},
    )
