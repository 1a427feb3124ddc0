"""Small parts of a page: escaped text, tables, and a value that says which number of results.json it shows."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from arena.text import printable


class Html(str):
    """Text that is HTML already. Any other is escaped."""

    __slots__ = ()


def said(text: object) -> Html:
    """Words of a game, an operator or a user, escaped and without characters that control anything."""
    return text if isinstance(text, Html) else Html(html.escape(printable(str(text), lines=True)))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element. `class_` and `data_path` are written as `class` and `data-path`; None leaves an attribute out."""
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    opened = "".join(f' {key}="{html.escape(str(value))}"' for key, value in named)
    return Html(f"<{name}{opened}>{''.join(map(said, children))}</{name}>")


def section(title: str, name: str, *children: object) -> Html:
    """A part of the page that links lead to."""
    return tag("section", tag("h2", title, id=f"{name}-title"), *children, id=name, aria_labelledby=f"{name}-title")


def paragraphs(sentences: Iterable[object], kind: str | None = None) -> Html:
    return Html("".join(tag("p", sentence, class_=kind) for sentence in sentences))


def table(caption: object, heads: Sequence[object], rows: Iterable[Sequence[object]], kind: str = "") -> Html:
    """A table whose first column names its rows, in a frame of its own that scrolls where the page is narrow."""
    top = tag("tr", *(tag("th", head, scope="col") for head in heads))
    body = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)) for first, *rest in rows]
    inner = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body), class_=kind or None)
    label = html.unescape(str(said(caption)))
    return tag("div", inner, class_="wide", role="region", tabindex="0", aria_label=label.split("<")[0])


def figure(path: str, value: float | int | None, text: str) -> Html:
    """A number of results.json, as `text`; `path` says where it stands there, e.g. `tables.0.rows.1.score`."""
    return tag("data", text, value="null" if value is None else repr(value), data_path=path)
