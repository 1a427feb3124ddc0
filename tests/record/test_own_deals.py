"""A run in which no deal comes twice: its log is re-executed, and each match is a block of its own."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from arena.cli.runs import print_tables
from arena.evaluate.table import GameFacts, tabulate
from arena.log import MatchLine
from arena.record.verify import verify
from tests.record.kit import make_plan, record
from tests.toys import GOOD


def test_verify_derives_the_same_deals(tmp_path: Path) -> None:
    run = record(make_plan(matches=6, mirror=False), tmp_path / "run")
    assert run.head.plan.mirror is False
    heads = [line for line in run.lines() if isinstance(line, MatchLine)]
    assert len({head.seed for head in heads}) == 6
    assert verify(run).passed


def test_each_match_is_a_whole_block(tmp_path: Path) -> None:
    run = record(make_plan(matches=5, mirror=False), tmp_path / "run")
    [table] = run.tables()
    assert (table.blocks, table.cut) == (5, 0)
    [mirrored] = tabulate(run.lines(), [GameFacts("leduc", table.unit, run.operators)])
    assert mirrored.cut == 5


@pytest.mark.parametrize(("mirror", "said"), [(True, "mirrored deals"), (False, "no deal came twice")])
def test_the_table_says_which_it_was_where_a_person_sat(tmp_path: Path, mirror: bool, said: str) -> None:
    person = dataclasses.replace(GOOD, name="person", interactive=True)
    run = record(make_plan(kinds=[person, GOOD], matches=4, mirror=mirror), tmp_path / "run")
    out = io.StringIO()
    print_tables(run, run.tables(), Console(file=out, width=120))
    assert said in out.getvalue()
