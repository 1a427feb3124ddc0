"""An answer that comes token by token, as server-sent events, put together to what comes at once otherwise."""

from __future__ import annotations

from typing import Any

import msgspec

from arena.operator import BackendError
from arena_operators.vlm import chat_api
from arena_operators.vlm.chat_api import Choice, Completion, Count, Drawn, Logprobs, Said, Tokens


class _Choice(msgspec.Struct):
    delta: Said = msgspec.field(default_factory=Said)
    finish_reason: str | None = None
    logprobs: Logprobs | None = None
    token_ids: list[Count] | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    model: str = ""
    usage: Tokens | None = None
    prompt_token_ids: list[Count] | None = None
    system_fingerprint: str | None = None
    error: Any = None  # in mid-stream


class Streamed:
    """Takes the lines of a stream."""

    def __init__(self, hidden: chat_api.Hidden = str) -> None:
        self._hidden = hidden
        self.done = False
        self._whole = Completion(choices=[])
        self._texts: dict[str, list[str]] = {}
        self._finish: str | None = None
        self._ids: list[int] | None = None
        self._drawn: list[Drawn] | None = None
        self._any = False

    def take(self, line: str) -> bool:
        """Whether the line brought a part of the answer. BackendError when it is no part of a chat completion."""
        if not line.startswith("data:"):
            return False
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            self.done = True
            return False
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BackendError(
                f"a part of the server's answer is none ({error}): {chat_api.shown(data, self._hidden)}"
            ) from None
        if chunk.error is not None:
            why = chat_api.told(data.encode(), self._hidden)
            raise BackendError(f"the server failed in the middle of its answer: {why}")
        whole = self._whole
        whole.model = whole.model or chunk.model
        whole.usage = chunk.usage or whole.usage
        whole.system_fingerprint = whole.system_fingerprint or chunk.system_fingerprint
        if whole.prompt_token_ids is None:
            whole.prompt_token_ids = chunk.prompt_token_ids
        return any([self._part(choice) for choice in chunk.choices])

    def _part(self, choice: _Choice) -> bool:
        self._any = True
        self._finish = choice.finish_reason or self._finish
        if choice.token_ids is not None:
            self._ids = self._ids or []
            self._ids += choice.token_ids
        if choice.logprobs is not None and choice.logprobs.content is not None:
            self._drawn = self._drawn or []
            self._drawn += choice.logprobs.content
        said = {name: text for name in Said.__struct_fields__ if (text := getattr(choice.delta, name))}
        for name, text in said.items():
            self._texts.setdefault(name, []).append(text)
        return bool(said or choice.token_ids)

    def completion(self) -> Completion:
        """The whole answer. BackendError when it broke off."""
        if not self._any or (self._finish is None and not self.done):
            raise BackendError("the server's answer broke off" if self._any else "the server's answer has no choices")
        said = Said(**{name: "".join(parts) for name, parts in self._texts.items()})
        logprobs = None if self._drawn is None else Logprobs(self._drawn)
        self._whole.choices = [Choice(said, self._finish, logprobs, self._ids)]
        return self._whole
