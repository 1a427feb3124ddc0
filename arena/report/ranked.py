"""The ratings of an evaluation, as its analysis.json has them."""

from __future__ import annotations

from collections.abc import Sequence

from arena.analysis.summary import Analysis, Interval, Standing
from arena.figures import NO_INTERVAL, signed
from arena.report.html import Html, figure, paragraphs, section, table, tag
from arena.report.plot import Mark, intervals

FILE = "analysis"


def ranked(analysis: Analysis | None) -> Html:
    """Ratings and sets of ranks, a table a game and one over all; nothing for a run without them."""
    if analysis is None or "ratings" not in analysis.metrics:
        return Html("")
    parts: list[Html] = [
        paragraphs(
            [
                f"Bradley-Terry with ties and seats, in Elo points; {analysis.scale}. Intervals are of 95%, by blocks "
                "drawn again. Possible ranks leave out what differences rule out, corrected for their number (Holm)."
            ],
            "note",
        )
    ]
    overall = analysis.overall
    if overall is not None:
        parts.append(tag("h3", "Over all games, each with equal weight"))
        parts += _ratings(overall.standings, overall.unrated, "overall.standings", analysis, ranks=False)
    for at, game in enumerate(analysis.games):
        parts.append(tag("h3", game.game))
        parts += _ratings(game.standings, game.unrated, f"games.{at}.standings", analysis, ranks=True)
        if game.separated is not None:
            parts.append(paragraphs([game.separated], "note"))
    return section("Ratings", "ratings", *parts)


def _ratings(
    standings: Sequence[Standing], unrated: str | None, path: str, analysis: Analysis, *, ranks: bool
) -> list[Html]:
    if unrated is not None:
        return [tag("p", unrated)]
    rated = [(at, one, one.rating) for at, one in enumerate(standings) if one.rating is not None]
    rated.sort(key=lambda found: -found[2].value)
    twin = analysis.twins[1] if analysis.twins is not None else None
    names = [f"{one.operator} (twin)" if one.operator == twin else one.operator for _, one, _ in rated]
    marks = [
        Mark(name, rating.value, rating.low, rating.high, _told(rating))
        for name, (_, _, rating) in zip(names, rated, strict=True)
    ]
    rows: list[list[object]] = []
    for name, (at, one, rating) in zip(names, rated, strict=True):
        where = f"{FILE}:{path}.{at}.rating"
        row: list[object] = [name, figure(f"{where}.value", rating.value, signed(rating.value, 0))]
        row.append(_bounds(where, rating))
        if ranks:
            row.append("" if one.ranks is None else " to ".join(str(rank) for rank in dict.fromkeys(one.ranks)))
        rows.append(row)
    heads = ["operator", "rating", "95% interval", *["possible ranks"] * ranks]
    return [intervals(marks, "Rating and 95% interval", "Elo points"), table("Ratings", heads, rows)]


def _told(rating: Interval) -> str:
    if rating.low is None or rating.high is None:
        return f"{signed(rating.value, 0)} ({NO_INTERVAL})"
    return f"{signed(rating.value, 0)} ({signed(rating.low, 0)} to {signed(rating.high, 0)})"


def _bounds(where: str, rating: Interval) -> object:
    if rating.low is None or rating.high is None:
        return NO_INTERVAL
    low, high = (
        figure(f"{where}.{end}", value, signed(value, 0)) for end, value in (("low", rating.low), ("high", rating.high))
    )
    return Html(f"{low} to {high}")
