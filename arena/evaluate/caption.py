"""The sentences below a table of scores, in terminals and on pages: what a reader must know to read its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from arena.evaluate.table import ScoreTable
from arena.figures import NO_INTERVAL, brief, plural
from arena.text import printable

DEALS = {
    "own": "no deal came twice, for people remember; seats rotate, and each match is a block",
    "mirrored": "mirrored deals: each came in every seat order, and people remember",
}


def caption(
    results: ScoreTable,
    seeded: bool,
    deals: str | None,
    pairings: str | None,
    met: Sequence[str] = (),
) -> list[str]:
    """Of a game, which its seed changes or not (`seeded`), with `deals`, `pairings` and `met` as Head says them."""
    out = [f"score in {printable(results.unit).rstrip('.')}, mean over matches; interval over blocks"]
    if results.unlike is not None:
        out.append(printable(results.unlike))
    if pairings is not None:
        out.append(printable(pairings))
    if deals is not None and results.matches > 1:
        out.append(DEALS[deals])
    out += map(printable, met)
    out += _people(results, deals)
    if not seeded and results.blocks > 1:
        out.append("the seed changes nothing in this game")
    if results.whole > 1 and results.distinct < results.whole and (not seeded or results.distinct == 1):
        out.append(f"{results.distinct} of {plural(results.whole, 'block')} went a way of their own")
    if results.cut and results.blocks > 1:
        out.append(f"{plural(results.cut, 'block is', 'blocks are')} not whole: weighed by the matches that are there")
    if results.matches and any(row.score is not None and row.low is None for row in results.rows):
        out.append(f"{NO_INTERVAL}: {_no_interval(results, deals)}")
    if any(row.faults for row in results.rows):
        out.append("scores count faults; fault-free: mean over matches without one")
    for row in results.rows:
        if row.calls:
            calls = f"{plural(row.calls, 'call')} of tools in {plural(row.turns, 'turn')}"
            out.append(f"{printable(row.operator)}: {calls}, {row.failed_calls} of them failed")
        if row.shortened:
            out.append(
                f"{printable(row.operator)}: its context was full in {row.shortened} of {plural(row.turns, 'turn')}, "
                f"and {plural(row.dropped, 'earlier turn was', 'earlier turns were')} not told (@history=)"
            )
        if row.unsaid:
            words = (
                f"{printable(row.operator)} was not heard in {row.unsaid} of {plural(row.said + row.unsaid, 'turn')}"
            )
            out.append(f"{words} in which it had something to say (`arena replay` says why)")
    if results.returns is not None:
        low, high = map(brief, results.returns)
        whose = "of the game" if results.returns_of == "game" else "that was seen in this run"
        out.append(
            f"bounds: the score if unresolved matches give the lowest ({low}) or highest ({high}) return {whose}"
        )
    return out


def _people(results: ScoreTable, deals: str | None) -> Iterator[str]:
    """Whom the intervals speak of, where people sat."""
    over = [f"{printable(row.operator)} ({row.people})" for row in results.rows if row.people]
    if over:
        yield f"interval over people who sat with it, not over blocks: {', '.join(over)}"
    if deals is not None and any(row.low is not None and not row.people for row in results.rows):
        yield "an interval over blocks is of play by and with these people, and says nothing of others"


def _no_interval(results: ScoreTable, deals: str | None) -> str:
    if results.whole < 2 and deals == "own":
        return "it needs two matches"
    if results.whole < 2:
        return "it needs two whole blocks, each of one deal in every seat order"
    if results.distinct < 2:
        return "all whole blocks went the same way, so nothing says how sure the scores are"
    return "where all blocks have the same score, nothing says how sure it is"
