"""The interquartile means over games, and how often each does better than each other, as analysis.json has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arena.analysis.summary import Analysis, Interval, Overall
from arena.figures import NO_INTERVAL, number, share
from arena.report.html import Html, figure, paragraphs, section, table
from arena.report.ranked import FILE

MOST = 60  # pairs of the table
MIDDLE = (
    "Interquartile mean: the mean of the middle half of the blocks of all games, each game with equal weight, of "
    "scores in which random has 0 and scripted has 1 at every game. A few extreme blocks do not move it."
)
REFUSED = (
    f"{NO_INTERVAL.capitalize()} where blocks cannot tell it: most line-ups met in one block alone, all blocks went "
    "the same, or scripted is not surely ahead of random. More blocks give one."
)
NO_MIDDLE = (
    "There is no interquartile mean: it needs random and scripted in the pool, scripted ahead at every game, and "
    "two blocks of each operator at every game."
)
CHANCES = (
    "How often the first of two does better than the second in a block, half of the equal ones counted, with 95% "
    "intervals: the probability of improvement. 50% is as good as the other. Over all games each game has equal weight."
)


def better(analysis: Analysis | None) -> Html:
    """A table of means over games, and one of pairs; nothing for a run without them."""
    if analysis is None:
        return Html("")
    parts = []
    if analysis.overall is not None and "middle" in analysis.metrics:
        parts.append(_middle(analysis.overall, [one.operator for one in analysis.games[0].standings]))
    if any(game.differences for game in analysis.games):
        parts.append(_chances(analysis))
    return section("Who does better", "better", *parts) if parts else Html("")


def _middle(overall: Overall, pool: Sequence[str]) -> Html:
    found = [(at, one) for at, one in enumerate(overall.middle) if one is not None]
    if not found:
        return paragraphs([NO_MIDDLE], "note")
    found.sort(key=lambda pair: -pair[1].value)
    rows = []
    for at, one in found:
        path = f"{FILE}:overall.middle.{at}"
        rows.append([pool[at], figure(f"{path}.value", one.value, number(one.value)), _bounds(path, one)])
    notes = [MIDDLE, *[REFUSED] * any(one.low is None for _, one in found)]
    heads = ["operator", "interquartile mean", "95% interval"]
    return Html(table("Interquartile means over all games", heads, rows) + paragraphs(notes, "note"))


def _bounds(path: str, one: Interval) -> object:
    if one.low is None or one.high is None:
        return NO_INTERVAL
    return Html(
        " to ".join(figure(f"{path}.{end}", of, number(of)) for end, of in (("low", one.low), ("high", one.high)))
    )


def _chances(analysis: Analysis) -> Html:
    """A row a pair, a column a game, and one over all."""
    columns: list[tuple[str, Mapping[tuple[str, str], Html]]] = []
    if analysis.overall is not None and analysis.overall.better:
        over = {
            (one.one, one.other): _chance(f"{FILE}:overall.better.{at}", "value", "", one.value, one.low, one.high)
            for at, one in enumerate(analysis.overall.better)
        }
        columns.append(("over all games", over))
    for at, game in enumerate(analysis.games):
        mine = {}
        for place, one in enumerate(game.differences):
            path = f"{FILE}:games.{at}.differences.{place}"
            if one.better is not None:
                found = _chance(path, "better", "better_", one.better, one.better_low, one.better_high)
                mine[one.one, one.other] = found
        columns.append((game.game, mine))
    pairs = list(dict.fromkeys(pair for _, cells in columns for pair in cells))
    rows = [[" against ".join(pair), *(cells.get(pair, "-") for _, cells in columns)] for pair in pairs[:MOST]]
    caption = "How often the first does better than the second"
    if len(pairs) > MOST:
        caption += f": {MOST} of {len(pairs)} pairs; all are in analysis.json"
    return Html(table(caption, ["pair", *(name for name, _ in columns)], rows) + paragraphs([CHANCES], "note"))


def _chance(path: str, value: str, ends: str, chance: float, low: float | None, high: float | None) -> Html:
    shown = figure(f"{path}.{value}", chance, share(chance) or "")
    if low is None or high is None:
        return Html(f"{shown} ({NO_INTERVAL})")
    least, most = (figure(f"{path}.{ends}{end}", of, share(of) or "") for end, of in (("low", low), ("high", high)))
    return Html(f"{shown} ({least} to {most})")
