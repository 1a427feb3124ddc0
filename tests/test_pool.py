"""A pool larger than the seats, several games, and a schedule that hears results: played, stopped, checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from arena.errors import InputError, RecordError
from arena.lineup import build_plan, resolve
from arena.match import Match
from arena.observer import Observer
from arena.operator import Outcome
from arena.plan import Plan, PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.resume import plan_of
from arena.record.verify import verify

SCHEDULE = Path(__file__).parents[1] / "docs" / "examples" / "race_schedule.py"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class Stopper(Observer):
    """As if Ctrl-C came after so many matches."""

    def __init__(self, after: int) -> None:
        self.after = after

    def ended(self, match: Match, outcome: Outcome) -> None:
        self.after -= 1
        if not self.after:
            raise KeyboardInterrupt


def log(folder: Path) -> bytes:
    return (folder / "log-000.jsonl").read_bytes()


def test_three_operators_play_a_game_of_two_and_each_is_loaded_once(tmp_path: Path) -> None:
    plan = resolve(PlanSpec(games=("leduc@seats=2",), operators=("random", "scripted", "ppo"), seed=2))
    [table] = run_plan(plan, tmp_path / "run", concurrency=4)
    assert (plan.schedule.name, plan.matches) == ("round_robin", 6)
    assert [(row.operator, row.matches) for row in table.rows] == [("random", 4), ("scripted", 4), ("ppo", 4)]
    assert len(list((tmp_path / "run" / "workers").glob("*.log"))) == 3
    assert verify(Run(tmp_path / "run")).passed


def test_each_game_has_a_table_and_an_operator_is_loaded_once_for_all_of_them(tmp_path: Path) -> None:
    games = ("leduc@seats=2", "kuhn@seats=3")
    plan = resolve(PlanSpec(games=games, operators=("scripted", "random", "random"), seed=2, matches=24))
    tables = run_plan(plan, tmp_path / "run", concurrency=5)
    assert [(table.game, table.matches) for table in tables] == [("leduc", 12), ("kuhn", 12)]
    assert len(list((tmp_path / "run" / "workers").glob("*.log"))) == 2  # the two `random` are equal
    assert verify(Run(tmp_path / "run")).passed
    run_plan(plan, tmp_path / "one", concurrency=1)
    assert log(tmp_path / "one") == log(tmp_path / "run")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"games": ("connect_four",), "schedule": "blocks"}, "3 operators, and a game has 2 seats"),
        ({"games": ("connect_four", "connect_four")}, "'connect_four' is given twice"),
        ({"games": ("connect_four@seats=3",)}, "connect_four takes 2 to 2 seats, not 3"),
        ({"games": ("holdem@seats=4",)}, "has 4 seats: give as many operators"),
        ({"games": ()}, "at least one game"),
        ({"games": "leduc"}, r"games='leduc': expected a list of names"),
        ({"operators": "random"}, "operators='random': expected a list of names"),
        ({"schedule": "round_robbin"}, "no schedule 'round_robbin'. Did you mean round_robin"),
        ({"schedule": "round_robin@x=1"}, "it has no option 'x'"),
        ({"schedule": f"{SCHEDULE}@gap=-1"}, "gap"),
        ({"schedule": "./nowhere.py"}, "there is no file"),
    ],
)
def test_a_spec_that_cannot_be_is_said(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve(PlanSpec(**{"games": ("leduc",), "operators": ("random", "random", "random"), **spec}))


# --- a schedule that hears results ------------------------------------------------------------------------------------


def race(**changes: Any) -> Plan:
    spec = PlanSpec(
        games=("leduc@seats=2",),
        operators=("scripted", "random", "random"),
        schedule=f"{SCHEDULE}:KingOfTheHill@gap=4",
        seed=6,
    )
    return resolve(msgspec.structs.replace(spec, **changes))


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("race") / "run"
    run_plan(race(), folder)
    return folder


def test_what_is_played_follows_from_results_alone(raced: Path, tmp_path: Path) -> None:
    heads = [lines[0] for lines in Run(raced).matches()]
    assert len({head.seats for head in heads}) > 2  # type: ignore[union-attr]
    run_plan(race(), tmp_path / "run", concurrency=8)
    assert log(tmp_path / "run") == log(raced)


def test_a_run_that_hears_results_stops_and_goes_on(raced: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_plan(race(), tmp_path / "run", concurrency=3, observer=Stopper(2))
    for after in (1, 5):
        stopped = Run(tmp_path / "run")
        assert verify(stopped).passed
        with pytest.raises(KeyboardInterrupt):
            run_plan(plan_of(stopped), tmp_path / "run", concurrency=3, observer=Stopper(after), resume=True)
    run_plan(plan_of(Run(tmp_path / "run")), tmp_path / "run", concurrency=3, resume=True)
    assert log(tmp_path / "run") == log(raced)
    assert (tmp_path / "run" / "results.json").read_bytes() == (raced / "results.json").read_bytes()


def test_verify_follows_the_schedule_with_the_results_of_the_log(raced: Path, tmp_path: Path) -> None:
    report = verify(Run(raced))
    assert (report.passed, report.heard, report.planned) == (True, True, None)
    cut = Path(shutil.copytree(raced, tmp_path / "cut"))
    matches = list(Run(cut).matches())
    lines = log(cut).splitlines(keepends=True)
    (cut / "log-000.jsonl").write_bytes(b"".join(lines[: -len(matches[-1])]))
    problem = verify(Run(cut)).problems[0]
    assert "the schedule goes on" in problem.text
    other = [json.loads(line) for line in lines]
    other[0]["seats"] = other[0]["seats"][::-1]
    (cut / "log-000.jsonl").write_text("".join(json.dumps(line) + "\n" for line in other))
    assert "seats" in verify(Run(cut)).problems[0].text


def test_a_log_that_the_schedule_does_not_lead_to_is_not_gone_on_with(raced: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(raced, tmp_path / "run"))
    (run / "results.json").unlink()
    lines = [json.loads(line) for line in log(run).splitlines()]
    lines[0]["block"] = 9
    (run / "log-000.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(RecordError, match=r"match 0 as block 9 .*the schedule gives block 0"):
        run_plan(race(), run, resume=True)


def test_the_schedule_of_a_run_is_kept_in_its_folder_and_not_run_unasked(
    raced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(raced, tmp_path / "run"))
    head = json.loads((run / "run.json").read_text())
    head["schedule"]["path"] = str(tmp_path / "gone.py")
    (run / "run.json").write_text(json.dumps(head))
    with pytest.raises(RecordError, match=r"code of its own.*never played here.*--trust"):
        verify(Run(run))
    assert verify(Run(run), trust=True).passed


def test_it_cannot_be_played_in_parts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hears results: its matches cannot be played in parts"):
        run_plan(race(matches=10), tmp_path / "run", part=range(5))


def test_a_plan_of_one_game_is_a_spec_too() -> None:
    assert build_plan("kuhn", ["random", "random"], seed=3).spec == PlanSpec(
        games=("kuhn",), operators=("random", "random"), schedule="blocks", seed=3, matches=1, mirror=True
    )
