"""`arena show --conditions` and `--behaviour`: tables about operators beside their scores."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arena.analysis import alike
from arena.analysis.alike import GameConditions
from arena.analysis.behaviour import Behaviour, Curve, GameBehaviour, Quantiles
from arena.analysis.behaviour import behaviour as behaviour_of
from arena.figures import duration, money, number
from arena.record.given import titles
from arena.record.reader import Run
from arena.text import printable

MOST_ACTIONS = 8  # of an operator, the most frequent ones
POINTS = 5  # of a curve
COLUMNS = ("operator", "turns", "actions", "a turn (p50, p90)", "tokens a turn", "thought", "same again")


def print_details(run: Run, console: Console, *, conditions: bool, behaviour: bool, as_json: bool) -> None:
    facts, lost = run.usable_facts() if conditions else ({}, None)
    if lost is not None:
        click.echo(printable(lost), err=True)
    games = run.head.games
    given = [alike.conditions(*game, facts) for game in zip(games, titles(games), strict=True)] if conditions else []
    found = behaviour_of(run) if behaviour else []
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(given or found), indent=2).decode())
        return
    for one in given:
        _conditions(one, console)
    for other in found:
        _behaviour(other, console)


def _conditions(of: GameConditions, console: Console) -> None:
    console.print(Text(printable(of.game), "bold"))
    for row in of.rows:
        told = [f"{aspect}: {alike.words(options)}" for aspect in alike.ASPECTS if (options := getattr(row, aspect))]
        told += [f"other: {alike.words(row.other)}"] if row.other else []
        told += [f"it said: {alike.words(facts)}" for facts in row.told]
        console.print(Text(printable(f"{row.operator} ({row.kind}), shown {row.views}")), soft_wrap=True)
        for text in told:
            console.print(Text(printable(f"  {text}"), "dim"), soft_wrap=not console.is_terminal)
    for sentence in of.differences:
        console.print(Text(printable(sentence)), soft_wrap=not console.is_terminal)


def _behaviour(of: GameBehaviour, console: Console) -> None:
    if not of.rows:
        console.print(Text(printable(f"{of.game}: no match is over yet")))
        return
    table = _table(of.game, COLUMNS)
    for row in of.rows:
        table.add_row(*_cells([row.operator, str(row.turns), _actions(row), _times(row.seconds), *_rest(row)]))
    console.print(table)
    for pair in of.pairs:
        rate = f"{pair.same} of {pair.questions} the same, {pair.same / pair.questions:.1%}"
        text = f"{pair.one} and {pair.two} answered the same questions: {rate} (95%: {pair.low:.1%} to {pair.high:.1%})"
        console.print(Text(printable(text)), soft_wrap=True)
    for curve in of.curves:
        console.print(Text(printable(_curve(curve))), soft_wrap=True)


def _actions(row: Behaviour) -> str:
    total = sum(row.actions.values())
    most = sorted(row.actions.items(), key=lambda one: -one[1])
    told = [f"{action}: {count / total:.0%}" for action, count in most[:MOST_ACTIONS]]
    more = [f"{len(most) - MOST_ACTIONS} more"] if len(most) > MOST_ACTIONS else []
    return ", ".join([*told, *more]) or "-"


def _times(found: Quantiles | None) -> str:
    return "-" if found is None else f"{duration(found.p50)}, {duration(found.p90)}"


def _rest(row: Behaviour) -> list[str]:
    tokens = "-"
    if row.prompt_tokens is not None and row.completion_tokens is not None:
        tokens = f"{row.prompt_tokens:.0f}/{row.completion_tokens:.0f}"
        tokens += f", {money(row.cost)}" if row.cost is not None else ""
    thought = "-" if row.thought is None else f"{row.thought.mean:.0f} chars"
    return [tokens, thought, f"{row.same_again} of {row.repeated}" if row.repeated else "-"]


def _curve(curve: Curve) -> str:
    last = len(curve.rewards) - 1
    places = sorted({round(last * part / (POINTS - 1)) for part in range(POINTS)})
    points = ", ".join(f"{number(curve.rewards[at])} at tick {(at + 1) * curve.every - 1}" for at in places)
    return f"{curve.operator}: {points} (mean reward so far, {curve.matches} matches)"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(
        title=Text(printable(title), "table.title"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cells(texts: Sequence[str]) -> list[Text]:
    return [Text(printable(text)) for text in texts]
