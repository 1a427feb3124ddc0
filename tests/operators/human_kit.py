"""What the tests of the person's operator share: a toy table, without any game."""

from __future__ import annotations

from typing import Any

import numpy as np

from arena.game import GameCard, Image, Observation, Views
from arena.operator import OpenSeat, Outcome, Request

GUARD = 120.0  # seconds until a test that hangs is stopped; nothing is measured
ACTIONS = ("fold", "call", "raise")
CARD = GameCard(
    game="toy",
    version=1,
    seats=2,
    rules="The higher card wins.",
    actions=ACTIONS,
    answer_format="an action's name",
    unit="chips",
)


def seat(
    match: int = 0, place: int = 1, operator: str = "human", names: tuple[str, ...] = ("vlm", "human")
) -> OpenSeat:
    return OpenSeat(
        match=match,
        seat=place,
        operator=operator,
        card=CARD,
        views=Views(image=(60, 96), text=True),
        seed=bytes(16),
        seats=names,
    )


def picture(shade: int) -> Image:
    """60 x 96, one colour."""
    return np.full((60, 96, 3), (shade, 120, 60), np.uint8)


def request(
    number: int,
    text: str = "You hold Kh.",
    *,
    match: int = 0,
    place: int = 1,
    legal: tuple[int, ...] = (0, 1, 2),
    facts: dict[str, str] | None = None,
    image: Image | None = None,
    reason: str | None = None,
    budget: float | None = None,
    **talk: Any,
) -> Request:
    """`talk`: free_text, table_talk, heard."""
    facts = facts if facts is not None else {"hand": "Kh 2c"}
    observation = Observation(legal, image=image, text=text, facts=facts, **talk)
    return Request(
        id=number,
        match=match,
        seat=place,
        tick=number,
        observation=observation,
        attempt=int(reason is not None),
        reason=reason,
        budget=budget,
    )


def outcome(*returns: float) -> Outcome:
    return Outcome(status="terminated", returns=returns, events=("seat 1 shows a king",))
