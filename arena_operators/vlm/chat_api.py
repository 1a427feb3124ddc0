"""OpenAI's chat protocol as bytes: the body of a request, and what its answer says. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from arena.operator import BackendError, Usage
from arena_operators.vlm.backend import Message, ModelAnswer, ModelRequest, Picture, Sampling
from arena_operators.vlm.limited import WAYS, chosen

REQUESTS = (400, 413, 422)  # statuses that refuse what was asked, and not who asks
SWITCHES = ("enable_thinking", "thinking")  # of chat templates: Qwen's, SmolLM3's and others', DeepSeek's and Granite's
LIMITS = ("top_k", "min_p")  # 0: none
ROUNDING = 1e-3  # by which a log-probability may be above 0
SIZES = ("n_prompt_tokens", "n_ctx")  # numbers that llama.cpp gives beside its words
CUT = 300  # most characters of a server's words in a message

Hidden = Callable[[str], str]  # masks a key in a text
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]  # of tokens, or a token's number


class Refused(ValueError):
    """The server refused a request for what it is (REQUESTS), or whoever asks it (401, 403, 404, a redirection)."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Failed(BackendError):
    """The server answered that it failed (500 and others)."""


class Said(msgspec.Struct):
    """What a message says, or a part of it."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class Drawn(msgspec.Struct):
    """A token that was drawn."""

    logprob: float


class Logprobs(msgspec.Struct):
    """Of the tokens of an answer."""

    content: list[Drawn] | None = None


class Choice(msgspec.Struct):
    """One answer; only one is asked for."""

    message: Said
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    token_ids: list[Count] | None = None  # vLLM's


class _Details(msgspec.Struct):
    cached_tokens: Count | None = None


class Tokens(msgspec.Struct):
    """The usage."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None


class Completion(msgspec.Struct):
    """What a server answers, as far as it is read."""

    choices: list[Choice]
    model: str = ""
    usage: Tokens | None = None
    prompt_token_ids: list[Count] | None = None  # vLLM's
    system_fingerprint: str | None = None  # of the server's build
    # Not the server's words: whoever asked sets them.
    first_token: float | None = None  # seconds from asking to the first token
    seconds: float | None = None  # to the whole answer


class _Meta(msgspec.Struct):
    n_ctx: int | None = None


class Model(msgspec.Struct):
    """A model that a server lists."""

    id: str
    owned_by: str | None = None
    max_model_len: int | None = None  # vLLM's and SGLang's
    meta: _Meta | None = None  # llama.cpp's

    @property
    def context(self) -> int | None:
        """Most tokens of prompt and answer, where the server says it."""
        return self.max_model_len or (self.meta.n_ctx if self.meta is not None else None)


class _Models(msgspec.Struct):
    data: list[Model]


def sampling_fields(sampling: Sampling) -> dict[str, Any]:
    """Every field, also those at a neutral value: servers' defaults differ."""
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
    }


