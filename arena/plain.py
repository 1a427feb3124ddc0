"""Defaults for a game without drawings or prompts: its text on a sheet, and a prompt for any model.

They are enough to watch the game and to prompt a model; drawings and prompts made for the game are better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

SIZES = (26, 21, 17, 14, 11, 9)  # font sizes in pixels; the first that fits is used
PAPER, INK = (248, 246, 240), (30, 30, 34)
PROMPT = """\
You play a game and want to win it.

{rules}

You are told below what you may know now. The picture, if there is one, shows the same moment.
An action is written so: {answer_format}.

{layout}

{text}

It is your turn. Which of the legal actions do you choose: {legal}? End with the line that begins with Answer:"""


def words(summary: str, actions: Sequence[str], seats: Iterable[tuple[Sequence[int], str | None]]) -> list[str]:
    """The lines of the sheet: `actions` are names, and each of `seats` is (legal actions, the seat's text view)."""
    out = [summary]
    for seat, (legal, text) in enumerate(seats):
        due = ", ".join(actions[action] for action in legal)
        out += ["", f"Seat {seat}" + (f", to act: {due}" if due else ""), *(text or "").splitlines()]
    return out


def sheet(lines: Sequence[str], height: int, width: int) -> npt.NDArray[np.uint8]:
    """`lines`, as large as they fit, wrapped at `width`; what does not fit at the smallest size is cut off."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    for size in SIZES:
        font = ImageFont.load_default(size)
        wrapped = [part for line in lines for part in _wrap(line, font, width - size)]
        if len(wrapped) * size * 1.3 + size <= height:
            break
    paper = Pillow.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(paper)
    for number, line in enumerate(wrapped):
        pen.text((size / 2, size / 2 + number * size * 1.3), line, INK, font)
    return np.array(paper)


def _wrap(line: str, font: FreeTypeFont | ImageFont, width: int) -> list[str]:
    out = [""]
    for word in line.split(" "):
        longer = f"{out[-1]} {word}" if out[-1] else word
        if out[-1] and font.getlength(longer) > width:
            out.append(word)
        else:
            out[-1] = longer
    return out
