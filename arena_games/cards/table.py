"""Tables, chips, buttons and name plates."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from arena_games.cards.paste import put
from arena_games.cards.text import glyph

CHIPS = ((100, "#23252b"), (50, "#7a3fb0"), (20, "#1a5fd6"), (10, "#c8202f"), (5, "#e8e4d8"))  # value, colour


def _felt_array(height: int, width: int, inner: tuple[int, int, int], outer: tuple[int, int, int]) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot((x / max(1, width - 1) - 0.5) * 1.5, (y / max(1, height - 1) - 0.45) * 1.5)[..., None]
    far = np.clip(far, 0, 1)
    mixed = np.array(inner, np.float32) * (1 - far) + np.array(outer, np.float32) * far
    return Image.fromarray(np.round(mixed).astype(np.uint8), "RGB")


@lru_cache(maxsize=32)
def felt(height: int, width: int) -> Image.Image:
    """RGB picture of plain felt, lighter in the middle. Copy it before drawing."""
    return _felt_array(height, width, (36, 112, 78), (14, 58, 42))


@lru_cache(maxsize=32)
def oval_table(height: int, width: int, box: tuple[int, int, int, int]) -> Image.Image:
    """RGB picture of a room with an oval table in `box` (left, top, right, bottom). Copy it before drawing."""
    out = _felt_array(height, width, (46, 50, 64), (17, 19, 27))
    left, top, right, bottom = box
    shadow = Image.new("L", (width, height), 0)
    rail = max(4, round((bottom - top) * 0.055))
    radius = (bottom - top) // 2
    grown = (left, top + rail, right, bottom + rail)
    ImageDraw.Draw(shadow).rounded_rectangle(grown, radius, fill=150)
    shadow = shadow.filter(ImageFilter.GaussianBlur(rail))
    out.paste(Image.new("RGB", out.size, "#000000"), (0, 0), shadow)
    wood = _gradient(height, width, (112, 70, 42), (58, 34, 21))
    out.paste(wood, (0, 0), _pill((width, height), box, radius))
    rim = (left + rail // 3, top + rail // 3, right - rail // 3, bottom - rail // 3)
    out.paste(_gradient(height, width, (74, 45, 28), (92, 57, 35)), (0, 0), _pill(out.size, rim, radius))
    cloth = (left + rail, top + rail, right - rail, bottom - rail)
    span = (cloth[3] - cloth[1] + 2, cloth[2] - cloth[0] + 2)
    layer = Image.new("RGB", out.size)
    layer.paste(_felt_array(*span, (44, 132, 92), (15, 66, 47)), (cloth[0] - 1, cloth[1] - 1))
    out.paste(layer, (0, 0), _pill(out.size, cloth, radius - rail))
    gap = round(rail * 1.6)
    line = (cloth[0] + gap, cloth[1] + gap, cloth[2] - gap, cloth[3] - gap)
    thin = max(1, rail // 9)
    inside = (line[0] + thin, line[1] + thin, line[2] - thin, line[3] - thin)
    ring = np.asarray(_pill(out.size, line, radius - rail - gap), np.int16) - np.asarray(
        _pill(out.size, inside, radius - rail - gap - thin), np.int16
    )
    ring_mask = Image.fromarray((np.clip(ring, 0, 255) * 0.35).astype(np.uint8), "L")
    out.paste(Image.new("RGB", out.size, "#d8f0dc"), (0, 0), ring_mask)
    return out


def _gradient(height: int, width: int, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    rows = np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share
    return Image.fromarray(np.broadcast_to(np.round(rows), (height, width, 3)).astype(np.uint8), "RGB")


def _pill(size: tuple[int, int], box: tuple[int, int, int, int], radius: int) -> Image.Image:
    k = 3
    mask = Image.new("L", (size[0] * k, size[1] * k), 0)
    ImageDraw.Draw(mask).rounded_rectangle([value * k for value in box], max(1, radius * k), fill=255)
    return mask.resize(size, Image.Resampling.LANCZOS)


@lru_cache(maxsize=64)
def chip(diameter: int, colour: str) -> Image.Image:
    """RGBA sprite of one chip seen from above."""
    k = 6
    size = diameter * k
    out = Image.new("RGBA", (size, size), colour[:7] + "00")
    pen = ImageDraw.Draw(out)
    light = "#2b2d33" if colour == "#e8e4d8" else "#f4f1e8"
    pen.ellipse((0, 0, size - 1, size - 1), fill=colour, outline="#101014", width=max(2, size // 24))
    for turn in range(6):
        start = turn * 60 - 12
        inset = size // 28
        pen.arc((inset, inset, size - 1 - inset, size - 1 - inset), start, start + 24, fill=light, width=size // 7)
    ring = size // 4
    pen.ellipse((ring, ring, size - 1 - ring, size - 1 - ring), outline=light, width=max(1, size // 28))
    return out.resize((diameter, diameter), Image.Resampling.LANCZOS)


@lru_cache(maxsize=256)
def chip_stack(amount: int, diameter: int) -> Image.Image:
    """RGBA sprite of a stack of chips worth `amount` (in 5s to 100s, at most seven shown), largest below."""
    colours: list[str] = []
    rest = amount
    for value, colour in CHIPS:
        colours += [colour] * (rest // value)
        rest %= value
    colours = colours[:7] or [CHIPS[-1][1]]
    lift = max(2, round(diameter * 0.17))
    flat = round(diameter * 0.62)
    out = Image.new("RGBA", (diameter, flat + lift * len(colours)), "#00000000")
    for level, colour in enumerate(colours):
        base = out.height - flat - lift * (level + 1)
        for side in range(lift, 0, -1):
            edge = chip(diameter, colour).resize((diameter, flat), Image.Resampling.LANCZOS)
            r, g, b, a = edge.split()
            shade = [round(value * 0.62) for value in range(256)]
            put(out, Image.merge("RGBA", (r.point(shade), g.point(shade), b.point(shade), a)), 0, base + side, "lt")
        put(out, chip(diameter, colour).resize((diameter, flat), Image.Resampling.LANCZOS), 0, base, "lt")
    return out


@lru_cache(maxsize=32)
def dealer_button(diameter: int) -> Image.Image:
    """RGBA sprite of the dealer button: a white disc with a D."""
    k = 6
    size = diameter * k
    out = Image.new("RGBA", (size, size), "#ffffff00")
    ImageDraw.Draw(out).ellipse((0, 0, size - 1, size - 1), fill="#fdf6d8", outline="#6b5a1e", width=max(k, size // 14))
    out = out.resize((diameter, diameter), Image.Resampling.LANCZOS)
    put(out, glyph("D", round(diameter * 0.58), round(diameter * 0.58), "#2a2208"), diameter / 2, diameter / 2)
    return out


@lru_cache(maxsize=128)
def plate(
    height: int, width: int, fill: str = "#12151dcc", outline: str = "#566070", rounding: float = 0.28
) -> Image.Image:
    """RGBA sprite of a rounded name plate; `rounding` is the corners' radius as a share of the height."""
    k = 4
    out = Image.new("RGBA", (width * k, height * k), fill[:7] + "00")
    box = (0, 0, width * k - 1, height * k - 1)
    pen = ImageDraw.Draw(out)
    line = max(k, round(min(height, 48) * k / 22))
    pen.rounded_rectangle(box, round(height * k * rounding), fill=fill, outline=outline, width=line)
    return out.resize((width, height), Image.Resampling.LANCZOS)
