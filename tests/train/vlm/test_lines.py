"""The files that have a line an update: what a kill, or a person, left of them is read, and cut to an update."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena.train.vlm import lines

WHOLE = ['{"update": 1, "a": 0.5}\n', '{"update": 2, "a": 0.25}\n', '{"update": 3, "a": 1.0}\n']


def file(folder: Path, *texts: str) -> Path:
    path = folder / lines.METRICS
    path.write_text("".join(texts))
    return path


def test_lines_are_read_as_they_were_appended_without_what_is_no_number(tmp_path: Path) -> None:
    lines.append(tmp_path / lines.METRICS, 1, {"a": 0.5, "b": float("nan")})
    assert lines.read(tmp_path / lines.METRICS) == [{"update": 1, "a": 0.5}]
    assert lines.read(tmp_path / "gone.jsonl") == []


@pytest.mark.parametrize("text", ['{"update": 4, "a"', '{"update": 4}', "[4]\n", '{"a": 4}\n', '{"update": "4"}\n'])
def test_what_is_no_whole_line_of_an_update_is_passed_over(tmp_path: Path, text: str) -> None:
    assert [line["update"] for line in lines.read(file(tmp_path, *WHOLE, text))] == [1, 2, 3]


def test_bytes_that_are_no_text_cost_their_line_alone(tmp_path: Path) -> None:
    path = file(tmp_path, *WHOLE)
    path.write_bytes(path.read_bytes().replace(b'"a": 0.25', b'"\xff\x9d": 0.2', 1).replace(b"0.2}", b"\xff}"))
    assert [line["update"] for line in lines.read(path)] == [1, 3]


def test_later_updates_are_cut_and_earlier_ones_stay_as_they_are(tmp_path: Path) -> None:
    path = file(tmp_path, *WHOLE, '{"upd')
    assert lines.cut(path, 2) == []
    assert path.read_text() == "".join(WHOLE[:2])


def test_updates_whose_lines_are_gone_are_named_and_the_others_stay(tmp_path: Path) -> None:
    path = file(tmp_path, WHOLE[0][:9] + "\n", *WHOLE[1:])
    assert lines.cut(path, 3) == [1]
    assert path.read_text() == "".join(WHOLE[1:])
    assert lines.cut(tmp_path / "gone.jsonl", 2) == [1, 2]
