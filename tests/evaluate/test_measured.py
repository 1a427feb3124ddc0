"""Tables of what games measure: shares, means, their intervals, and what fits in no table."""

from __future__ import annotations

import json

import msgspec
import pytest

from arena.errors import GameError
from arena.evaluate.intervals import BlockMean, BlockShare
from arena.evaluate.measured import MeasuredTable, MeasureTally
from arena.measures import Layout, Measure, check_measure

TABLES = {"clues": Layout("Clues", ("operator", "role"), "clues", {"true": "share", "bits": "mean"}, "As given.")}
VALUES = ([1, 0, 1], [0, 0, 1], [1, 1, 1])  # of three blocks, a match each


def tally(people: tuple[str, ...] = (), seats: tuple[str, ...] = ("a", "b")) -> MeasureTally:
    out = MeasureTally(TABLES, people)
    for block, values in enumerate(VALUES):
        measures = [Measure("clues", "true", value, 0, ("spy",)) for value in values]
        out.add(block, seats, [*measures, Measure("clues", "bits", block + 0.5, 0, ("spy",))])
    return out


def test_a_share_has_wilsons_interval_over_blocks_and_a_mean_students() -> None:
    share, mean = BlockShare(), BlockMean()
    for block, values in enumerate(VALUES):
        share.add(len(values), sum(values))
        mean.add(1, block + 0.5)
    (found,) = tally().tables(sure=True)
    (row,) = found.rows
    assert (found.title, found.counted, found.note, found.matches) == ("Clues", "clues", "As given.", 3)
    assert (row.names, row.count) == (["a", "spy"], 9)
    for cell, whole in zip(row.cells, (share, mean), strict=True):
        assert cell is not None
        assert (cell.value, (cell.low, cell.high), cell.count) == (whole.mean, whole.interval, whole.matches)


def test_where_blocks_went_the_same_way_there_is_no_interval() -> None:
    (found,) = tally().tables(sure=False)
    assert all(cell is not None and cell.low is None and cell.high is None for cell in found.rows[0].cells)


def test_a_person_is_one_cluster_of_the_rows_of_others_and_none_of_their_own() -> None:
    def interval(people: tuple[str, ...]) -> object:
        out = MeasureTally(TABLES, people)
        for block, value in enumerate((1.0, 1.2, 5.0, 5.2)):
            out.add(block, ("a", "p" if block < 2 else "q"), [Measure("clues", "bits", value, 0, ("spy",))])
        cell = out.tables(sure=True)[0].rows[0].cells[1]
        assert cell is not None
        return cell.high

    assert interval(("p", "q")) != interval(())
    assert tally(people=("a",)).tables(sure=True) == tally().tables(sure=True)


def test_a_table_without_a_row_is_left_out_and_a_cell_without_a_number_is_none() -> None:
    out = MeasureTally({**TABLES, "votes": Layout("Votes", ("operator",), "votes", {"right": "share"})})
    out.add(0, ("a", "b"), [Measure("clues", "true", True, 1, ("spy",))])
    (found,) = out.tables(sure=True)
    assert found.rows[0].cells[1] is None


def test_tables_come_back_from_json_as_they_were() -> None:
    found = tally().tables(sure=True)
    assert msgspec.json.decode(msgspec.json.encode(found), type=list[MeasuredTable]) == found
    assert json.loads(msgspec.json.encode(found))[0]["kinds"] == ["share", "mean"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (Measure("votes", "true", 1, 0, ("spy",)), "for the table 'votes'; expected one of clues"),
        (Measure("clues", "said", 1, 0, ("spy",)), "for the column 'said'; expected one of true, bits"),
        (Measure("clues", "true", 1, 2, ("spy",)), "of seat 2; expected 0 to 1"),
        (Measure("clues", "true", 1, 0), "has 1 names .* expected one each for operator, role"),
        (Measure("clues", "true", 0.5, 0, ("spy",)), "is 0.5; expected 0 or 1"),
        (Measure("clues", "bits", float("inf"), 0, ("spy",)), "is inf; expected a finite number"),
    ],
)
def test_a_measure_that_fits_in_no_table_is_refused(given: Measure, why: str) -> None:
    with pytest.raises(GameError, match=why):
        check_measure(given, TABLES, 2)
