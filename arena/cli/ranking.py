"""Ranked tables of an analysis in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.analysis.exact import Exploitability
from arena.analysis.summary import Analysis, GameAnalysis, Interval, Overall, Standing
from arena.evaluate.metrics import EXACT
from arena.figures import NO_INTERVAL, counted, share, signed
from arena.text import printable

MOST = 12  # differences that are printed of a game


def print_ranking(analysis: Analysis, console: Console) -> None:
    """A table a game, best first, the differences that are sure, and the ratings over all games."""
    for game in analysis.games:
        _print_game(game, analysis, console)
    overall = analysis.overall
    if overall is not None:
        _print_better(overall, analysis, console)
    if overall is not None and overall.standings:
        table = _table("over all games")
        for one in sorted(overall.standings, key=_strength, reverse=True):
            index = [standing.operator for standing in overall.standings].index(one.operator)
            without = [ratings[index] for ratings in overall.without.values()]
            spread = f"{signed(min(without), 0)} to {signed(max(without), 0)}"
            table.add_row(_name(one.operator, analysis), _interval(one.rating, 0), spread)
        console.print(table)
        console.print("ratings: mean of the games, each with equal weight; with one game left out, lowest to highest")
    elif overall is not None and overall.unrated is not None and "ratings" in analysis.metrics:
        console.print(Text(f"over all games: {printable(overall.unrated)}"), soft_wrap=True)
    if any(game.seats for game in analysis.games):
        text = f"ratings in Elo points (Bradley-Terry with ties and seats), {analysis.scale}; intervals 95%"
        console.print(Text(printable(text)), soft_wrap=True)


def _print_better(overall: Overall, analysis: Analysis, console: Console) -> None:
    """Interquartile means over games, and who surely does better in most blocks."""
    found = {
        standing.operator: one
        for standing, one in zip(analysis.games[0].standings, overall.middle, strict=True)
        if one is not None
    }
    if found:
        table = _table("over all games: the middle half of the blocks")
        table.columns[1].header, table.columns[2].header = "interquartile mean", ""
        for name, one in sorted(found.items(), key=lambda pair: -pair[1].value):
            table.add_row(_name(name, analysis), _interval(one, 3))
        console.print(table)
        text = (
            "interquartile mean: the middle half of the blocks, random is 0 and scripted 1 at each game; intervals 95%"
        )
        if any(one.low is None for one in found.values()):
            text += f"; {NO_INTERVAL} where blocks cannot tell it: more blocks give one"
        console.print(Text(text), soft_wrap=True)
    sure = [pair for pair in overall.better if not pair.low <= 0.5 <= pair.high]
    for pair in sorted(sure, key=lambda pair: -abs(pair.value - 0.5))[:MOST]:
        ahead, behind, ends = pair.one, pair.other, (pair.value, pair.low, pair.high)
        if pair.value < 0.5:
            ahead, behind, ends = pair.other, pair.one, (1 - pair.value, 1 - pair.high, 1 - pair.low)
        value, low, high = (share(end) for end in ends)
        text = f"over all games {ahead} does better than {behind} in {value} of the blocks ({low} to {high})"
        console.print(Text(printable(text)), soft_wrap=True)


def _print_game(game: GameAnalysis, analysis: Analysis, console: Console) -> None:
    table = _table(game.game)
    table.columns[1].header = f"score ({counted(game.unit)})"
    rated, compared = ("ratings" in analysis.metrics, "differences" in analysis.metrics)
    table.columns[2].header = "rating" if rated else ""
    table.add_column("rank" if compared else "", justify="right")
    for one in sorted(game.standings, key=_strength, reverse=True):
        ranks = "" if one.ranks is None else "-".join(str(rank) for rank in dict.fromkeys(one.ranks))
        table.add_row(_name(one.operator, analysis), _interval(one.score, 3), _interval(one.rating, 0), ranks)
    console.print(table)
    _print_exact(game, analysis, console)
    if game.unrated is not None and rated:
        console.print(Text(printable(game.unrated)), soft_wrap=True)
    if game.separated is not None:
        console.print(Text(printable(game.separated)), soft_wrap=True)
    sure = [pair for pair in game.differences if pair.p_holm is not None and pair.p_holm < 0.05]
    for pair in sorted(sure, key=lambda pair: -abs(pair.difference or 0.0))[:MOST]:
        ahead, behind = (pair.one, pair.other) if (pair.difference or 0) > 0 else (pair.other, pair.one)
        low, high = sorted(abs(bound or 0.0) for bound in (pair.low, pair.high))
        words = f"{ahead} is ahead of {behind} by {abs(pair.difference or 0):.3f} ({low:.3f} to {high:.3f})"
        console.print(Text(f"{printable(words)}, p {pair.p_holm:.2g} after Holm"), soft_wrap=True)
    unsure = [pair.detectable for pair in game.differences if pair.detectable is not None]
    if unsure:
        least, most = min(unsure), max(unsure)
        text = f"differences that such a run finds in 80%: from {least:.3f} to {most:.3f}, by pair"
        console.print(text, highlight=False)


def _print_exact(game: GameAnalysis, analysis: Analysis, console: Console) -> None:
    """Scores without luck, and what best responses win, where the game can tell."""
    luck = any(one.without_luck is not None for one in game.standings)
    solved = any(one.exploitability is not None for one in game.standings)
    if not (luck or solved):
        if set(analysis.metrics) & set(EXACT):
            console.print(Text(f"luck and exploitability: nothing at {printable(game.game)}, whose odds are not known"))
        return
    table = _table(f"{game.game}: without luck")
    table.columns[1].header = f"without luck ({counted(game.unit)})" if luck else ""
    table.columns[2].header = "exploitability a hand" if solved else ""
    for one in sorted(game.standings, key=_strength, reverse=True):
        table.add_row(_name(one.operator, analysis), _interval(one.without_luck, 3), _exploited(one.exploitability))
    console.print(table)
    if solved:
        text = "exploitability: what a best response wins: learnt of half of the matches (too low), of all (too high)"
        console.print(Text(text), soft_wrap=True)


def _exploited(one: Exploitability | None) -> str:
    if one is None:
        return ""
    if one.exact:
        return f"{one.value:.3f} (exact)"
    return f"{one.held_out:.3f} to {one.value:.3f} ({one.unseen} of {one.states} states unseen)"


def _table(title: str) -> Table:
    table = Table(title=Text(printable(title)), title_justify="left", title_style="bold", box=None, header_style="bold")
    table.add_column("operator")
    table.add_column("rating", justify="right")
    table.add_column("one game left out", justify="right")
    return table


def _name(name: str, analysis: Analysis) -> Text:
    twin = analysis.twins is not None and name == analysis.twins[1]
    return Text(printable(f"{name} (twin of {analysis.twins[0]})" if twin and analysis.twins else name))


def _strength(one: Standing) -> float:
    best = one.rating or one.score
    return best.value if best is not None else float("-inf")


def _interval(one: Interval | None, digits: int) -> str:
    if one is None:
        return ""
    ends = NO_INTERVAL
    if one.low is not None and one.high is not None:
        ends = f"{signed(one.low, digits)} to {signed(one.high, digits)}"
    return f"{signed(one.value, digits)} ({ends})"
