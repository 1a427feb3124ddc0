"""What a page says of one run, a section a function. All that is shown of scores stands in results.json."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from arena.analysis import alike
from arena.analysis.audit_facts import Facts
from arena.evaluate.caption import caption
from arena.evaluate.table import ScoreRow, ScoreTable
from arena.figures import NO_INTERVAL, duration, money, number, plural, share, span
from arena.record import facts as own
from arena.record.given import titled, titles
from arena.record.head import GameHead, Head
from arena.record.reader import Run
from arena.record.times import Times
from arena.report.html import Html, figure, paragraphs, section, table, tag
from arena.report.plot import Mark, intervals

FIRST = 2  # faults of each operator and kind that are shown
MOST_ROWS = 30


def scores(run: Run, tables: Sequence[ScoreTable]) -> Html:
    """Of every game: a plot and a table of scores with their intervals."""
    parts: list[Html] = []
    for at, (one, game) in enumerate(zip(tables, run.head.games, strict=True)):
        parts.append(tag("h3", _titled(one, game, run.head)))
        if not one.matches:
            parts.append(tag("p", "No match of this game is over, so there are no scores."))
            continue
        rows = sorted(enumerate(one.rows), key=lambda pair: (pair[1].score is None, -(pair[1].score or 0.0)))
        marks = [
            Mark(row.operator, row.score, row.low, row.high, _told(row)) for _, row in rows if row.score is not None
        ]
        parts.append(intervals(marks, "Score and 95% interval", one.unit.rstrip(".")))
        bounds = one.returns is not None
        heads = ["operator", "score", "95% interval", "matches", "turns", "fault-free score", *["bounds"] * bounds]
        cells = [_score_cells(f"tables.{at}.rows.{place}", row, bounds) for place, row in rows]
        caption = f"{one.game}: mean return a match in {one.unit.rstrip('.')}, faults counted"
        parts.append(table(caption, heads, cells))
        parts.append(paragraphs(_notes(one, at, run.head), "note"))
    return section("Scores", "scores", *parts)


def _titled(one: ScoreTable, game: GameHead, head: Head) -> str:
    pace = "" if head.plan.limits.pace == "lockstep" else f" · {head.plan.limits.pace}"
    return f"{titled(game)} · {plural(one.matches, 'match', 'matches')} in {plural(one.blocks, 'block')}{pace}"


def _told(row: ScoreRow) -> str:
    if row.low is None or row.high is None:
        return f"{number(row.score)} ({NO_INTERVAL})"
    return f"{number(row.score)} ({span(row.low, row.high).replace('..', ' to ')})"


def _score_cells(path: str, row: ScoreRow, bounds: bool) -> list[object]:
    interval: object = "-" if row.score is None else NO_INTERVAL
    if row.low is not None and row.high is not None:
        low, _, high = span(row.low, row.high).partition("..")
        interval = Html(f"{figure(f'{path}.low', row.low, low)} to {figure(f'{path}.high', row.high, high)}")
    cells: list[object] = [
        row.operator,
        figure(f"{path}.score", row.score, number(row.score)),
        interval,
        figure(f"{path}.matches", row.matches, str(row.matches)),
        figure(f"{path}.turns", row.turns, str(row.turns)),
        figure(f"{path}.score_fault_free", row.score_fault_free, number(row.score_fault_free)),
    ]
    if bounds:
        worst, best = figure(f"{path}.worst", row.worst, number(row.worst)), number(row.best)
        cells.append(Html(f"{worst} to {figure(f'{path}.best', row.best, best)}"))
    return cells


def _notes(one: ScoreTable, at: int, head: Head) -> Iterator[str]:
    """What a reader of the table must know."""
    yield f"blocks with every seat order: {one.whole} of {one.blocks}; of those, {one.distinct} went different ways"
    game = head.games[at]
    yield from caption(one, game.seeded, head.deals, head.pairings(game), head.met(at))
    for why, count in one.reasons.items():
        yield f"{plural(count, 'match', 'matches')} unresolved: {why}"


def faults(facts: Facts, tables: Sequence[ScoreTable], shown: Container[int]) -> Html:
    """By operator and kind, a table a game that had some; and the first of each kind, with links to matches `shown`."""
    parts: list[Html] = []
    for at, one in enumerate(tables):
        kinds = sorted({kind for row in one.rows for kind in row.faults})
        if not kinds and not one.unresolved:
            continue
        rows = []
        for place, row in enumerate(one.rows):
            path = f"tables.{at}.rows.{place}"
            counts = [
                figure(f"{path}.faults.{kind}", row.faults.get(kind), str(row.faults.get(kind, 0))) for kind in kinds
            ]
            rate = share(sum(row.faults.values()) / row.turns) if row.turns else None
            unresolved = figure(f"{path}.unresolved", row.unresolved, str(row.unresolved))
            rows.append([row.operator, *counts, rate or "-", unresolved])
        parts.append(table(f"{one.game}: faults in answers", ["operator", *kinds, "of its turns", "unresolved"], rows))
    if not parts:
        return section("Faults", "faults", tag("p", "No answer was a fault, and every match was resolved."))
    why = (
        "A fault costs its operator by the game's rule (a default action or a forfeit) and never becomes a move of "
        "somebody's choice. Unresolved matches failed in every try for a reason that no seat brought about."
    )
    return section("Faults", "faults", *parts, tag("p", why, class_="note"), _first_faults(facts, shown))


def _first_faults(facts: Facts, shown: Container[int]) -> Html:
    """The first faults of each operator and kind: where they are, and what they were about."""
    found = [
        (one.place, operator, kind, one.detail)
        for (_, operator), answers in facts.answers.items()
        for kind, examples in answers.examples.items()
        for one in examples
    ]
    counts: dict[tuple[str, str], int] = {}
    rows: list[list[object]] = []
    for place, operator, kind, detail in sorted(found, key=lambda one: one[0]):
        counts[operator, kind] = counts.get((operator, kind), 0) + 1
        if counts[operator, kind] <= FIRST and len(rows) < MOST_ROWS:
            link = tag("a", str(place), href=f"#match={place.match}&tick={place.tick}")
            rows.append([operator, kind, link if place.match in shown else str(place), detail or "-"])
    if not rows:
        return Html("")
    heads = ["operator", "fault", "where", "what it was about"]
    return table("The first faults of each kind", heads, rows, "words")


def models(run: Run, times: Times) -> Html:
    """What models took of tokens, time and money; nothing where none was used."""
    rows = []
    for name, price in run.prices().items():
        spent = times.of(name)
        if not spent.tokens:
            continue
        rows.append(
            [
                name,
                str(spent.answers),
                str(spent.prompt),
                str(spent.completion),
                share(spent.hits) or "-",
                duration(spent.seconds / spent.answers),
                "-" if spent.first_token is None else duration(spent.first_token),
                "-" if price is None else money(spent.cost(price)),
            ]
        )
    if not rows:
        return Html("")
    heads = ["operator", "answers", "tokens in", "tokens out", "cached", "a turn", "first token", "cost"]
    note = (
        "From the timing file: cost is by the prices given, tries that did not count are in it, equal runs differ here."
    )
    return section(
        "What models took", "models", table("Tokens, time and cost", heads, rows), tag("p", note, class_="note")
    )


def operators(run: Run, facts: own.Facts) -> Html:
    """What each operator was and was given: whether like is compared with like."""
    parts: list[Html] = []
    for game, title in zip(run.head.games, titles(run.head.games), strict=True):
        given = alike.conditions(game, title, facts)
        parts += [tag("p", f"At {title}: {sentence}.", class_="alarm") for sentence in given.differences]
        rows = []
        for one, row in zip(game.operators, given.rows, strict=True):
            aspects = {**{name: getattr(row, name) for name in alike.ASPECTS}, "other": row.other}
            told = [tag("div", f"{name}: {alike.words(options)}") for name, options in aspects.items() if options]
            told += [tag("div", f"it said: {alike.words(said)}") for said in row.told]
            prints = ", ".join(f"{name} {value[:16]}" for name, value in one.fingerprint.items()) or "-"
            rows.append([one.name, one.given, row.views, Html("".join(told)) or "-", one.determinism, prints])
        heads = ["operator", "as it was named", "shown", "options, and what it said", "determinism", "weights"]
        parts.append(table(f"{title}: who sat there", heads, rows, "words"))
    return section("Operators", "operators", *parts)


def voids(times: Times) -> Html:
    """Tries that did not count."""
    if not times.voids:
        return Html("")
    rows: list[Sequence[object]] = [[why, str(count)] for why, count in sorted(times.voids.items())]
    return table("Tries that did not count and were played again", ["why", "tries"], rows, "words")
