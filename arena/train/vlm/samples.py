"""A page of turns of an update: what was seen, asked, thought and done, and what the trainer made of it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import NamedTuple

import numpy as np
from PIL import Image as Pictures

from arena.game import Image
from arena.prompts import MARK
from arena.train.lesson import Truth
from arena.train.vlm.advantages import Array
from arena.train.vlm.rows import Row, Tokens

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 1rem auto; max-width: 62rem; padding: 0 1rem }
article { display: grid; grid-template-columns: 16rem 1fr; gap: 1rem; border-top: 1px solid #8888; padding: 1rem 0 }
img { width: 100%; image-rendering: pixelated }
pre { white-space: pre-wrap; margin: 0 0 .6rem; overflow-wrap: anywhere }
small { font-size: .85em; opacity: .5 }
h2 { font-size: 1rem; margin: 0 0 .4rem }
@media (max-width: 40rem) { article { grid-template-columns: 1fr } }
"""
PICTURE = "[picture] "  # in place of a picture's tokens


class Piece(NamedTuple):
    """A part of a text."""

    text: str
    special: bool = False  # tokens that stand for no text, by their names


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn, as it is shown."""

    title: str  # where it was played
    pictures: tuple[Image, ...]  # uint8 (height, width, 3) each
    texts: dict[str, tuple[Piece, ...]]  # by name: the prompt, what was written, what would have been true
    facts: str  # reward, advantage, ...


def samples(
    rows: Sequence[Row],
    advantages: Sequence[Array],
    images: Mapping[str, Image],
    tokens: Tokens,
    truths: Mapping[str, Truth],
    count: int,
    chance: np.random.Generator,
) -> list[Sample]:
    """Of so many turns: a third with the highest advantages, a third with the lowest, the rest by chance."""
    places = [at for at, row in enumerate(rows) if len(row.response)]
    by_size = sorted(places, key=lambda at: (-float(advantages[at][-1]), at))
    third = count // 3
    ends = [*by_size[:third], *by_size[len(by_size) - third :]] if len(by_size) >= 2 * third else by_size
    rest = [at for at in places if at not in ends]
    more = chance.choice(len(rest), min(count - len(ends), len(rest)), replace=False) if rest else ()
    chosen = list(dict.fromkeys([*ends, *(rest[int(at)] for at in more)]))[:count]
    return [_sample(rows[at], float(advantages[at][-1]), images, tokens, truths) for at in chosen]


def page(update: int, shown: Sequence[Sample]) -> str:
    """One HTML file, pictures within."""
    articles = "\n".join(map(_article, shown))
    head = f"<!doctype html><meta charset=utf-8><title>Turns of update {update}</title><style>{STYLE}</style>"
    return f'{head}<meta name=viewport content="width=device-width"><h1>Turns of update {update}</h1>\n{articles}\n'


def markdown(sample: Sample) -> str:
    """The same without its pictures, and without special tokens."""
    plain = {name: "".join(one.text for one in text if not one.special) for name, text in sample.texts.items()}
    texts = "\n\n".join(f"**{name}**\n\n```\n{text}\n```" for name, text in plain.items())
    return f"{sample.title}: {sample.facts}\n\n{texts}"


def _sample(
    row: Row, advantage: float, images: Mapping[str, Image], tokens: Tokens, truths: Mapping[str, Truth]
) -> Sample:
    written = tokens.text(row.response.tolist())
    texts = {
        "prompt": tuple(_prompt(row, tokens)),
        "written": tuple(_pieces(row.response.tolist(), tokens)),
    }
    if row.state is not None and row.game in truths:
        texts["true"] = (Piece(truths[row.game](row.state, written.rpartition(MARK)[2].strip())),)
    end = "done" if row.done else "cut" if row.truncated else ""
    facts = [f"reward {row.reward:.4g}", f"advantage {advantage:+.3g}", "" if row.parsed else "unparsed", end]
    facts += [f"mean log-probability {float(row.mu.mean()):.3g}", f"weights {row.version}"]
    return Sample(
        title=f"{row.game}, match {row.episode}, {row.role}, turn {row.turn}",
        pictures=tuple(images[name] for name in row.images),
        texts=texts,
        facts=", ".join(filter(None, facts)),
    )


def _prompt(row: Row, tokens: Tokens) -> Iterator[Piece]:
    """A prompt, with one mark for each picture and the special tokens around it."""
    ids, at = row.prompt.tolist(), 0
    for first, length in row.spans:
        end = first + length
        while first > at and ids[first - 1] in tokens.special:
            first -= 1
        yield from _pieces(ids[at:first], tokens)
        yield Piece(PICTURE)
        while end < len(ids) and ids[end] in tokens.special and ids[end] != tokens.image:
            end += 1
        at = end
    yield from _pieces(ids[at:], tokens)


def _pieces(ids: Sequence[int], tokens: Tokens) -> Iterator[Piece]:
    for special, run in groupby(ids, tokens.special.__contains__):
        if text := tokens.text(list(run)):
            yield Piece(text, special)


def _article(sample: Sample) -> str:
    pictures = "".join(f'<img alt="what was seen" src="{_url(one)}">' for one in sample.pictures)
    texts = "".join(
        f"<b>{escape(name)}</b><pre>{''.join(map(_piece, text))}</pre>" for name, text in sample.texts.items()
    )
    facts = f"<h2>{escape(sample.title)}</h2><p>{escape(sample.facts)}</p>"
    return f"<article><div>{pictures}</div><div>{facts}{texts}</div></article>"


def _piece(piece: Piece) -> str:
    return f"<small>{escape(piece.text)}</small>" if piece.special else escape(piece.text)


def _url(image: Image) -> str:
    out = io.BytesIO()
    Pictures.fromarray(image).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
