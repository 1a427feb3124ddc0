"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table

from arena.evaluate.table import Table as Results


def score_table(results: Results, seconds: Mapping[str, tuple[int, float]], *, game: str, seed: int) -> Table:
    """The scores of a run. `seconds` gives (answers, seconds waited for them) by operator."""
    table = Table(
        title=f"{game} · {results.matches} matches in {results.blocks} blocks · seed {seed} · score in {results.unit}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("operator", overflow="fold")
    for title in ("score", "95% interval", "turns"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("faults")
    for title in ("fault-free", "tokens in/out", "a turn"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in results.rows:
        answers, waited = seconds.get(row.operator, (0, 0.0))
        faults = ", ".join(f"{count} {kind}" for kind, count in sorted(row.faults.items()))
        if row.unresolved:
            faults = ", ".join(filter(None, [faults, f"{row.unresolved} unresolved"]))
        tokens = f"{row.prompt_tokens}/{row.completion_tokens}" if row.prompt_tokens or row.completion_tokens else "-"
        table.add_row(
            row.operator,
            number(row.score),
            f"{row.low:+.2f}..{row.high:+.2f}" if row.low is not None else "-",
            str(row.turns),
            faults or "none",
            number(row.score_fault_free),
            tokens,
            duration(waited / answers) if answers else "-",
        )
    return table


def number(value: float | None) -> str:
    """A score with its sign."""
    return "-" if value is None else f"{value:+.3f}"


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
