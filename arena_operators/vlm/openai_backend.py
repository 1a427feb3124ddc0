"""Any server that speaks OpenAI's chat protocol: llama.cpp, vLLM, SGLang, Ollama, LM Studio, OpenRouter and others."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, TypeVar

import aiohttp
import msgspec

from arena.operator import BackendError, OverloadedError, WorkerContext
from arena_operators.vlm import bodies, chat_api
from arena_operators.vlm.backend import AsyncBackend, Capabilities, ModelAnswer, ModelRequest, Picture, TooLongError
from arena_operators.vlm.chat_api import REQUESTS, Failed, Refused
from arena_operators.vlm.http_client import Client
from arena_operators.vlm.options import IN_FLIGHT
from arena_operators.vlm.pictures import EncodedPictures
from arena_operators.vlm.probe import Probed, probe, sight
from arena_operators.vlm.streamed import Streamed

TRIES = 6  # of one request, where trying again is safe
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds between two tries: doubled each time; more than the longest: no wait
MOST_KNOWN = 100_000  # names of pictures that a server has
T = TypeVar("T")
Sleep = Callable[[float], Awaitable[object]]


class OpenAIBackend(AsyncBackend):
    """Asks the server at `url` (its /v1) for the model that it serves as `model`.

    The key is read from the environment variable `key`, and is in no message of ours, whatever the server echoes.
    """

    name = "openai"
    larger = "start the server with a larger context"  # what a user can do about prompts that do not fit

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        in_flight: int = IN_FLIGHT,
        sleep: Sleep = asyncio.sleep,
        stream: bool = False,
    ) -> None:
        self.url = url.rstrip("/")
        self.model = model
        self.key = key
        self.max_in_flight = in_flight
        self.pictures = EncodedPictures()
        self.probed: Probed | None = None
        self.stream = stream  # answers come token by token, which tells when the first one came
        self._sleep = sleep
        self._secret = ""
        self._client: Client | None = None
        self._known: set[str] = set()  # pictures that the server has
        self._placeholders: dict[tuple[int, int], tuple[int, int]] = {}  # by size: the token of a picture, how many

    async def start(self, context: WorkerContext) -> Capabilities:
        """Probes the server. ValueError, in words, when it cannot be used; BackendError when it fails."""
        self.connect()
        context.status(f"asking {self.url} what it can do")
        self.probed = await probe(self)
        self.blind = self.probed.blind
        return self.probed.capabilities

    def connect(self) -> None:
        """Make the client, on the event loop. ValueError when the key's variable is not set here."""
        if self.key is not None:
            self._secret = os.environ.get(self.key, "").strip()
            if not self._secret:
                raise ValueError("the environment variable that @key= names is not set where the worker runs")
            if not (self._secret.isascii() and self._secret.isprintable() and " " not in self._secret):
                raise ValueError("the environment variable that @key= names holds no key: it has blanks or other signs")
        self._client = Client(self.url, self._secret)

    async def check_picture_size(self, height: int, width: int) -> None:
        assert self.probed is not None
        seen = await sight(self, self.probed.adapted, self.probed.without, height, width)
        if seen.failed:
            raise BackendError(seen.blind)
        if seen.blind:
            raise ValueError(f"{self.model} takes no picture of {height}x{width}: {seen.blind}")
        if seen.placeholder is not None:
            self._placeholders[height, width] = seen.placeholder, seen.count

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        """The answer. See AsyncBackend; the rest of its errors say which server failed, and how."""
        try:
            found = await self._complete(request)
        except Refused as error:
            if error.status not in REQUESTS:  # nobody's request: the key or the model is gone
                raise BackendError(str(error)) from None
            if chat_api.too_long(str(error)):
                raise TooLongError(self._too_long(str(error), request)) from None
            raise
        if not self.right_model(found.model):
            was = self.probed.answers_as if self.probed is not None else self.model
            raise BackendError(
                f"{self.url} answers as {self.hidden(found.model)!r}; when it was probed it was "
                f"{self.hidden(was)!r}: another model is served there now"
            )
        answer = chat_api.answer(found, request)
        self._check_pictures(request, answer)
        return self._cleaned(answer)

    async def once(self, request: ModelRequest) -> None:
        parts = await self.pictures.parts(request.messages)
        await self.complete(self._body(request, parts), tries=1)

    def _too_long(self, refusal: str, request: ModelRequest) -> str:
        context = None if self.probed is None else self.probed.capabilities.context
        limit = "" if context is None else f", the server's context {context:,}"
        return f"{refusal} (its answer may have {request.sampling.max_tokens:,} tokens{limit}): {self.larger}"

    def _check_pictures(self, request: ModelRequest, answer: ModelAnswer) -> None:
        """BackendError unless the prompt has as many tokens of pictures as those that were sent, where ids are told."""
        if answer.prompt_tokens is None:
            return
        sent = [part.pixels.shape[:2] for one in request.messages for part in one.parts if isinstance(part, Picture)]
        known = [self._placeholders[size] for size in sent if size in self._placeholders]
        if not known or len(known) < len(sent):
            return
        there, wanted = int((answer.prompt_tokens == known[0][0]).sum()), sum(count for _, count in known)
        if there != wanted:
            raise BackendError(f"the prompt had {there} tokens of pictures; those that were sent have {wanted}")

    def right_model(self, name: str) -> bool:
        """Whether an answer's model is the one that was asked."""
        return self.probed is None or name == self.probed.answers_as

    async def _complete(self, request: ModelRequest) -> chat_api.Completion:
        named = self.probed is not None and self.probed.capabilities.picture_uuid
        parts = await self.pictures.parts(request.messages, named, self._known if named else frozenset())
        try:
            found = await self.complete(self._body(request, parts))
        except (Refused, Failed):
            if not self._known.intersection(parts):
                raise
            self._known.difference_update(parts)  # the server dropped them from its cache, or is another by now
            parts = await self.pictures.parts(request.messages, named)
            found = await self.complete(self._body(request, parts))
        if named:
            if len(self._known) > MOST_KNOWN:  # the server has dropped most of them, too
                self._known.clear()
            self._known.update(parts)
        return found

    def _body(self, request: ModelRequest, pictures: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        adapted = {} if self.probed is None else self.probed.adapted
        body = chat_api.fitted(chat_api.body(self.model, request, pictures), adapted)
        return body | {"stream": True, "stream_options": {"include_usage": True}} if self.stream else body

    async def complete(self, body: Mapping[str, Any], tries: int = TRIES) -> chat_api.Completion:
        """What the server answers to this body. Refused, BackendError, OverloadedError."""
        try:
            return await self._again(partial(self._completion, body), tries)
        except BackendError as error:
            raise type(error)(self.hidden(str(error))) from None

    async def _completion(self, body: Mapping[str, Any]) -> chat_api.Completion:
        asked, url = time.monotonic(), self.url + "/chat/completions"
        first: float | None = None
        if not body.get("stream"):
            found = chat_api.completion(await self._once("POST", url, body), self.hidden)
        else:
            streamed = Streamed(self.hidden)

            async def read(response: aiohttp.ClientResponse) -> None:
                nonlocal first
                async for line in bodies.lines(response, bodies.limit(body)):
                    if streamed.take(line) and first is None:
                        first = time.monotonic() - asked

            await self._asked("POST", url, body, read)
            found = streamed.completion()
        found.first_token, found.seconds = first, time.monotonic() - asked
        return found

    async def post(self, path: str, body: object, *, root: str | None = None) -> bytes:
        """What the answer to a POST holds. `root`: what `path` follows, if not the address. Refused, BackendError,

        OverloadedError.
        """
        url = (self.url if root is None else root.rstrip("/")) + path
        return await self._again(partial(self._once, "POST", url, body), TRIES)

    async def get(self, path: str, tries: int = TRIES) -> bytes:
        """As `post`."""
        return await self._again(partial(self._once, "GET", self.url + path, None), tries)

    async def look(self, how: str, url: str, body: object = None) -> tuple[int, bytes]:
        """The status and the beginning of an answer, whatever it is; (0, b"") where none comes. Sent once."""
        try:
            async with self._sent(how, url, body) as response:
                return response.status, await bodies.beginning(response)
        except aiohttp.ClientError:
            return 0, b""

    async def _again(self, once: Callable[[], Awaitable[T]], tries: int) -> T:
        """Tries again where nothing was begun: the connection was refused, or the server has no capacity (429, 503).

        Once also where it was closed without a word, as servers close connections that they have kept long enough.
        """
        wait, closed = FIRST_WAIT, False
        for left in reversed(range(tries)):
            try:
                return await once()
            except _Again as error:
                told = wait if error.after is None else error.after
                if not left or told > LONGEST_WAIT or (closed and error.closed):
                    raise error.cause from None
                closed = closed or error.closed
            await self._sleep(told)
            wait = min(2 * wait, LONGEST_WAIT)
        raise AssertionError

    async def _once(self, how: str, url: str, body: object) -> bytes:
        return await self._asked(how, url, body, partial(bodies.whole, most=bodies.limit(body)))

    def _sent(self, how: str, url: str, body: object) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        assert self._client is not None
        return self._client.request(how, url, None if body is None else msgspec.json.encode(body))

    async def _asked(
        self, how: str, url: str, body: object, read: Callable[[aiohttp.ClientResponse], Awaitable[T]]
    ) -> T:
        """What `read` makes of a response of status 200; other errors are those of `post`."""
        response = None
        try:
            async with self._sent(how, url, body) as response:
                if response.status != 200:
                    raise self._failed(response, await bodies.beginning(response))
                return await read(response)
        except aiohttp.ClientError as error:
            raise self._unreachable(error, begun=response is not None) from None

    def _failed(self, response: aiohttp.ClientResponse, content: bytes) -> Exception:
        """What a status other than 200 means. `content` is the beginning of its body."""
        status = response.status
        text = self.hidden(f"{self.url} answers {status}: {chat_api.told(content, self.hidden)}")
        if status in (429, 503):
            return _Again(OverloadedError(text), _seconds(response.headers.get("retry-after")))
        if status in (401, 403):
            how = "check the key in the variable that @key= names" if self.key else "name its variable: @key=VARIABLE"
            return Refused(f"{text}. It wants another key: {how}", status)
        if status == 404 or 300 <= status < 400:
            return Refused(f"{text}. Check the url (most end in /v1) and the model's name", status)
        if status in REQUESTS:
            return Refused(text, status)
        return Failed(text)

    def _unreachable(self, cause: Exception, begun: bool) -> Exception:
        """`begun`: some of an answer came."""
        why = self.hidden(chat_api.shown(cause, self.hidden) or type(cause).__name__)
        if isinstance(cause, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)):
            advice = "Does it run, is its model loaded, and is this its address?"
            text = f"no server can be reached at {self.url}: {why}. {advice}"
            return _Again(BackendError(text), None)
        broken = BackendError(f"the connection to {self.url} broke before the whole answer came: {why}")
        closed = isinstance(cause, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError))
        return _Again(broken, 0.0, closed=True) if closed and not begun else broken

    def hidden(self, text: str) -> str:
        """`text` without the key, which careless servers echo."""
        return text.replace(self._secret, "***") if self._secret else text

    def _cleaned(self, answer: ModelAnswer) -> ModelAnswer:
        texts = (answer.text, answer.thought or "", answer.refusal or "")
        if not self._secret or not any(self._secret in text for text in texts):
            return answer
        text, thought, refusal = (self.hidden(one) or None for one in texts)
        return dataclasses.replace(answer, text=text or "", thought=thought, refusal=refusal)

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()


class _Again(Exception):
    """A failure after which the same request may be sent again."""

    def __init__(self, cause: Exception, after: float | None, closed: bool = False) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.after = after  # seconds; None: as long as such waits grow
        self.closed = closed  # the connection, before anything came


def _seconds(value: str | None) -> float | None:
    """Retry-After in seconds; a date counts as not given, since clocks differ."""
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
