"""The bodies of a server's answers, read up to a limit: one that never ends costs a bounded memory, and is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from arena.operator import BackendError

MOST = 1 << 24  # bytes of any answer, such as the token ids of a long prompt
TOKEN = 1 << 12  # bytes for each token that the answer may have: its id, its log-probabilities, its part of a stream
REFUSAL = 1 << 16  # bytes that are read of an answer that is an error; the rest is left


def limit(body: object) -> int:
    """The most bytes that the answer to a request of this body may have."""
    asked: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    tokens = asked.get("max_tokens") or asked.get("max_completion_tokens") or 0
    return MOST + TOKEN * int(tokens)


async def pieces(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """The body as it comes. BackendError once it has more than `most` bytes, or if it is compressed."""
    _check_plain(response)
    count = 0
    async for piece in response.content.iter_any():
        count += len(piece)
        _check_size(count, most)
        yield piece


async def whole(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The body. BackendError as `pieces`."""
    _check_plain(response)
    found, count = [], 0
    while piece := await response.content.readany():
        found.append(piece)
        count += len(piece)
        _check_size(count, most)
    return b"".join(found)


def _check_plain(response: aiohttp.ClientResponse) -> None:
    if (how := response.headers.get("content-encoding", "identity").lower()) != "identity":
        raise BackendError(f"the server's answer is compressed ({how[:20]}), which it was asked not to be")


def _check_size(count: int, most: int) -> None:
    if count > most:
        raise BackendError(f"the server's answer is larger than {most / 2**20:.1f} MiB: it is not read any further")


async def beginning(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of the body of an error."""
    out = b""
    async for piece in response.content.iter_any():
        out += piece
        if len(out) >= REFUSAL:
            break
    return out[:REFUSAL]


async def lines(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[str]:
    """The lines of the body as they come. BackendError as `pieces`."""
    begun: list[bytes] = []
    async for piece in pieces(response, most):
        *ended, rest = piece.split(b"\n")
        for line in ended:
            yield b"".join([*begun, line]).decode(errors="replace")
            begun.clear()
        begun.append(rest)
    yield b"".join(begun).decode(errors="replace")
