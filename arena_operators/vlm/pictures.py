"""Pictures as data URLs, encoded beside the event loop and kept while they are likely to be sent again."""

from __future__ import annotations

import asyncio
import base64
import io
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from PIL import Image

from arena_operators.vlm.backend import Message, Picture

MOST = 64 * 1024 * 1024  # bytes of encoded pictures that are kept
QUICK = 1 << 18  # bytes of a picture that is hashed at once: sooner done than handed to a thread


class EncodedPictures:
    """Each picture is encoded once while it is kept; the one that was used longest ago goes first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    async def parts(
        self, messages: Iterable[Message], named: bool = False, known: frozenset[str] | set[str] = frozenset()
    ) -> dict[str, dict[str, Any]]:
        """By sha256, the part of a message that each picture is sent as.

        `named`: with its sha256 as its uuid. `known`: those that the server has are sent by their name alone, and are
        not encoded.
        """
        pictures = [part for one in messages for part in one.parts if isinstance(part, Picture)]
        if large := [one for one in pictures if one.pixels.nbytes > QUICK]:
            await asyncio.to_thread(_hashed, large)  # it takes milliseconds, as encoding does: others go on meanwhile
        unknown = {one.sha256: one for one in pictures if one.sha256 not in known}
        urls = {sha256: self._kept[sha256] for sha256 in unknown if sha256 in self._kept}
        if missing := [one for sha256, one in unknown.items() if sha256 not in urls]:
            urls |= await asyncio.to_thread(_encoded, missing)
        for sha256, url in urls.items():
            self._keep(sha256, url)
        out: dict[str, dict[str, Any]] = {}
        for sha256 in (one.sha256 for one in pictures):
            url_part = {"url": urls[sha256]} if sha256 in urls else None
            out[sha256] = {"type": "image_url", "image_url": url_part, **({"uuid": sha256} if named else {})}
        return out

    def _keep(self, sha256: str, url: str) -> None:
        if sha256 not in self._kept:
            self._kept[sha256] = url
            self._size += len(url)
        self._kept.move_to_end(sha256)
        while self._size > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


def _hashed(pictures: list[Picture]) -> None:
    for one in pictures:
        one.sha256  # noqa: B018 - it is kept there


def _encoded(pictures: list[Picture]) -> dict[str, str]:
    return {one.sha256: data_url(one) for one in pictures}


def data_url(picture: Picture) -> str:
    """The picture as a PNG in a data URL."""
    out = io.BytesIO()
    Image.fromarray(picture.pixels).save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
