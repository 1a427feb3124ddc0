"""How operators behaved (arena/analysis/behaviour.py), as a section of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arena.analysis.behaviour import Behaviour, Curve, GameBehaviour, Quantiles
from arena.figures import duration, plural
from arena.report.html import Html, section, table, tag
from arena.report.plot import Line, lines

MOST_ACTIONS = 8  # of an operator, the most frequent ones
MOST_PAIRS = 30


def behaved(found: Sequence[GameBehaviour], names: Mapping[int, Sequence[str]], *, times: bool) -> Html:
    """names: of the actions, by the game's place in the plan, where they are known. times: of the answers, too."""
    parts: list[Html] = []
    for index, game in enumerate(found):
        if not game.rows:
            continue
        heads = ["operator", "turns", "what it chose", "thought", "same again", *["a turn (median, 90%)"] * times]
        rows = [_row(row, names.get(index, ()), times) for row in game.rows]
        parts.append(table(f"{game.game}: answers", heads, rows, "words"))
        parts += _curves(game.curves)
        parts += _pairs(game)
    if not parts:
        return Html("")
    note = (
        "Same again: of the questions that it had answered before, how many it answered as the first time. Thought: "
        "mean characters, over turns that have one."
    )
    return section("Behaviour", "behaviour", *parts, tag("p", note, class_="note"))


def _row(row: Behaviour, names: Sequence[str], times: bool) -> list[object]:
    thought = "-" if row.thought is None else f"{row.thought.mean:.0f}"
    again = f"{row.same_again} of {row.repeated}" if row.repeated else "-"
    return [row.operator, row.turns, _actions(row, names), thought, again, *[_seconds(row.seconds)] * times]


def _actions(row: Behaviour, names: Sequence[str]) -> Html:
    total = sum(row.actions.values())
    most = sorted(row.actions.items(), key=lambda one: (-one[1], one[0]))
    told = [
        f"{names[action] if action < len(names) else f'action {action}'} {count / total:.0%}"
        for action, count in most[:MOST_ACTIONS]
    ]
    more = [f"and {len(most) - MOST_ACTIONS} more"] if len(most) > MOST_ACTIONS else []
    return tag("div", ", ".join([*told, *more]) or "-", class_="wider")


def _seconds(found: Quantiles | None) -> str:
    return "-" if found is None else f"{duration(found.p50)}, {duration(found.p90)}"


def _curves(curves: Sequence[Curve]) -> list[Html]:
    if not curves:
        return []
    shown = [
        Line(f"{one.operator} ({plural(one.matches, 'match', 'matches')})", one.rewards, one.every) for one in curves
    ]
    return [lines(shown, "Mean reward so far", "tick")]


def _pairs(game: GameBehaviour) -> list[Html]:
    if not game.pairs:
        return []
    pairs = sorted(game.pairs, key=lambda pair: -pair.questions)[:MOST_PAIRS]
    rows = [
        [
            f"{one.one} and {one.two}",
            one.questions,
            f"{one.same / one.questions:.1%}",
            f"{one.low:.1%} to {one.high:.1%}",
        ]
        for one in pairs
    ]
    return [
        table(f"{game.game}: agreement on the same questions", ["who", "questions", "the same", "95% interval"], rows)
    ]
