"""The sprites. sprites.txt draws them in letters: each is a colour of `COLOURS`, a dot is transparent.

All are our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

# A pixel is one number, so that it is copied at once: RGBA in uint32, or, where only the grey picture is wanted, its
# luma + 256 in uint16. 0 is transparent.
Pixels = npt.NDArray[np.uint32] | npt.NDArray[np.uint16]

COLOURS = {
    "K": "#2a1a1f",  # outline
    "O": "#f08a34", "D": "#c25e1e", "W": "#fff3df",  # fox
    "B": "#3f7be0", "b": "#2a55a8",  # scarf
    "R": "#d8404c", "r": "#9c2438",  # beetle
    "G": "#63b84a", "g": "#3b8236", "y": "#d9ec8a",  # frog
    "S": "#d6a05c", "s": "#a86f3a", "P": "#f2d9a8", "p": "#cfa876",  # snail
    "U": "#5a4a78", "u": "#3a2f54", "V": "#b9a6e0",  # urchin
    "Y": "#ffd84a", "C": "#e2a020", "c": "#fff2a6", "N": "#8a5a1c",  # coin, box
    "w": "#ffffff",
}  # fmt: skip
SECOND = {"O": "#5aa7c8", "D": "#37799c", "B": "#e0554a", "b": "#a83a34"}  # the second runner's fur and scarf

POSES = ("stand", "run 0", "run 1", "run 2", "jump", "fall")
FOES = ("beetle", "snail", "frog", "urchin")
THINGS = ("coin 0", "coin 1", "coin 2", "box", "empty")


@lru_cache(maxsize=1)
def letters() -> dict[str, str]:
    """The drawings of sprites.txt by name."""
    text = files("arena_games.sidescroller").joinpath("sprites.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^\[(.+)\]\n((?:[^\[\n]+\n)+)", text, re.MULTILINE))


def rgba(colour: str) -> tuple[int, int, int, int]:
    """ "#rrggbb" as four numbers."""
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255)


def packed(picture: npt.NDArray[np.uint8]) -> Pixels:
    """(height, width, 4) as (height, width)."""
    return np.ascontiguousarray(picture).view(np.uint32)[..., 0]


def grey(picture: Pixels) -> Pixels:
    """Colours as luma, by the same sum as Pillow's mode L, so that both ways give the same picture."""
    red, green, blue, _ = np.moveaxis(picture.view(np.uint8).reshape(*picture.shape, 4).astype(np.uint32), -1, 0)
    luma = red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16
    return np.where(picture != 0, luma + 256, 0).astype(np.uint16)


def plain(picture: Pixels) -> Pixels:
    """Colours unchanged."""
    return picture


Ink = Callable[[Pixels], Pixels]
INKS: dict[bool, Ink] = {False: plain, True: grey}  # by whether a grey picture is wanted


def sprite(drawing: str, other: dict[str, str] | None = None) -> Pixels:
    """A drawing in letters; `other` replaces colours."""
    colours = {**COLOURS, **(other or {})}
    rows = drawing.strip("\n").split("\n")
    wide = max(map(len, rows))
    out = np.zeros((len(rows), wide, 4), np.uint8)
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            if letter != ".":
                out[y, x] = rgba(colours[letter])
    return packed(out)


def mirrored(pictures: dict[str, Pixels]) -> dict[tuple[str, bool], Pixels]:
    """Pictures by name and whether they look to the right: as drawn, or mirrored."""
    out: dict[tuple[str, bool], Pixels] = {}
    for name, picture in pictures.items():
        out[name, False] = picture
        out[name, True] = picture[:, ::-1].copy()
    return out


def runners(second: bool, ink: Ink) -> dict[tuple[str, bool], Pixels]:
    """Pictures by pose and whether they look to the left. All poses but one share the body and differ in the legs."""
    other, drawings = SECOND if second else None, letters()
    poses = {pose: ink(sprite(drawings["runner"] + drawings[f"runner {pose}"], other)) for pose in POSES}
    return mirrored({**poses, "dead": ink(sprite(drawings["dead"], other))})


def foes(ink: Ink) -> dict[tuple[str, bool], Pixels]:
    """Pictures by name and step (0, 1, flat), and whether they look to the right. An urchin is never flat."""
    drawings = {name: drawing for name, drawing in letters().items() if name.split()[0] in FOES}
    return mirrored({name: ink(sprite(drawing)) for name, drawing in drawings.items()})


def things(ink: Ink) -> dict[str, Pixels]:
    """The pictures of coins and boxes."""
    return {name: ink(sprite(letters()[name])) for name in THINGS}


def arrow(second: bool, ink: Ink) -> Pixels:
    """An arrow that points to the right."""
    return ink(sprite(letters()["arrow"], SECOND if second else None))
