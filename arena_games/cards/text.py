"""Text as sprites, in the bundled font, so that every machine draws the same."""

from functools import lru_cache
from importlib.resources import files

from PIL import Image, ImageDraw, ImageFont


@lru_cache(maxsize=128)
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans at `size` pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = files("arena_games.cards").joinpath("font", name)
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def text(string: str, size: int, colour: str = "#ffffff", bold: bool = False) -> Image.Image:
    """RGBA sprite of `string`, as wide as its ink, as high as a line's digits and capitals need."""
    face = font(size, bold)
    left, _, right, _ = map(int, face.getbbox(string or " "))
    _, top, _, bottom = map(int, face.getbbox("Agj|0"))
    out = Image.new("RGBA", (max(1, right - left), max(1, bottom - top)), colour[:7] + "00")
    ImageDraw.Draw(out).text((-left, -top), string, font=face, fill=colour)
    return out


@lru_cache(maxsize=256)
def glyph(char: str, width: int, height: int, colour: str, bold: bool = True) -> Image.Image:
    """RGBA sprite of one glyph scaled so that its ink fills at most (width, height)."""
    face = font(200, bold)
    left, top, right, bottom = map(int, face.getbbox(char))
    ink = Image.new("L", (right - left, bottom - top), 0)
    ImageDraw.Draw(ink).text((-left, -top), char, font=face, fill=255)
    scale = min(width / ink.width, height / ink.height)
    size = (max(1, round(ink.width * scale)), max(1, round(ink.height * scale)))
    ink = ink.resize(size, Image.Resampling.LANCZOS)
    out = Image.new("RGBA", size, colour)
    out.putalpha(ink)
    return out
