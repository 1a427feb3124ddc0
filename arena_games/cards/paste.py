"""Putting sprites into pictures."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter

_X = {"l": 0.0, "m": 0.5, "r": 1.0}
_Y = {"t": 0.0, "m": 0.5, "b": 1.0}


def put(picture: Image.Image, sprite: Image.Image, x: float, y: float, anchor: str = "mm") -> None:
    """Paste `sprite` with its transparency; `anchor` is l|m|r then t|m|b: which point of it lies at (x, y)."""
    at = (round(x - _X[anchor[0]] * sprite.width), round(y - _Y[anchor[1]] * sprite.height))
    picture.paste(sprite, at, sprite)


def dim(sprite: Image.Image, alpha: float) -> Image.Image:
    """A copy of an RGBA sprite with its opacity multiplied by `alpha`."""
    out = sprite.copy()
    out.putalpha(sprite.getchannel("A").point([round(value * alpha) for value in range(256)]))
    return out


@lru_cache(maxsize=64)
def soft_shadow(height: int, width: int, radius: int, blur: int) -> Image.Image:
    """RGBA sprite: the shadow of a rounded box, `blur` pixels larger on each side."""
    mask = Image.new("L", (width + 2 * blur, height + 2 * blur), 0)
    ImageDraw.Draw(mask).rounded_rectangle((blur, blur, blur + width - 1, blur + height - 1), radius, fill=120)
    out = Image.new("RGBA", mask.size, "#000000")
    out.putalpha(mask.filter(ImageFilter.GaussianBlur(blur / 2)))
    return out
