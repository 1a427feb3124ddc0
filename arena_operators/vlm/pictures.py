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

        `named`: with its sha256 as its uuid. `known`: those that the server has are sent by their name alone.
        """
        pictures = [part for one in messages for part in one.parts if isinstance(part, Picture)]
        if not pictures:
            return {}
        missing = [one for one in pictures if "sha256" not in vars(one) or one.sha256 not in self._kept]
        if missing:  # hashing and encoding take milliseconds: others go on meanwhile
            for sha256, url in (await asyncio.to_thread(_encoded, missing)).items():
                self._keep(sha256, url)
        out: dict[str, dict[str, Any]] = {}
        for picture in pictures:
            sha256 = picture.sha256
            url = self._kept.get(sha256) or data_url(picture)  # dropped at once: it is larger than all that is kept
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
            name = {"uuid": sha256} if named else {}
            out[sha256] = {"type": "image_url", "image_url": None if sha256 in known else {"url": url}, **name}
        return out

    def _keep(self, sha256: str, url: str) -> None:
        if sha256 not in self._kept:
            self._kept[sha256] = url
            self._size += len(url)
        while self._size > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


def _encoded(pictures: list[Picture]) -> dict[str, str]:
    return {one.sha256: data_url(one) for one in pictures}


def data_url(picture: Picture) -> str:
    """The picture as a PNG in a data URL."""
    out = io.BytesIO()
    Image.fromarray(picture.pixels).save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