def body(model: str, request: ModelRequest, pictures: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The body of a request. `pictures`: by sha256, the part that a picture is sent as."""
    out: dict[str, Any] = {
        "model": model,
        "messages": [_said(message, pictures) for message in request.messages],
        "seed": request.seed,
        **sampling_fields(request.sampling),
    }
    if request.sampling.thinking == 0:
        out["chat_template_kwargs"] = dict.fromkeys(SWITCHES, False)
    elif request.sampling.thinking is not None:
        out["thinking_token_budget"] = request.sampling.thinking  # vLLM's
    if request.tokens:
        # llama-cpp-python gives log-probabilities only where a count of others is asked for, and not for 0.
        out |= {"return_token_ids": True, "logprobs": True, "top_logprobs": 1}
    if request.choices:
        out["structured_outputs"] = WAYS["structured_outputs"](request.choices)
    return out


def fitted(body: Mapping[str, Any], adapted: Mapping[str, Any]) -> dict[str, Any]:
    """The body as a server takes it. `adapted`: by field, the value that means no limit there, None where the field is

    not taken, or the field's other name. A limit that is asked for is sent in any case.
    """
    out = dict(body)
    for name, other in adapted.items():
        if name not in out or (name in LIMITS and out[name] != 0):
            continue
        value = out.pop(name)
        if name == "structured_outputs" and other is not None:
            out[other] = WAYS[other](value["choice"])
        elif isinstance(other, str):
            out[other] = value
        elif other is not None:
            out[name] = other
    return out


def _said(message: Message, pictures: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    if all(isinstance(part, str) for part in message.parts):
        return {"role": message.role, "content": "".join(str(part) for part in message.parts)}
    parts = [
        pictures[part.sha256] if isinstance(part, Picture) else {"type": "text", "text": part} for part in message.parts
    ]
    return {"role": message.role, "content": parts}


def completion(content: bytes, hidden: Hidden = str) -> Completion:
    """The answer in `content`. BackendError unless it is one."""
    try:
        found = msgspec.json.decode(content, type=Completion)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BackendError(f"the server's answer is no chat completion ({error}): {shown(content, hidden)}") from None
    if not found.choices:
        raise BackendError("the server's answer has an empty list of choices")
    return found


def answer(found: Completion, request: ModelRequest) -> ModelAnswer:
    """What a completion comes to. BackendError when it has not what was asked for."""
    choice, usage = found.choices[0], found.usage or Tokens()
    ids = drawn = prompt = None
    if request.tokens:
        logprobs = choice.logprobs.content if choice.logprobs is not None else None
        if choice.token_ids is None or logprobs is None or found.prompt_token_ids is None:
            raise BackendError("the server left out token ids or log-probabilities, which it gave when it was probed")
        if len(choice.token_ids) != len(logprobs):
            raise BackendError(
                f"the server gave {len(choice.token_ids)} token ids and {len(logprobs)} log-probabilities"
            )
        prompt, ids = np.array(found.prompt_token_ids, np.int32), np.array(choice.token_ids, np.int32)
        drawn = _drawn(logprobs)
    text = choice.message.content or ""
    return ModelAnswer(
        text=(chosen(text, request.choices) or text) if request.choices else text,
        thought=choice.message.reasoning_content or choice.message.reasoning,
        refusal=choice.message.refusal,
        prompt_tokens=prompt,
        tokens=ids,
        logprobs=drawn,
        finish=choice.finish_reason or "stop",
        usage=Usage(
            prompt=usage.prompt_tokens or 0,
            completion=usage.completion_tokens or 0,
            cached=(usage.prompt_tokens_details.cached_tokens or 0) if usage.prompt_tokens_details else 0,
            first_token=found.first_token,
            seconds=found.seconds,
        ),
    )


def _drawn(found: Sequence[Drawn]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The log-probabilities; what rounding put above 0 is 0."""
    out = np.array([one.logprob for one in found], np.float32)
    if len(out) and out.max() > ROUNDING:
        raise BackendError(f"the server gave a log-probability of {out.max():g}: expected a number up to 0")
    return np.minimum(out, 0)


def completion_score(content: bytes, token: int) -> float:
    """The log-probability of `token` in an answer of one token from /completions. BackendError when it has none."""
    try:
        (choice,) = msgspec.json.decode(content)["choices"]
        found = choice["logprobs"]["top_logprobs"][0][f"token_id:{token}"]
        return float(found)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError):
        raise BackendError(f"the server's answer has no log-probability of token {token}: {shown(content)}") from None


def told(content: bytes, hidden: Hidden = str) -> str:
    """What the body of an error says, in one line."""
    try:
        error = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return shown(content, hidden)
    numbers = []
    for field in ("error", "message"):  # {"error": {"message": ...}}, {"error": ...}, {"message": ...}
        if isinstance(error, Mapping):
            numbers += [f"{name} {error[name]}" for name in SIZES if isinstance(error.get(name), int)]
            error = error.get(field, error)
    return shown(error, hidden) + (f" ({', '.join(numbers)})" if numbers else "")


def too_long(told: str) -> bool:
    """Whether a server refused a request since it does not fit into the model's context, in the words of vLLM, OpenAI,

    SGLang ("context length") and llama.cpp ("context size").
    """
    return re.search(r"context[ _](?:length|size|window)", told, re.IGNORECASE) is not None


def models(content: bytes) -> list[Model] | None:
    """What /v1/models lists; None where that is no list."""
    try:
        return msgspec.json.decode(content, type=_Models).data
    except (msgspec.DecodeError, RecursionError):
        return None


def shown(text: object, hidden: Hidden = str) -> str:
    """A server's words in one line, cut to a length. `hidden` masks a key first: a cut might leave a part of it."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    words = hidden(str(text))[: 4 * CUT]
    words = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return words if len(words) <= CUT else words[:CUT] + " ..."
