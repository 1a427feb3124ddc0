"""The picture of a small poker game: one card a player, perhaps one card on the board, chips in front of players."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from arena.game import Image as Pixels
from arena_games.cards.faces import card_back, card_face, card_width
from arena_games.cards.paste import dim, put
from arena_games.cards.table import chip, felt, oval_table
from arena_games.cards.text import text

GOLD = "#ffd34d"
SMALL = 128 * 128  # pixels of pictures that are kept, 25 MB at most: the same few scenes come in match after match


@dataclass(frozen=True, slots=True)
class Player:
    """One player as drawn."""

    name: str
    card: str | None  # a rank, or None for its back
    bet: int  # chips put in
    due: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of a picture. `players[0]` sits at the bottom, the others clockwise from the left."""

    players: tuple[Player, ...]
    pot: int
    board: str | None  # a rank, "" before the board card is dealt, None in a game without a board
    title: str


def picture(scene: Scene, height: int, width: int) -> Pixels:
    """uint8 (height, width, 3), a new array."""
    if height * width > SMALL:
        return _drawn(scene, height, width)
    return _kept(replace(scene, title=""), height, width).copy()  # its title is not drawn, and is new in every hand


@lru_cache(maxsize=512)
def _kept(scene: Scene, height: int, width: int) -> Pixels:
    return _drawn(scene, height, width)


def _drawn(scene: Scene, height: int, width: int) -> Pixels:
    unit = min(height, width) / 128  # every size below is in pixels of the 128x128 picture
    out = _ground(height, width).copy()
    _middle(out, scene, unit)
    wide = _wide(height, width)  # on an oval table with rails everything is a little nearer to the middle
    if wide:
        put(out, text(scene.title, round(4.5 * unit), "#aeb6c2"), 4 * unit, height - 3 * unit, "lb")
    far = 0.205 if wide else 0.15
    columns = (0.5,) if len(scene.players) == 2 else (0.31, 0.6) if wide else (0.16, 0.64)
    for player, x in zip(scene.players[1:], columns, strict=True):
        _player(out, player, x * width, far * height, (24 if wide else 32) * unit, unit, len(columns) > 1)
    size = (34 if wide else 42) * unit
    _player(out, scene.players[0], 0.5 * width, (0.74 if wide else 0.81) * height, size, unit, False)
    return np.array(out)


def _wide(height: int, width: int) -> bool:
    return height >= 200 and width > 1.3 * height


def _middle(out: Image.Image, scene: Scene, unit: float) -> None:
    x, y = out.width / 2, 0.465 * out.height
    if scene.board is not None:
        size = round((26 if _wide(*out.size[::-1]) else 34) * unit)
        put(out, card_face(scene.board, size) if scene.board else _place(size), x, y)
        x -= 38 * unit
    put(out, text("pot", round(9 * unit), "#d7e6dc"), x, y - 8 * unit)
    _chips(out, scene.pot, x, y + 5 * unit, unit)


def _player(out: Image.Image, player: Player, x: float, y: float, size: float, unit: float, narrow: bool) -> None:
    """The card with its middle at (x, y), chips to its right, the name to its left or, if `narrow`, over the chips."""
    height = round(size)
    if player.due:
        put(out, _ring(height + round(5 * unit), unit), x, y)
    put(out, _card(player.card, height, player.folded), x, y)
    side = card_width(height) / 2 + 5 * unit
    name = text(player.name, round(9 * unit), GOLD if player.due else "#ffffff", True)
    if narrow:
        put(out, name, x + side, y - 7 * unit, "lm")
        _chips(out, player.bet, x + side + 11 * unit, y + 7 * unit, unit)
    else:
        put(out, name, x - side, y, "rm")
        _chips(out, player.bet, x + side + 12 * unit, y, unit)


def _chips(out: Image.Image, amount: int, x: float, y: float, unit: float) -> None:
    put(out, chip(round(11 * unit), "#c8202f"), x - 7 * unit, y)
    put(out, text(str(amount), round(12 * unit), "#ffffff", True), x + unit, y, "lm")


@lru_cache(maxsize=32)
def _ground(height: int, width: int) -> Image.Image:
    if not _wide(height, width):
        return felt(height, width)
    margin = round(height * 0.035)
    return oval_table(height, width, (margin, margin, width - margin, height - margin))


@lru_cache(maxsize=256)
def _card(card: str | None, height: int, folded: bool) -> Image.Image:
    sprite = card_back(height) if card is None else card_face(card, height)
    return dim(sprite, 0.3) if folded else sprite


@lru_cache(maxsize=32)
def _place(height: int) -> Image.Image:
    """Where the board card will lie."""
    k = 4
    width = card_width(height)
    out = Image.new("RGBA", (width * k, height * k), "#cfe8d800")
    box = (k, k, width * k - 1 - k, height * k - 1 - k)
    line = max(k, height * k // 40)
    ImageDraw.Draw(out).rounded_rectangle(box, round(height * k * 0.085), outline="#cfe8d877", width=line)
    return out.resize((width, height), Image.Resampling.LANCZOS)


@lru_cache(maxsize=32)
def _ring(height: int, unit: float) -> Image.Image:
    """Draws the ring under the card of the player whose turn it is."""
    k = 4
    width = card_width(height) + round(unit)
    out = Image.new("RGBA", (width * k, height * k), GOLD + "00")
    box = (0, 0, width * k - 1, height * k - 1)
    ImageDraw.Draw(out).rounded_rectangle(box, round(height * k * 0.1), fill=GOLD)
    return out.resize((width, height), Image.Resampling.LANCZOS)
