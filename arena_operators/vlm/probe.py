"""What a server can do, found once when an operator starts: by asking it, not by its name."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import msgspec
import numpy as np

from arena.operator import BackendError
from arena_operators.vlm import chat_api
from arena_operators.vlm.backend import Capabilities, Message, ModelRequest, Picture, Sampling
from arena_operators.vlm.chat_api import REQUESTS, Failed, Refused
from arena_operators.vlm.limited import WAYS, chosen

if TYPE_CHECKING:
    from arena_operators.vlm.openai_backend import OpenAIBackend

WORDS = "A test of this server. Write down any sixteen letters."
CHOICES = ("azure", "crimson")
SAMPLING = Sampling(max_tokens=16)
KEYS = tuple(bytes([number]) * 16 for number in range(1, 6))  # the first one's seed is that of every other question
TOKENS = {"return_token_ids": None, "logprobs": None, "top_logprobs": None}
# What servers want otherwise (see chat_api.fitted): SGLang takes no top_k of 0, OpenAI no such field, and some no field
# that they do not know. The first that a server accepts is kept.
DIALECTS: tuple[dict[str, Any], ...] = (
    {},
    {"top_k": -1},
    {"return_token_ids": None},
    {"return_token_ids": None, "top_k": None, "min_p": None},
    {**TOKENS, "top_k": None, "min_p": None},
    {**TOKENS, "top_k": None, "min_p": None, "seed": None},
    {**TOKENS, "top_k": None, "min_p": None, "max_tokens": "max_completion_tokens"},
)


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found."""

    capabilities: Capabilities
    adapted: Mapping[str, Any]  # one of DIALECTS
    answers_as: str  # the model's name in the answers
    without: chat_api.Completion  # the answer to WORDS alone
    blind: str = ""  # why it takes no pictures, in words


@dataclass(frozen=True, slots=True)
class Sight:
    """What a prompt with one picture of some size came to."""

    blind: str = ""  # why the picture does not reach the model, in words
    placeholder: int | None = None  # the token that stands for it, where ids are told
    count: int = 0  # of them
    by_name: bool = False  # a picture that was sent before is known by its uuid
    failed: bool = False  # the server failed at it, and may not the next time


async def probe(backend: OpenAIBackend) -> Probed:
    """Asks about ten short questions. ValueError, in words, when the server or the model is not what was named."""
    listed = await _listed(backend)
    adapted, first = await _dialect(backend)
    _check_name(backend, first.model, listed)
    choice = first.choices[0]
    # Alone, as the first: companions change last bits.
    again = await _ask(backend, adapted, WORDS, tokens=True)
    differ = await _seeds_differ(backend, adapted, _text(first))
    limited, sees, told, lora, tokens_in, version = await asyncio.gather(
        _limits(backend, adapted),
        sight(backend, adapted, first, 128, 128),
        _ask(backend, adapted, WORDS, chat_template_kwargs=dict.fromkeys(chat_api.SWITCHES, False)),
        _has(backend, backend.url + "/load_lora_adapter"),
        _has(backend, urljoin(backend.url, "/inference/v1/generate")),
        _version(backend),
    )
    own = next((one for one in listed or () if one.id == backend.model), None)
    drawn = choice.logprobs.content if choice.logprobs is not None else None
    capabilities = Capabilities(
        backend=backend.name,
        model=backend.model,
        server=backend.hidden(
            " ".join(
                part for part in (own.owned_by if own is not None else "", version or first.system_fingerprint) if part
            )
        ),
        tokens_out=choice.token_ids is not None and first.prompt_token_ids is not None,
        tokens_in=tokens_in,
        logprobs=bool(drawn),
        choices=limited is not None,
        seeds=differ and again is not None and "seed" not in adapted and _text(again) == _text(first),
        seeds_differ=differ,
        pictures=not sees.blind,
        picture_uuid=sees.by_name,
        lora=lora,
        context=own.context if own is not None else None,
    )
    if told is None:
        adapted = {**adapted, "chat_template_kwargs": None}
    if limited is not None:
        adapted = {**adapted, "structured_outputs": limited}
    return Probed(capabilities, adapted, first.model, first, sees.blind)


async def _listed(backend: OpenAIBackend) -> list[chat_api.Model] | None:
    """The models that the server lists; None where it has no list."""
    try:
        found = chat_api.models(await backend.get("/models", tries=2))  # whose address is wrong is told at once
    except Refused as error:
        if error.status in (401, 403):
            raise
        return None
    except Failed:  # `transformers serve` fails at it where no model is in its cache, and serves all the same
        return None
    if found is not None and backend.model not in [one.id for one in found]:
        names = ", ".join(sorted(one.id for one in found)) or "none"
        raise ValueError(backend.hidden(f"{backend.url} serves no model {backend.model!r}; it serves: {names}"))
    return found


async def _dialect(backend: OpenAIBackend) -> tuple[dict[str, Any], chat_api.Completion]:
    """The first of DIALECTS that the server takes, and its answer."""
    refused: Refused | None = None
    for adapted in DIALECTS:
        body = chat_api.body(backend.model, _request(WORDS, tokens=True), {})
        try:
            return adapted, await backend.complete(chat_api.fitted(body, adapted))
        except Refused as error:
            if error.status not in REQUESTS:
                raise
            refused = refused or error
    assert refused is not None
    raise refused


