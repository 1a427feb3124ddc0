"""Who did how well against whom, as a section of the page: a matrix a game."""

from __future__ import annotations

from collections.abc import Sequence

from arena.analysis.differences import Difference, differences
from arena.analysis.outcomes import Outcomes
from arena.analysis.resample import Resampler
from arena.figures import NO_INTERVAL, number, span
from arena.record.given import titles
from arena.report.html import Html, paragraphs, section, table, tag

MOST = 30  # operators of a matrix
NOTE = (
    "Read it by rows: the mean return of the row's operator less that of the column's, over the matches in which both "
    "sat, with its 95% interval over blocks, and in how many of them it got more, as much, and less. Green and red "
    "mark intervals that leave 0 out, each taken alone: of twenty pairs of equals one is marked. Blocks that "
    "all agree, or one alone, give none."
)


def meetings(outcomes: Outcomes, twins: tuple[int, int] | None = None) -> Html:
    """Of every game where two operators met; nothing where none did. `twins`: of a PlanSpec."""
    parts = []
    for index, title in enumerate(titles(outcomes.games)):
        found = [one for one in differences(outcomes.of_game(index), Resampler(0)) if one.wins is not None]
        if found:
            parts.append(_matrix(title, outcomes.operators, found))
    if not parts:
        return Html("")
    notes = [NOTE]
    if twins is not None:
        one, two = (outcomes.operators[slot] for slot in twins)
        notes.insert(0, f"{one} and {two} are one operator that sat there twice: they show how different equals look.")
    return section("Head to head", "meetings", *parts, paragraphs(notes, "note"))


def _matrix(game: str, operators: tuple[str, ...], found: Sequence[Difference]) -> Html:
    cells: dict[tuple[str, str], Html] = {}
    for pair in found:
        cells[pair.one, pair.other] = _cell(pair, 1)
        cells[pair.other, pair.one] = _cell(pair, -1)
    every = [name for name in operators if any(name == one for one, _ in cells)]
    met = every[:MOST]
    rows = [[one, *(cells.get((one, two), "") for two in met)] for one in met]
    caption = f"{game}: difference of mean returns"
    if len(met) < len(every):
        caption += f", of the first {MOST} operators"
    return table(caption, ["", *met], rows, "matrix")


def _cell(pair: Difference, sign: int) -> Html:
    assert pair.difference is not None
    assert pair.wins is not None
    lines = [number(sign * pair.difference), NO_INTERVAL]
    way = None
    if pair.low is not None and pair.high is not None:
        low, high = sorted((sign * pair.low, sign * pair.high))
        lines[1] = span(low, high).replace("..", " to ")
        way = "up" if low > 0 else "down" if high < 0 else None
    won, lost = (pair.wins.hits, pair.losses)[::sign]
    lines.append(f"{won} / {pair.draws} / {lost}")
    inner = Html("<br>".join(lines))
    mark = {"up": "▲ ", "down": "▼ "}.get(way or "", "")
    return tag("span", mark, inner, data_way=way, class_="met")
