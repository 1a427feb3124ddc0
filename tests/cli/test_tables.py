"""The score table of `arena play` says everything in 80 columns."""

from __future__ import annotations

import io

from rich.console import Console

from arena.cli.tables import score_table
from arena.evaluate.table import Row, Table


def test_nothing_is_cut_at_80_columns():
    rows = [
        Row(operator="vlm#1", matches=600, score=-12.345, low=-13.0, high=-11.0, score_fault_free=-1.5, turns=123456),
        Row(operator="vlm#2", matches=600, score=12.345, low=11.0, high=13.0, score_fault_free=1.5, turns=123456),
    ]
    rows[0].faults = {"illegal": 12345, "timeout": 23456, "unparsable": 34567}
    rows[0].unresolved = 77
    rows[0].prompt_tokens, rows[0].completion_tokens = 9876543, 1234567
    table = Table(unit="big blinds a hand", matches=600, blocks=300, distinct=300, rows=rows)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(score_table(table, {"vlm#1": (10, 123.4)}, game="holdem", seed=2**31))
    out = console.export_text()
    assert max(map(len, out.splitlines())) <= 80
    for cell in ("-12.345", "-13.00..-11.00", "123456", "12.3 s", "9876543/1234567", "-1.500"):
        assert cell in out
    for count in ("12345 illegal", "23456 timeout", "34567 unparsable", "77 unresolved"):
        assert all(word in out for word in count.split())


def test_repeats_are_told_where_the_seed_changes_nothing():
    """The effective sample size."""

    def shown(distinct, seeded):
        rows = [Row(operator="scripted", matches=50, score=1.0)]
        table = Table(unit="pixels", matches=50, blocks=50, distinct=distinct, rows=rows)
        console = Console(width=200, record=True, file=io.StringIO())
        console.print(score_table(table, {}, game="mario:1-1", seed=1, seeded=seeded))
        return " ".join(console.export_text().split())

    assert "the seed changes nothing in this game; 3 of 50 blocks went a way of their own" in shown(3, seeded=False)
    assert "1 of 50 blocks" in shown(1, seeded=True)
    assert "of their own" not in shown(50, seeded=False) + shown(31, seeded=True)
