"""A schedule that is told each line-up, as trainers choose them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from arena.options import Option
from arena.plan import Block, BlockIterator, Schedule, Setting

FORM = "GAME:OPERATOR.OPERATOR...xMATCHES, one a block, joined by +, by their places in the plan, e.g. 0:0.2x4+1:1.0x4"
_WORD = re.compile(r"(\d+):(\d+(?:\.\d+)*)x([1-9]\d*)")


class Listing(NamedTuple):
    """Some matches with the same start and line-up."""

    game: int
    lineup: tuple[int, ...]  # in seat order
    matches: int = 1


class Listed(Schedule):
    """These blocks, and no more. Seats do not rotate."""

    options: ClassVar[Mapping[str, Option]] = {"blocks": Option("str", None, FORM)}

    def __init__(self, setting: Setting, given: Mapping[str, Any] | None = None, name: str = "listed") -> None:
        super().__init__(setting, given, name)
        words = (self.values["blocks"] or "").split("+")
        found = [_WORD.fullmatch(word) for word in words]
        if wrong := [word for word, one in zip(words, found, strict=True) if one is None]:
            raise ValueError(f"blocks={wrong[0]!r}: expected {FORM}")
        if setting.mirror:
            raise ValueError("every line-up is listed in its seat order: mirror must be false")
        parts = [one.groups() for one in found if one is not None]
        self.listings = [Listing(int(game), tuple(map(int, line.split("."))), int(n)) for game, line, n in parts]
        self.matches = sum(one.matches for one in self.listings)

    def blocks(self, first: int = 0) -> BlockIterator:
        for game, lineup, matches in self.listings[first:]:
            yield Block(game, lineup, (lineup,) * (matches - 1))


def listed(listings: Sequence[Listing]) -> str:
    """The name of the schedule of these blocks."""
    words = (f"{one.game}:{'.'.join(map(str, one.lineup))}x{one.matches}" for one in listings)
    return f"listed@blocks={'+'.join(words)}"
