"""A small server that speaks OpenAI's chat protocol: no model, but the answers and failures that a test names.

    with CompatibleServer([Reply("Answer: call"), Reply(status=503)]) as server:
        ...  # ask server.url
    server.turns  # what it was asked

It runs on an event loop in a thread of this process. What it can do (`able`) is what real servers can or cannot:
token ids, log-probabilities, choices, seeds, pictures and uuids as vLLM has them; beside those, choices as other
servers take them ("grammar", "regex", "schema"). Nothing in it sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

ABLE = frozenset({"tokens", "logprobs", "choices", "seeds", "pictures", "uuid", "lora"})
PICTURE = 16  # tokens of a picture
PROBE = "A test of this server"  # how the prompts begin that a probe sends: they take no answer from the script
LEGAL = re.compile(r"[Ll]egal(?: actions)?(?: now| do you choose)?:? ?\(?([^).?\n]+)")


@dataclass(frozen=True)
class Reply:
    """One answer, or one failure."""

    text: str | None = "Answer: call"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None  # instead of JSON made of the rest: rubbish, say
    finish: str = "stop"
    thought: str | None = None
    thought_field: str = "reasoning_content"  # or "reasoning"
    refusal: str | None = None
    model: str | None = None  # another one than was asked
    usage: bool | dict[str, Any] = True  # False: none
    cached: int = 0  # tokens of the prompt
    choices: bool = True  # False: an empty list
    tokens: bool = True  # False: no token ids and no log-probabilities, though they are asked for
    logprob: float = -0.5  # of each token
    pictures: bool = True  # False: the pictures of this prompt are dropped
    cut: bool = False  # half of the answer, and the connection is closed
    drop: bool = False  # the connection is closed without a word
    endless: str | None = None  # instead of the body: this text, again and again
    hang: threading.Event | None = None  # answered once this is set; never, if it is not


@dataclass(frozen=True)
class Chat:
    """One request that came."""

    number: int  # from 0
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of all messages."""
        out: list[dict[str, Any]] = []
        for message in self.body["messages"]:
            content = message["content"]
            out += [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        return out

    @property
    def text(self) -> str:
        """All texts of the messages."""
        return "\n".join(part["text"] for part in self.parts if part["type"] == "text")

    @property
    def pictures(self) -> list[dict[str, Any]]:
        """The parts that are pictures."""
        return [part for part in self.parts if part["type"] == "image_url"]

    @property
    def legal(self) -> list[str]:
        """The legal actions that the prompt names last."""
        found = LEGAL.findall(self.text)
        return [name.strip() for name in found[-1].split(",")] if found else []

    @property
    def is_probe(self) -> bool:
        return self.text.startswith(PROBE)


Script = Callable[[Chat], Reply | None] | Iterable[Reply | None]


def first_legal(chat: Chat) -> Reply:
    """The first legal action of the prompt."""
    return Reply(f"Answer: {chat.legal[0]}" if chat.legal else "yes")


class CompatibleServer:
    """See the module. `script`: what answers a turn: a function, or one reply after another (then, or where it gives

    None, the first legal action). Probes are answered by what it is able to, unless `probes` answers them.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        model: str = "toy",
        able: Iterable[str] = ABLE,
        key: str | None = None,
        context: int | None = 4096,
        probes: Callable[[Chat], Reply | None] | None = None,
        refuses: Iterable[str] = (),
        lists: bool = True,
    ) -> None:
        """`key`: others get 401. `context`: of prompt and answer. `refuses`: fields of a request that get a 400.

        `lists`: whether it can say which models it serves; else it fails at it.
        """
        self.model = model
        self.able = frozenset(able)
        self.key = key
        self.context = context
        self.probes = probes
        self.refuses = frozenset(refuses)
        self.lists = lists
        self.adapters: dict[str, str] = {}  # by name: the folder
        self.chats: list[Chat] = []  # all that came, probes too
        self.paths: list[str] = []  # of every request
        self.in_flight = 0
        self.most_in_flight = 0
        self.disconnected = 0  # requests that were given up by whoever asked, before they were answered
        self.given_up = threading.Event()  # set at the first of them
        self.arrived = threading.Semaphore(0)  # released for every turn that comes
        self.port = 0
        self._script: Callable[[Chat], Reply | None]
        self.script = script
        self._pictures: set[str] = set()  # uuids that came
        self._drawn = 0
        self._listening = threading.Event()

    # --- for tests -------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def script(self) -> Any:
        return self._script

    @script.setter
    def script(self, script: Script | None) -> None:
        if callable(script):
            self._script = script
        else:
            replies: Iterator[Reply | None] = iter(script or ())
            self._script = lambda chat: next(replies, None)

    @property
    def turns(self) -> list[Chat]:
        """The requests that are no probes."""
        return [chat for chat in self.chats if not chat.is_probe]

    def __enter__(self) -> CompatibleServer:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; at the port of before, if it was stopped."""
        self._listening.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="compatible server", daemon=True)
        self._thread.start()
        self._listening.wait()

    def stop(self) -> None:
        """Close every connection: who asks from now on is refused."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    # --- HTTP ------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/version", self._version)
        if "lora" in self.able:
            app.router.add_post("/v1/load_lora_adapter", self._load)
        self._more(app.router)
        runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = runner.addresses[0][1]
        self._listening.set()
        await self._over.wait()
        await runner.cleanup()

    def _more(self, router: web.UrlDispatcher) -> None:
        """For routes of servers that are more than this one."""

    def _refused(self, request: web.Request) -> web.Response | None:
        self.paths.append(request.path)
        if self.key is None or request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        given = request.headers.get("Authorization", "")  # echoed, as careless servers do
        return web.json_response({"error": {"message": f"Incorrect API key provided: {given}"}}, status=401)

    async def _models(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        if not self.lists:
            return web.Response(text="Internal Server Error", status=500)
        told = {} if self.context is None else {"max_model_len": self.context}
        names = [self.model, *self.adapters]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "toy", **told} for name in names]
        return web.json_response({"object": "list", "data": data})

    async def _version(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        return web.json_response({"version": "toy 1.0"})

    async def _load(self, request: web.Request) -> web.Response:
        if (refused := self._refused(request)) is not None:
            return refused
        body = await request.json()
        if not body.get("lora_name"):
            return web.json_response({"error": {"message": "lora_name is missing"}}, status=400)
        self.adapters[body["lora_name"]] = body.get("lora_path", "")
        return web.Response(text=f"Success: LoRA adapter '{body['lora_name']}' added successfully.")

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._refused(request)) is not None:
            return refused
        body = await request.json()
        chat = Chat(len(self.chats), body, dict(request.headers))
        self.chats.append(chat)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if not chat.is_probe:
            self.arrived.release()
        try:
            return await self._answer(request, chat)
        except asyncio.CancelledError:
            self.disconnected += 1
            self.given_up.set()
            raise
        finally:
            self.in_flight -= 1

    async def _answer(self, request: web.Request, chat: Chat) -> web.StreamResponse:
        body = chat.body
        if body["model"] not in (self.model, *self.adapters):
            return web.json_response(
                {"error": {"message": f"The model `{body['model']}` does not exist.", "code": 404}}, status=404
            )
        for name in sorted(self.refuses & body.keys()):
            message = f"Unrecognized request argument supplied: {name}"
            return web.json_response({"error": {"message": message, "param": name}}, status=400)
        if chat.is_probe:
            reply = self.probes(chat) if self.probes is not None else None
            reply = reply or Reply(self._drawn_text(chat))
        else:
            reply = self._script(chat) or first_legal(chat)
        if reply.hang is not None:
            await self._wait(reply.hang)
        if reply.drop:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if reply.endless is not None:
            return await self._without_end(request, reply)
        if reply.body is not None:
            return web.Response(text=reply.body, status=reply.status, headers=reply.headers)
        if reply.status != 200:
            message = {"error": {"message": reply.text or "it failed", "code": reply.status}}
            return web.json_response(message, status=reply.status, headers=reply.headers)
        whole = self._completion(chat, reply)
        if isinstance(whole, web.Response):
            return whole
        if body.get("stream"):
            return await self._stream(request, chat, reply, whole)
        if reply.cut:
            return await self._cut(request, json.dumps(whole))
        return web.json_response(whole, headers=reply.headers)

    async def _wait(self, event: threading.Event) -> None:
        """Until `event` is set; whoever asks may hang up meanwhile."""
        wake = asyncio.Event()

        def watch() -> None:
            event.wait()
            with contextlib.suppress(RuntimeError):  # the event loop is closed
                self._loop.call_soon_threadsafe(wake.set)

        threading.Thread(target=watch, daemon=True).start()
        await wake.wait()

    async def _without_end(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        """Writes until nobody listens."""
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        await response.prepare(request)
        piece = (reply.endless or "").encode() * 1000
        while True:  # aiohttp ends it with an error
            await response.write(piece)

    async def _cut(self, request: web.Request, text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(text)), "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(text[: len(text) // 2].encode())
        assert request.transport is not None
        request.transport.close()
        return response

    async def _stream(
        self, request: web.Request, chat: Chat, reply: Reply, whole: dict[str, Any]
    ) -> web.StreamResponse:
        """The completion as server-sent events: one word a chunk, as its tokens are."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        base = {key: value for key, value in whole.items() if key not in ("choices", "usage", "prompt_token_ids")}
        base["object"] = "chat.completion.chunk"

        async def send(choices: list[dict[str, Any]], **more: Any) -> None:
            await response.write(f"data: {json.dumps({**base, 'choices': choices, **more})}\n\n".encode())

        first = {"prompt_token_ids": whole["prompt_token_ids"]} if "prompt_token_ids" in whole else {}
        for choice in whole["choices"]:
            message = choice["message"]
            begin = {name: value for name, value in message.items() if name != "content" and value is not None}
            await send([{"index": 0, "delta": begin, "finish_reason": None}], **first)
            pieces = re.findall(r"\s*\S+\s*$|\s*\S+|\s+", message["content"] or "")
            ids = choice.get("token_ids")
            drawn = (choice.get("logprobs") or {}).get("content")
            for index, piece in enumerate(pieces):
                if reply.cut and index == len(pieces) // 2:
                    assert request.transport is not None
                    request.transport.close()
                    return response
                chunk: dict[str, Any] = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
                if ids is not None:
                    chunk["token_ids"] = ids[index : index + 1]
                if drawn is not None:
                    chunk["logprobs"] = {"content": drawn[index : index + 1]}
                await send([chunk])
            last: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
            if ids is not None:
                last["token_ids"] = ids[len(pieces) :]
            if drawn is not None:
                last["logprobs"] = {"content": drawn[len(pieces) :]}
            await send([last])
        if whole.get("usage") and (chat.body.get("stream_options") or {}).get("include_usage"):
            await send([], usage=whole["usage"])
        await response.write(b"data: [DONE]\n\n")
        return response

    # --- the model that is none ------------------------------------------------------------------------------------

    def _drawn_text(self, chat: Chat) -> str:
        """What it says by itself: drawn by the seed where it takes one, else another text every time."""
        body = chat.body
        limits = body.get("structured_outputs") or {}
        said = json.dumps(body["messages"])
        if body.get("temperature", 1) > 0:
            self._drawn += 1
            said += str(body["seed"]) if "seeds" in self.able and body.get("seed") is not None else f"#{self._drawn}"
        chance = zlib.crc32(said.encode())
        if "choices" in self.able and limits.get("choice"):
            return str(limits["choice"][chance % len(limits["choice"])])
        if "grammar" in self.able and body.get("grammar"):
            return str(json.loads(re.findall(r'"(?:[^"\\]|\\.)*"', body["grammar"])[0]))
        if "regex" in self.able and body.get("regex"):
            return re.sub(r"\\(.)", r"\1", body["regex"][1:-1].split("|")[0])
        if "schema" in self.able and body.get("response_format"):
            named = body["response_format"]["json_schema"]["schema"]["properties"]
            return json.dumps({name: of["enum"][0] for name, of in named.items()})
        return f"yes {chance}"

    def _completion(self, chat: Chat, reply: Reply) -> dict[str, Any] | web.Response:
        body = chat.body
        prompt = [_number(word) for word in chat.text.split()]
        for picture in chat.pictures:
            uuid, url = picture.get("uuid"), (picture.get("image_url") or {}).get("url")
            if url is None and not ("uuid" in self.able and uuid in self._pictures):
                return web.json_response({"error": {"message": f"no picture {uuid} in the cache"}}, status=400)
            if url is not None and not url.startswith("data:image/png;base64,"):
                return web.json_response({"error": {"message": "pictures come as data URLs"}}, status=400)
            if uuid:
                self._pictures.add(uuid)
            if "pictures" in self.able and reply.pictures:
                prompt += [7] * PICTURE
        if self.context is not None and len(prompt) + body.get("max_tokens", 1) > self.context:
            message = f"This model's maximum context length is {self.context} tokens."
            return web.json_response({"error": {"message": message}}, status=400)
        words = re.findall(r"\s*\S+\s*$|\s*\S+|\s+", reply.text or "")
        ids = [*(_number(word) for word in words), 2]
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": reply.finish,
            "message": {
                "role": "assistant",
                "content": reply.text,
                "refusal": reply.refusal,
                **({reply.thought_field: reply.thought} if reply.thought is not None else {}),
            },
        }
        out: dict[str, Any] = {
            "id": f"chatcmpl-{chat.number}",
            "object": "chat.completion",
            "created": 0,
            "model": reply.model or body["model"],
            "choices": [choice] if reply.choices else [],
        }
        if reply.tokens and "tokens" in self.able and body.get("return_token_ids"):
            choice["token_ids"], out["prompt_token_ids"] = ids, prompt
        if reply.tokens and "logprobs" in self.able and body.get("logprobs"):
            drawn = [
                {"token": word, "logprob": reply.logprob, "bytes": None, "top_logprobs": []}
                for word in (*words, "</s>")
            ]
            choice["logprobs"] = {"content": drawn}
        if isinstance(reply.usage, dict):
            out["usage"] = reply.usage
        elif reply.usage:
            total = len(prompt) + len(ids)
            out["usage"] = {"prompt_tokens": len(prompt), "completion_tokens": len(ids), "total_tokens": total}
            out["usage"]["prompt_tokens_details"] = {"cached_tokens": reply.cached}
        return out


def _number(word: str) -> int:
    return 10 + zlib.crc32(word.strip().encode()) % 50000
