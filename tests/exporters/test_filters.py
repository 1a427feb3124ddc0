"""Which episodes are exported, and what is said of filters that cannot be."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
import pytest

from arena.errors import InputError, RecordError
from arena.exporters.episodes import Reader
from arena.exporters.filters import Filter
from arena.game import Views
from arena.record.reader import Run
from tests.exporters.kit import exported, played
from tests.record.kit import edit
from tests.toys import GOOD

VIEWS = Views(vector=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    played(out, kinds=[GOOD, GOOD], matches=10, views=VIEWS)
    return out


def kept(run: Path, keep: Filter) -> list[tuple[int, int, float]]:
    with closing(Reader.open(Run(run), keep)) as reader:
        return [(one.plan.index, one.seat, one.returns[one.seat]) for one in reader.episodes(0, lambda head: VIEWS)]


def test_without_a_filter_every_seat_of_every_match(run: Path) -> None:
    assert [(match, seat) for match, seat, _ in kept(run, Filter())] == [(m, s) for m in range(10) for s in (0, 1)]


def test_one_operator(run: Path) -> None:
    with closing(Reader.open(Run(run), Filter(operators=("good1",)))) as reader:
        assert {one.operator.name for one in reader.episodes(0, lambda head: VIEWS)} == {"good1"}


def test_matches_from_one_to_another(run: Path) -> None:
    assert {match for match, _, _ in kept(run, Filter(matches=(3, 5)))} == {3, 4, 5}


def test_who_won(run: Path) -> None:
    assert all(value > 0 for _, _, value in kept(run, Filter(won=True)))


def test_the_best_share(run: Path) -> None:
    every = sorted((value for _, _, value in kept(run, Filter())), reverse=True)
    best = [value for _, _, value in kept(run, Filter(best=0.25))]
    assert sorted(best, reverse=True) == every[:5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--operator", "good"), r"has no operator 'good'. Did you mean good0 or good1\?|good1 or good0"),
        (("--game", "kuhn"), "has no game 'kuhn'. There is: leduc"),
        (("--matches", "90-99"), "no episode passes these filters"),
        (("--prompt", "short"), "--prompt: --to minari does not take it; these formats do: chat, pairs"),
        (("--size", "7x7", "--view", "image"), "--size 7x7: leduc draws seats' pictures at 128x128"),
    ],
)
def test_what_cannot_be_is_said(run: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        exported(run, "--to", "minari", "--out", tmp_path / "out", *words)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("span", ["x", "5-3", "-1", "3-"])
def test_no_span_of_matches(run: Path, tmp_path: Path, span: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a match, or the first and the last"):
        exported(run, "--to", "minari", "--out", tmp_path / "out", f"--matches={span}")


def test_nothing_is_written_over(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is something already"):
        exported(run, "--to", "minari", "--out", tmp_path)


def test_a_log_that_was_changed_is_not_exported(tmp_path: Path) -> None:
    played(tmp_path / "run", kinds=[GOOD, GOOD], matches=2, views=VIEWS)
    edit(tmp_path / "run", 1, "tick", lambda line: line.update(rewards=[7.0, -7.0]), tick=0)
    with pytest.raises(RecordError, match="match 1 cannot be played again: `arena verify` says where it differs"):
        exported(tmp_path / "run", "--to", "minari", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not a run folder"):
        exported(tmp_path, "--to", "minari", "--out", tmp_path / "out")
