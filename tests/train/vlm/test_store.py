"""The turn store: what went in comes out, in our reader and in those of others."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas
import pytest

from arena.errors import RecordError
from arena.train.vlm.rows import Collected, MatchStat, Row
from arena.train.vlm.store import MatchFiles, RowStore


def row(turn: int, **other: Any) -> Row:
    fields: dict[str, Any] = {
        "episode": 0,
        "game": "toy",
        "role": "seat0",
        "seat": 0,
        "turn": turn,
        "group": 0,
        "prompt": np.arange(3 + turn, dtype=np.int32),
        "images": ("ab",),
        "spans": ((0, 2),),
        "response": np.array([7, 8], np.int32),
        "mu": np.array([-0.1, -1e-8], np.float32),
        "thought": 1,
        "version": "pi_v1",
        "state": {"x": "1"},
    }
    return Row(**{**fields, **other})


def same(one: Row, other: Row) -> bool:
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(Row)]
    return all(a.dtype == b.dtype and np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in pairs)


ROWS = [
    row(0, reward=0.1, vector=np.array([0.25], np.float32)),
    row(1, truncated=True, parsed=False, images=(), spans=(), state=None),
    row(0, seat=1, done=True, response=np.zeros(0, np.int32), mu=np.zeros(0, np.float32), trainable=False),
]
PICTURE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


def test_rows_come_out_as_they_went_in(tmp_path: Path) -> None:
    RowStore(tmp_path).append(7, ROWS, {"ab": PICTURE})
    store = RowStore(tmp_path)
    assert store.updates() == [7]
    for found, put in zip(store.read(7), ROWS, strict=True):
        assert same(found, put)
    assert np.array_equal(store.image("ab"), PICTURE)


def test_a_picture_that_an_earlier_update_has_is_not_stored_again(tmp_path: Path) -> None:
    store = RowStore(tmp_path)
    store.append(1, ROWS, {"ab": PICTURE})
    store.append(2, ROWS, {"ab": PICTURE, "cd": PICTURE + 1})
    assert [sorted(store.images(update)) for update in (1, 2)] == [["ab"], ["cd"]]
    assert np.array_equal(RowStore(tmp_path).image("cd"), PICTURE + 1)


def test_an_update_that_is_written_again_keeps_its_pictures(tmp_path: Path) -> None:
    RowStore(tmp_path).append(1, ROWS, {"ab": PICTURE})
    again = RowStore(tmp_path)
    again.append(1, ROWS, {"ab": PICTURE})
    assert np.array_equal(again.image("ab"), PICTURE)


def test_pandas_and_duckdb_read_it(tmp_path: Path) -> None:
    RowStore(tmp_path).append(1, ROWS, {"ab": PICTURE})
    frame = pandas.read_parquet(tmp_path / "rows" / "000001.parquet")
    assert frame.truncated.tolist() == [False, True, False]
    assert frame.response[0].tolist() == [7, 8]
    rewards = duckdb.sql(f"select sum(reward) from '{tmp_path}/rows/*.parquet'").fetchall()
    assert rewards == [(0.1,)]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    store = RowStore(tmp_path)
    store.append(1, ROWS, {})
    (tmp_path / "rows" / "000001.parquet").write_bytes(b"PAR1")
    with pytest.raises(RecordError, match="000001"):
        store.read(1)


def test_the_rows_of_a_match_come_out_as_they_went_in(tmp_path: Path) -> None:
    files = MatchFiles(tmp_path / "rows")
    files.begin("this")
    stat = MatchStat(match=4, group=2, level=0, lineup=(0,), returns=(1.5,), status="terminated", ticks=3)
    files.put(4, Collected(rows=ROWS, images={"ab": PICTURE}, matches=[stat]))
    found = MatchFiles(tmp_path / "rows").get(4)
    assert found is not None
    assert all(same(a, b) for a, b in zip(found.rows, ROWS, strict=True))
    assert (found.matches, np.array_equal(found.images["ab"], PICTURE)) == ([stat], True)


def test_a_torn_file_of_a_match_is_as_none(tmp_path: Path) -> None:
    files = MatchFiles(tmp_path / "rows")
    files.begin("this")
    files.put(4, Collected(rows=ROWS))
    path = tmp_path / "rows" / "000004.rows"
    path.write_bytes(path.read_bytes()[:-9])
    assert files.get(4) is None


@pytest.mark.parametrize("kind", ["rows", "images"])
def test_a_file_that_is_damaged_is_named_with_what_to_do(tmp_path: Path, kind: str) -> None:
    RowStore(tmp_path).append(1, [row(0)], {"ab": np.zeros((2, 2, 3), np.uint8)})
    file = tmp_path / kind / "000001.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(RecordError, match=rf"{file} cannot be read: .*Restore it from a copy"):
        RowStore(tmp_path).read(1) if kind == "rows" else RowStore(tmp_path).image("ab")
