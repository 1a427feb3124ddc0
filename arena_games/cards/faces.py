"""Faces and backs of playing cards: four suits in four colours and four shapes."""

from functools import lru_cache

from PIL import Image, ImageDraw

from arena_games.cards.paste import put
from arena_games.cards.text import glyph

COLOURS = {"s": "#17181c", "h": "#d41f30", "d": "#1a5fd6", "c": "#138a3e", "": "#3b2a86"}
PIPS = {"s": "♠", "h": "♥", "d": "♦", "c": "♣"}
SMALL = 60  # below this height a card shows one rank and one pip, as large as they fit
_PAPER = "#fbfaf5"


def card_width(height: int) -> int:
    """Width in pixels of a card of this height."""
    return max(3, round(height * 0.7))


@lru_cache(maxsize=1024)
def card_face(name: str, height: int) -> Image.Image:
    """RGBA sprite (height, card_width(height)) of "Kh", or of a bare rank such as "K" in a game without suits."""
    rank, suit = name[0], name[1:]
    if suit and suit not in PIPS:
        raise ValueError(f"{name!r} is not a card: expected a rank and one of the suits {', '.join(PIPS)}, e.g. 'Kh'")
    return _small_face(rank, suit, height) if height < SMALL else _large_face(rank, suit, height)


def _paper(height: int, fill: str, edge: str) -> Image.Image:
    """A blank rounded card, drawn four times larger and reduced."""
    width, k = card_width(height), 4
    out = Image.new("RGBA", (width * k, height * k), fill[:7] + "00")
    line = max(k * 3 // 4, round(height * k * 0.008))
    box = (0, 0, width * k - 1, height * k - 1)
    ImageDraw.Draw(out).rounded_rectangle(box, round(height * k * 0.085), fill=fill, outline=edge, width=line)
    return out.resize((width, height), Image.Resampling.LANCZOS)


def _small_face(rank: str, suit: str, height: int) -> Image.Image:
    out = _paper(height, _PAPER, "#6d6a5f")
    width, colour = out.width, COLOURS[suit]
    if not suit:
        put(out, glyph(rank, round(width * 0.72), round(height * 0.7), colour), width / 2, height / 2)
        return out
    put(out, glyph(rank, round(width * 0.74), round(height * 0.46), colour), width / 2, height * 0.29)
    put(out, glyph(PIPS[suit], round(width * 0.66), round(height * 0.39), colour, False), width / 2, height * 0.76)
    return out


def _large_face(rank: str, suit: str, height: int) -> Image.Image:
    out = _paper(height, _PAPER, "#8d8a7f")
    width, colour = out.width, COLOURS[suit]
    shown = "10" if rank == "T" else rank
    if not suit:
        put(out, glyph(shown, round(width * 0.6), round(height * 0.5), colour), width / 2, height / 2)
        return out
    index = round(height * 0.27)
    corner = glyph(shown, round(width * 0.4), index, colour)
    if rank == "T":  # two digits, drawn narrower so that they are as high as the other ranks
        corner = glyph(shown, width * 2, index, colour).resize((round(width * 0.45), round(index * 0.94)))
    put(out, corner, width * 0.28, height * 0.22)
    put(out, glyph(PIPS[suit], round(width * 0.27), round(height * 0.17), colour, False), width * 0.28, height * 0.49)
    put(out, glyph(PIPS[suit], round(width * 0.58), round(height * 0.42), colour, False), width * 0.64, height * 0.74)
    return out


@lru_cache(maxsize=64)
def card_back(height: int) -> Image.Image:
    """RGBA sprite of a face-down card."""
    out = _paper(height, _PAPER, "#6d6a5f")
    width, k = out.width, 4
    inner = Image.new("RGBA", (width * k, height * k), "#24407a00")
    pen, margin = ImageDraw.Draw(inner), round(height * k * 0.055)
    pen.rounded_rectangle((0, 0, width * k - 1, height * k - 1), round(height * k * 0.05), fill="#24407a")
    pitch = max(6 * k // 2, round(height * k * 0.085))
    for start in range(-height * k, (width + height) * k, pitch):
        pen.line((start, 0, start + height * k, height * k), fill="#5f82c9", width=max(2, pitch // 7))
        pen.line((start, height * k, start + height * k, 0), fill="#5f82c9", width=max(2, pitch // 7))
    mask = Image.new("L", inner.size, 0)
    box = (margin, margin, width * k - 1 - margin, height * k - 1 - margin)
    ImageDraw.Draw(mask).rounded_rectangle(box, round(height * k * 0.05), fill=255)
    inner = inner.resize(out.size, Image.Resampling.LANCZOS)
    out.paste(inner, (0, 0), mask.resize(out.size, Image.Resampling.LANCZOS))
    return out
