"""Pictures for servers: encoded only where they are sent, and once; and the connections that they go over."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

pytest.importorskip("aiohttp")

from arena_operators.vlm import pictures
from arena_operators.vlm.backend import Message, Picture
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.pictures import EncodedPictures

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def picture(value=0, size=8):
    return Picture(np.full((size, size, 3), value, np.uint8))


def message(*parts):
    return Message("user", parts)


@pytest.fixture
def encoded(monkeypatch):
    """The pictures that were encoded."""
    seen = []
    data_url = pictures.data_url

    def kept(one):
        seen.append(one.sha256)
        return data_url(one)

    monkeypatch.setattr(pictures, "data_url", kept)
    return seen


def parts(kept, *messages, **more):
    return asyncio.run(kept.parts(messages, **more))


@pytest.mark.parametrize("size", [8, 512])
def test_a_picture_that_the_server_has_is_not_encoded(encoded, size):
    one = picture(size=size)
    found = parts(EncodedPictures(), message(one), named=True, known={picture(size=size).sha256})
    assert found == {one.sha256: {"type": "image_url", "image_url": None, "uuid": one.sha256}}
    assert not encoded


def test_equal_pictures_are_encoded_once(encoded):
    kept = EncodedPictures()
    first = parts(kept, message(picture(1)), message(picture(1), picture(2)))
    assert parts(kept, message(picture(2)), message(picture(1))) == first
    assert sorted(encoded) == sorted({picture(1).sha256, picture(2).sha256})


def test_the_picture_that_was_used_longest_ago_goes_first(encoded):
    room = 2 * max(len(pictures.data_url(picture(value))) for value in (1, 2, 3))
    encoded.clear()
    kept = EncodedPictures(room)
    for value in (1, 2, 1, 3, 1):
        parts(kept, message(picture(value)))
    assert encoded == [picture(value).sha256 for value in (1, 2, 3)]


def test_a_picture_larger_than_all_that_is_kept_is_sent_all_the_same():
    (part,) = parts(EncodedPictures(most=10), message(picture())).values()
    assert part["image_url"]["url"].startswith("data:image/png;base64,")


def test_requests_one_after_another_go_over_one_connection():
    opened = []

    async def answer(reader, writer):
        opened.append(writer)
        while await reader.readline():
            while await reader.readline() != b"\r\n":
                pass
            writer.write(ANSWER)

    async def run():
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            backend = OpenAIBackend(f"http://127.0.0.1:{port}/v1", "toy")
            backend.connect()
            for _ in range(3):
                await backend.get("/models")
            await backend.stop()

    asyncio.run(run())
    assert len(opened) == 1
