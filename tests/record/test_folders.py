"""A folder that a game reads is known by its files, and kept with them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from arena.errors import RecordError
from arena.options import Option
from arena.record import kept
from arena.record.disk import Disk
from arena_games.kuhn.rules import Kuhn


class Illustrated(Kuhn):
    spec = msgspec.structs.replace(Kuhn.spec, options={**Kuhn.spec.options, "pictures": Option("str", None, "folder")})

    def user_files(self) -> Mapping[str, Path]:
        return {"pictures": Path(self.options["pictures"])}


def made(folder: Path) -> Illustrated:
    return Illustrated(2, {"pictures": str(folder)})


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_text(name)
    return folder


def needed(folder: Path) -> Any:
    return kept.of_options(made(folder))["pictures"]


def test_a_folder_is_known_by_its_files_and_not_by_its_place(pictures: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(pictures, other)
    (other / ".DS_Store").write_text("hidden")
    assert made(other).recorded_options == made(pictures).recorded_options
    (other / "b.png").rename(other / "c.png")
    assert made(other).recorded_options != made(pictures).recorded_options


@pytest.mark.parametrize("change", ["a file more", "a file less", "another file"])
def test_the_copy_is_taken_where_the_folder_has_changed(pictures: Path, tmp_path: Path, change: str) -> None:
    folder = needed(pictures)
    kept.copy([folder], tmp_path / "run", Disk())
    match change:
        case "a file more":
            (pictures / "c.png").write_text("c")
        case "a file less":
            (pictures / "a.png").unlink()
        case _:
            (pictures / "a.png").write_text("changed")
    found = kept.find(folder, tmp_path / "run", "the game")
    assert found.is_relative_to(tmp_path / "run")
    assert made(found).recorded_options["pictures"] == f"blake2b:{folder.hash}"


def test_a_large_folder_is_not_kept(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 9)
    folder = needed(pictures)
    kept.copy([folder], tmp_path / "run", Disk())
    assert kept.find(folder, tmp_path / "run", "the game") == pictures
    shutil.rmtree(pictures)
    with pytest.raises(RecordError, match=r"pictures is gone \(its hash was .*No copy was kept"):
        kept.find(folder, tmp_path / "run", "the game")