def _check_name(backend: OpenAIBackend, told: str, listed: list[chat_api.Model] | None) -> None:
    """ValueError when the server answers as another model: versions of the one that was named are not another."""
    if told.lower().startswith(backend.model.lower()) or not told:
        return
    names = ", ".join(sorted(one.id for one in listed)) if listed else "it does not say"
    raise ValueError(
        backend.hidden(
            f"{backend.url} was asked for the model {backend.model!r} and answers as {told!r}: name the model that it "
            f"serves (@model=NAME). It lists: {names}"
        )
    )


async def sight(
    backend: OpenAIBackend, adapted: Mapping[str, Any], without: chat_api.Completion, height: int, width: int
) -> Sight:
    """Whether a picture of this size reaches the model, by the tokens of a prompt with it and of one `without`."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, :, 0] = pixels[:, width // 2 :, 2] = 255
    picture = Picture(pixels)
    part = (await backend.pictures.parts([Message("user", (picture,))]))[picture.sha256]
    why: list[Exception] = []
    found = await _ask(backend, adapted, WORDS, part, tokens=True, why=why)
    if found is None:
        return Sight(str(why[0]), failed=isinstance(why[0], BackendError))
    # Either count may leave pictures out, as the other one shows.
    counts = [(seen, blank) for seen, blank in zip(_counts(found), _counts(without), strict=True) if seen and blank]
    if not counts:
        return Sight("it counts no tokens of prompts, so nothing shows that a picture reaches the model")
    if not any(seen > blank for seen, blank in counts):
        counted = "a prompt with a picture has {} tokens, the same without it {}".format(*counts[0])
        return Sight(f"it drops pictures, so the model would play blind: {counted}")
    added = Counter(found.prompt_token_ids or ()) - Counter(without.prompt_token_ids or ())
    token, count = next(iter(added.most_common(1)), (None, 0))
    named = {**part, "uuid": picture.sha256}
    by_name = None
    if await _ask(backend, adapted, WORDS, named) is not None:
        by_name = await _ask(backend, adapted, WORDS, {**named, "image_url": None}, tokens=True)
    return Sight("", token, count, by_name is not None and _counts(by_name) == _counts(found))


async def _limits(backend: OpenAIBackend, adapted: Mapping[str, Any]) -> str | None:
    """The field by which the server limits an answer to a list; None where it knows none."""
    for field, limit in WAYS.items():
        found = await _ask(backend, adapted, WORDS, **{field: limit(CHOICES)})
        if found is not None and chosen(_text(found), CHOICES) is not None:
            return field
    return None


async def _seeds_differ(backend: OpenAIBackend, adapted: Mapping[str, Any], said: str) -> bool:
    """Whether some other seed gives another text than `said`. A model may be so sure that several give the same."""
    for key in KEYS[1:]:
        other = await _ask(backend, adapted, WORDS, tokens=True, key=key)
        if other is not None and _text(other) != said:
            return True
    return False


async def _ask(
    backend: OpenAIBackend,
    adapted: Mapping[str, Any],
    words: str,
    picture: dict[str, Any] | None = None,
    *,
    tokens: bool = False,
    key: bytes = KEYS[0],
    why: list[Exception] | None = None,
    **more: Any,
) -> chat_api.Completion | None:
    """The answer; None where the server refuses or fails at it, and `why` is given its error."""
    body = chat_api.body(backend.model, _request(words, tokens=tokens, key=key), {})
    if picture is not None:
        body["messages"][0]["content"] = [{"type": "text", "text": words}, picture]
    try:
        return await backend.complete({**chat_api.fitted(body, adapted), **more})
    except (Refused, BackendError) as error:  # some answer 500 to a field that they do not know
        if why is not None:
            why.append(error)
        return None


def _request(words: str, *, tokens: bool, key: bytes = KEYS[0]) -> ModelRequest:
    return ModelRequest(messages=(Message("user", (words,)),), key=key, sampling=SAMPLING, tokens=tokens)


async def _has(backend: OpenAIBackend, url: str) -> bool:
    """Whether the server has this route: it refuses an empty body there."""
    status, _ = await backend.look("POST", url, {})
    return status in (400, 422)


async def _version(backend: OpenAIBackend) -> str:
    """What vLLM and others answer at /version; nothing elsewhere."""
    _, content = await backend.look("GET", urljoin(backend.url, "/version"))
    try:
        return chat_api.shown(msgspec.json.decode(content, type=dict[str, Any]).get("version", ""))
    except (msgspec.DecodeError, RecursionError):
        return ""


def _text(found: chat_api.Completion) -> str:
    return found.choices[0].message.content or ""


def _counts(found: chat_api.Completion) -> tuple[int, int]:
    """Tokens of the prompt, by its usage and by its ids; 0 where it is not said."""
    return (found.usage.prompt_tokens or 0 if found.usage is not None else 0), len(found.prompt_token_ids or ())
