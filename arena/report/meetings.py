"""Who did how well against whom, as a section of the page: a matrix a game."""

from __future__ import annotations

import math

import numpy as np

from arena.analysis.designs import Pairs, pairs
from arena.analysis.outcomes import Outcomes
from arena.evaluate.intervals import t975
from arena.figures import number, span
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
    for index, game in enumerate(outcomes.games):
        found = pairs(outcomes.of_game(index))
        if len(found.matches):
            parts.append(_matrix(game.name, outcomes.operators, found))
    if not parts:
        return Html("")
    notes = [NOTE]
    if twins is not None:
        one, two = (outcomes.operators[slot] for slot in twins)
        notes.insert(0, f"{one} and {two} are one operator that sat there twice: they show how different equals look.")
    return section("Head to head", "meetings", *parts, paragraphs(notes, "note"))


def _matrix(game: str, operators: tuple[str, ...], found: Pairs) -> Html:
    cells: dict[tuple[int, int], Html] = {}
    for at in range(len(found.matches)):
        one, two = int(found.one[at]), int(found.two[at])
        cells[one, two] = _cell(found, at, 1)
        cells[two, one] = _cell(found, at, -1)
    met = sorted({slot for pair in cells for slot in pair})[:MOST]
    rows = [[operators[one], *(cells.get((one, two), "") for two in met)] for one in met]
    caption = f"{game}: difference of mean returns"
    if len(met) == MOST < len(np.unique(np.concatenate([found.one, found.two]))):
        caption += f", of the first {MOST} operators"
    return table(caption, ["", *(operators[two] for two in met)], rows, "matrix")


def _cell(found: Pairs, at: int, sign: int) -> Html:
    mean, error, blocks = sign * float(found.difference[at]), float(found.error[at]), int(found.blocks[at])
    wins, losses = (found.wins, found.losses) if sign > 0 else (found.losses, found.wins)
    lines = [number(mean)]
    way = None
    if math.isfinite(error) and error > 0:
        low, high = mean - t975(blocks - 1) * error, mean + t975(blocks - 1) * error
        lines.append(span(low, high).replace("..", " to "))
        way = "up" if low > 0 else "down" if high < 0 else None
    lines.append(f"{wins[at]} / {found.ties[at]} / {losses[at]}")
    inner = Html("<br>".join(lines))
    mark = {"up": "▲ ", "down": "▼ "}.get(way or "", "")
    return tag("span", mark, inner, data_way=way, class_="met")
