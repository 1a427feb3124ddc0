"""What a user may choose of an export, beside which episodes; and what follows from it for one game."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from arena.errors import InputError
from arena.game import GameSpec, Views
from arena.record.head import OperatorHead

View = Literal["image", "vector", "text"]


@dataclass(frozen=True, slots=True)
class Options:
    """Each format says which of these it heeds; others are refused before it is called."""

    views: tuple[View, ...] = ()  # none: those that the operators were given
    size: tuple[int, int] | None = None  # (height, width) of pictures
    fps: float | None = None  # pictures a second
    prompt: str = "full"  # of the game
    margin: float = 0.0  # least difference of the returns of a pair
    seats: bool = False  # a film shows what seats saw, not what a spectator sees


def views_of(spec: GameSpec, operators: Sequence[OperatorHead], options: Options) -> Views:
    """The views in which every seat is exported: all that any of the operators was given, or those that were chosen.

    InputError where the game does not have them, or where pictures of several sizes were given.
    """
    sizes = sorted({head.views.image for head in operators if head.views.image is not None})
    given = Views(
        image=sizes[0] if sizes else None,
        vector=any(head.views.vector for head in operators),
        text=any(head.views.text for head in operators),
    )
    if not options.views and given == Views():  # who sees nothing but the legal actions
        given = Views(vector=spec.vector_shape is not None, text=spec.vector_shape is None and spec.text)
        if given == Views() and spec.image_sizes:
            given = Views(image=spec.image_sizes[0])
    chosen = given
    if options.views:
        drawn = sizes or list(spec.image_sizes)
        image = drawn[0] if drawn and "image" in options.views else None
        chosen = Views(image=image, vector="vector" in options.views, text="text" in options.views)
        lacks = [
            name
            for name, has in (
                ("image", bool(spec.image_sizes)),
                ("vector", spec.vector_shape is not None),
                ("text", spec.text),
            )
            if name in options.views and not has
        ]
        if lacks:
            raise InputError(f"--view {lacks[0]}: {spec.id} has no such view")
    if chosen.image is None:
        return chosen
    if options.size is None and len(sizes) > 1:
        words = ", ".join(f"{height}x{width}" for height, width in sizes)
        raise InputError(f"the operators were given pictures of {words} in {spec.id}: choose one of them with --size")
    if options.size is not None:
        if options.size not in spec.image_sizes:
            words = ", ".join(f"{height}x{width}" for height, width in spec.image_sizes)
            height, width = options.size
            raise InputError(f"--size {height}x{width}: {spec.id} draws seats' pictures at {words}")
        chosen = Views(image=options.size, vector=chosen.vector, text=chosen.text)
    return chosen


def slugs(names: Sequence[str]) -> list[str]:
    """A name for files for each of these names, all different."""
    out: list[str] = []
    for name in names:
        slug = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "game"
        out.append(slug if slug not in out else f"{slug}-{len(out)}")
    return out
