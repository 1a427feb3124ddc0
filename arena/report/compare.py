"""Several runs side by side, where that says something: same games, same versions, same views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arena.errors import InputError, RecordError
from arena.evaluate.table import ScoreRow, ScoreTable
from arena.figures import NO_INTERVAL, number, span
from arena.record.given import titled
from arena.record.head import GameHead, Head
from arena.record.reader import Run
from arena.report.html import Html, section, table, tag
from arena.report.measured import compared
from arena.report.plot import Mark, intervals
from arena.report.reproduce import hashes

MOST = 10  # differences that are named


def comparison(runs: Sequence[Run]) -> list[Html]:
    """The sections of a page. InputError, with every reason, where the runs cannot be compared."""
    names = _names(runs)
    wrong = [
        f"{names[0]} and {name}: {why}"
        for name, run in zip(names[1:], runs[1:], strict=True)
        for why in differences(runs[0].head, run.head)
    ]
    if wrong:
        more = f"; and {len(wrong) - MOST} more" if len(wrong) > MOST else ""
        raise InputError(
            f"these runs cannot be compared. {'; '.join(wrong[:MOST])}{more}. Compare runs of the same games with the "
            "same versions, options, limits and views"
        )
    tables = [_tables(run) for run in runs]
    parts: list[Html] = []
    for place, game in enumerate(runs[0].head.games):
        found = [_of_game(game, run.head, one) for run, one in zip(runs, tables, strict=True)]
        if all(one is not None for one in found):
            parts += _game(place, names, [one for one in found if one is not None])
    cautions = [
        f"{names[0]} and {name}: {why}."
        for name, run in zip(names[1:], runs[1:], strict=True)
        for why in unlike(runs[0].head, run.head)
    ]
    told = [tag("p", caution, class_="alarm", role="note") for caution in cautions[:MOST]]
    return [*_states(names, runs), *told, section("Scores", "scores", *parts), _runs(names, runs)]


def _tables(run: Run) -> list[ScoreTable]:
    """Those that it wrote; of its log where it wrote none, or none that can be read."""
    try:
        return run.recorded_tables() or run.tables()
    except RecordError:
        return run.tables()


def differences(one: Head, other: Head) -> Iterator[str]:
    """Why results of two runs cannot stand in one table, a phrase each."""
    games = {_key(game): game for game in other.games}
    shared = [(game, games[_key(game)]) for game in one.games if _key(game) in games]
    if not shared:
        listed = [", ".join(dict.fromkeys(map(titled, head.games))) for head in (one, other)]
        yield f"they have no game in common ({listed[0]} here, {listed[1]} there)"
    for left, right in shared:
        for what in ("version", "engines", "seats", "unit"):
            a, b = getattr(left, what), getattr(right, what)
            if a != b:
                yield f"{left.name} has {what} {a} here, {b} there"
        there = {operator.name: operator for operator in right.operators}
        for operator in left.operators:
            match = there.get(operator.name)
            if match is not None and match.views != operator.views:
                a, b = operator.views.described(), match.views.described()
                yield f"at {left.name} {operator.name} was given {a} here, {b} there"
    for limit in ("pace", "max_ticks", "max_reasks", "blind"):
        a, b = getattr(one.plan.limits, limit), getattr(other.plan.limits, limit)
        if a != b:
            yield f"{limit} is {a} here, {b} there"


def unlike(one: Head, other: Head) -> Iterator[str]:
    """What a reader of two runs in one table must know, a phrase each: it does not rule out to compare them."""
    pools = [sorted(operator.name for operator in head.games[0].operators) for head in (one, other)]
    if pools[0] != pools[1]:
        yield (
            f"their pools differ ({', '.join(pools[0])} here, {', '.join(pools[1])} there), and what an operator gets "
            "depends on whom it meets"
        )
    there = {operator.name: operator for operator in other.games[0].operators}
    for operator in one.games[0].operators:
        match = there.get(operator.name)
        for what in ("given", "options", "fingerprint"):
            if match is not None and getattr(match, what) != getattr(operator, what):
                named = {"given": "name", "options": "options", "fingerprint": "weights"}[what]
                yield f"{operator.name} has other {named} there, so it is not the same operator"
                break


def _key(game: GameHead) -> tuple[str, str]:
    return game.name, repr(sorted(game.options.items()))


def _of_game(game: GameHead, head: Head, tables: Sequence[ScoreTable]) -> ScoreTable | None:
    return next((one for one, other in zip(tables, head.games, strict=True) if _key(other) == _key(game)), None)


def _names(runs: Sequence[Run]) -> list[str]:
    """The folders' names, with a number where two are equal."""
    plain = [run.folder.resolve().name for run in runs]
    return [
        name if plain.count(name) == 1 else f"{name} ({plain[: at + 1].count(name)})" for at, name in enumerate(plain)
    ]


def _states(names: Sequence[str], runs: Sequence[Run]) -> list[Html]:
    stopped = [name for name, run in zip(names, runs, strict=True) if not run.ended]
    text = "not complete: what was played until now is compared"
    return [tag("p", f"{name} is {text}.", class_="alarm", role="note") for name in stopped]


def _game(place: int, names: Sequence[str], tables: Sequence[ScoreTable]) -> list[Html]:
    operators = list(dict.fromkeys(row.operator for one in tables for row in one.rows))
    rows: list[list[object]] = []
    marks = []
    for operator in operators:
        found = [next((row for row in one.rows if row.operator == operator), None) for one in tables]
        rows.append([operator, *(_cell(row) for row in found)])
        for name, row in zip(names, found, strict=True):
            if row is not None and row.score is not None:
                marks.append(Mark(f"{operator} · {name}", row.score, row.low, row.high, _cell(row)))
    counts = ["matches", *(str(one.matches) for one in tables)]
    unit = tables[0].unit.rstrip(".")
    return [
        tag("h3", tables[0].game, id=f"game-{place}"),
        intervals(marks, "Score and 95% interval", unit),
        table(f"Mean return a match in {unit}, with its 95% interval", ["operator", *names], [*rows, counts]),
        *compared(names, tables),
    ]


def _cell(row: ScoreRow | None) -> str:
    if row is None or row.score is None:
        return "-"
    if row.low is None or row.high is None:
        return f"{number(row.score)} ({NO_INTERVAL})"
    return f"{number(row.score)} ({span(row.low, row.high).replace('..', ' to ')})"


def _runs(names: Sequence[str], runs: Sequence[Run]) -> Html:
    """What is equal and what is not, besides the scores."""
    logs = [[digest for file, digest in hashes(run.folder).items() if file.startswith("log-")] for run in runs]
    seeds = {run.head.plan.seed for run in runs}
    notes = [
        "All runs have one seed: where a line-up is the same, its deals are the same too."
        if len(seeds) == 1
        else "The runs have different seeds, so their deals are independent."
    ]
    if len(runs) > 1 and all(log == logs[0] for log in logs) and logs[0]:
        notes.append("Their logs are equal, byte for byte: it is one result, not several.")
    versions = {run.head.arena for run in runs}
    if len(versions) > 1:
        notes.append(f"They were played with different versions of agent-arena: {', '.join(sorted(versions))}.")
    rows = [
        [name, str(run.head.plan.seed), run.head.arena, tag("code", (log or ["-"])[0][:16])]
        for name, run, log in zip(names, runs, logs, strict=True)
    ]
    told = [tag("p", note) for note in notes]
    return section("The runs", "runs", *told, table("Runs", ["run", "seed", "agent-arena", "log"], rows, "words"))
