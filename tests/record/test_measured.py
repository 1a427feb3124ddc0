"""What a game measures in its matches stands in results.json, is verified, and costs nothing where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from arena import plugins
from arena.cli.main import cli
from arena.errors import RecordError
from arena.game import Game
from arena.measures import Layout, Measure
from arena.record import measured
from arena.record.measured import usable_measures, with_measures
from arena.record.reader import Run
from arena.record.verify import verify
from tests.record.kit import edit, make_plan, record

TABLES = {"ends": Layout("Ends", ("operator",), "matches", {"ahead": "share", "gained": "mean"})}


class Ends:
    tables = TABLES

    def of(self, game: Game, returns: Sequence[float]) -> Iterator[Measure]:
        for seat, gained in enumerate(returns):
            yield Measure("ends", "ahead", gained > 0, seat)
            yield Measure("ends", "gained", gained, seat)


def ends(game: Game) -> Ends:
    return Ends()


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins.game_class("leduc"), "measures", "tests.record.test_measured:ends")


@pytest.mark.usefixtures("measuring")
def test_what_a_game_measures_is_written_beside_the_scores(tmp_path: Path) -> None:
    run = record(make_plan(matches=6), tmp_path / "run")
    (table,) = json.loads((run.folder / "results.json").read_bytes())
    (found,) = table["measures"]
    assert (found["title"], found["matches"]) == ("Ends", 6)
    for row, score in zip(found["rows"], table["rows"], strict=True):
        assert row["names"] == [score["operator"]]
        gained = row["cells"][1]
        assert gained["value"] == pytest.approx(score["score"])
        assert (gained["low"], gained["high"]) == pytest.approx((score["low"], score["high"]))


def test_a_run_of_games_that_measure_nothing_is_not_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = record(make_plan(matches=4), tmp_path / "run")
    monkeypatch.setattr(measured, "recorded_game", lambda *args: pytest.fail("it is played again"))
    monkeypatch.setattr(Run, "played", lambda self: pytest.fail("its log is read again"))
    tables = run.recorded_tables()
    assert tables is not None
    assert with_measures(run, tables) == tables


@pytest.mark.usefixtures("measuring")
def test_a_measure_that_was_changed_is_found_and_one_in_its_last_digits_is_not(tmp_path: Path) -> None:
    run = record(make_plan(matches=6), tmp_path / "run")
    path = run.folder / "results.json"
    tables = json.loads(path.read_bytes())
    cell = tables[0]["measures"][0]["rows"][0]["cells"][1]
    for change, passes in ((1e-12, True), (0.01, False)):
        cell["value"] += change
        path.write_text(json.dumps(tables))
        assert verify(run).passed is passes


@pytest.mark.usefixtures("measuring")
def test_a_match_of_which_the_game_tells_nothing_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Ends.of
    asked: list[int] = []

    def half(self: Ends, game: Game, returns: Sequence[float]) -> Iterator[Measure]:
        asked.append(1)
        return whole(self, game, returns) if len(asked) % 2 else iter(())

    monkeypatch.setattr(Ends, "of", half)
    run = record(make_plan(matches=4), tmp_path / "run")
    tables = run.recorded_tables()
    assert tables is not None
    assert tables[0].measures[0].matches == 2


@pytest.mark.usefixtures("measuring")
def test_a_log_that_does_not_go_as_it_says_is_refused_in_words(tmp_path: Path) -> None:
    run = record(make_plan(matches=4), tmp_path / "run")
    edit(run.folder, 0, "end", lambda line: line.update(returns=[9.0, -9.0]))
    with pytest.raises(RecordError, match=r"match 0 does not go as its log says: .* verify"):
        with_measures(run, run.tables())


def test_a_run_that_cannot_be_played_again_is_shown_without_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measuring: None
) -> None:
    run = record(make_plan(matches=4), tmp_path / "run")
    shown = CliRunner().invoke(cli, ["show", str(run.folder)], catch_exceptions=False).output
    assert "Ends" in shown
    (run.folder / "results.json").unlink()
    head = json.loads((run.folder / "run.json").read_bytes())
    head["games"][0]["version"] += 1
    (run.folder / "run.json").write_text(json.dumps(head))
    stopped = Run(run.folder)
    tables, why = usable_measures(stopped, stopped.tables())
    assert tables == stopped.tables()
    assert why is not None
    assert "was played with leduc version" in why
    done = CliRunner().invoke(cli, ["show", str(run.folder)], catch_exceptions=False)
    assert done.exit_code == 0
    assert why in done.output
