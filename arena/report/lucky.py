"""Scores without the luck of the cards, and what best responses win, as analysis.json has them."""

from __future__ import annotations

from arena.analysis.exact import Exploitability
from arena.analysis.summary import Analysis, GameAnalysis, Interval
from arena.figures import NO_INTERVAL, number
from arena.report.html import Html, figure, section, table, tag
from arena.report.ranked import FILE

NOTE = (
    "Without luck: the score less what chance gave beside its mean, which has the mean of the score. Exploitability: "
    "what a best response wins a hand; learnt of half of the matches it is too low in the mean, learnt of all too high."
)


def lucky(analysis: Analysis | None) -> Html:
    """A table a game; nothing where no game has these numbers, or nobody asked for them."""
    games = [] if analysis is None else list(enumerate(analysis.games))
    parts = [
        table(
            f"{game.game}: in {game.unit.rstrip('.')}", ["operator", "without luck", "exploitability"], _rows(at, game)
        )
        for at, game in games
        if any(one.without_luck or one.exploitability for one in game.standings)
    ]
    if not parts:
        return Html("")
    return section("Luck and best responses", "luck", *parts, tag("p", NOTE, class_="note"))


def _rows(at: int, game: GameAnalysis) -> list[list[object]]:
    path = f"{FILE}:games.{at}.standings"
    return [
        [
            one.operator,
            _interval(f"{path}.{slot}.without_luck", one.without_luck),
            _exploited(f"{path}.{slot}.exploitability", one.exploitability),
        ]
        for slot, one in enumerate(game.standings)
    ]


def _interval(path: str, one: Interval | None) -> object:
    if one is None:
        return "-"
    value = figure(f"{path}.value", one.value, number(one.value))
    if one.low is None or one.high is None:
        return Html(f"{value} ({NO_INTERVAL})")
    low, high = (figure(f"{path}.{end}", bound, number(bound)) for end, bound in (("low", one.low), ("high", one.high)))
    return Html(f"{value} ({low} to {high})")


def _exploited(path: str, one: Exploitability | None) -> object:
    if one is None:
        return "-"
    value = figure(f"{path}.value", one.value, number(one.value))
    if one.exact:
        return Html(f"{value}, exact")
    held_out = figure(f"{path}.held_out", one.held_out, number(one.held_out))
    return Html(f"{held_out} to {value}; {one.unseen} of {one.states} states unseen, {one.decisions} decisions")
