"""People: what records call them, and that no deal is met twice, in one run or in several."""

from __future__ import annotations

from pathlib import Path

import pytest

from arena import names, people
from arena.errors import InputError
from arena.lineup import resolve
from arena.log import MatchLine
from arena.match import Match
from arena.met import ranges
from arena.observer import Observer
from arena.plan import Limits, PlanSpec, deal_of
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from tests.cli.kit import run

ABSENT = Limits(human_timeout=0)  # the person never answers: each turn is the fault `timeout`


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def spec(*operators: str, matches: int = 4, mirror: bool | None = None) -> PlanSpec:
    games = ("kuhn@seats=2",)
    return PlanSpec(games=games, operators=operators, matches=matches, limits=ABSENT, mirror=mirror, seed=5)


def play(out: Path, *operators: str, resume: bool = False, observer: Observer | None = None, **how: object) -> Run:
    run_plan(resolve(spec(*operators, **how)), out, resume=resume, observer=observer)  # type: ignore[arg-type]
    return Run(out)


def deals(run: Run) -> list[str]:
    return [line.seed for line in run.lines() if isinstance(line, MatchLine)]


def known(text: str) -> str:
    return people.recorded(names.parse(text)).options["person"]


def test_a_name_becomes_a_pseudonym_that_stays(home: Path) -> None:
    assert known("human@person=Anna") == known("human@person=anna") != known("human@person=Bert")
    assert known(f"human@person={known('human@person=Anna')}") == known("human@person=Anna")
    assert (home / "people/key").stat().st_mode & 0o777 == 0o600


def test_another_home_gives_another_pseudonym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = known("human@person=Anna")
    monkeypatch.setenv("ARENA_HOME", str(tmp_path / "other"))
    assert known("human@person=Anna") != here


@pytest.mark.parametrize("given", ["human@person=P07", "human@person=Anna@named=true"])
def test_an_id_stays_and_a_name_if_it_is_wished(given: str) -> None:
    assert str(people.recorded(names.parse(given))) == given


@pytest.mark.parametrize("given", ["human@person='  '", "human@person=Anna@named=perhaps"])
def test_what_is_no_name_is_refused(given: str) -> None:
    with pytest.raises(InputError):
        people.recorded(names.parse(given))


def test_one_person_sits_once() -> None:
    with pytest.raises(InputError, match="given twice"):
        resolve(spec("human:web@person=Anna", "human:web@person=anna"))


def test_no_file_of_a_run_has_the_name(tmp_path: Path) -> None:
    words = ["play", "-g", "kuhn", "-o", "human:web@person=Zebulon,random", "--human-timeout", "0", "--out", "run"]
    code, _, err = run(tmp_path, *words)
    assert code == 0, err
    assert f"Zebulon is {known('human@person=Zebulon')} in all records" in err
    files = [path for folder in ("run", "home") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"zebulon" in path.read_bytes().lower()] == []


def test_a_person_meets_no_deal_in_two_runs(tmp_path: Path) -> None:
    first = play(tmp_path / "first", "human:web@person=Anna", "random")
    with_another = play(tmp_path / "second", "human:web@person=P07", "human:web@person=Anna", matches=3)
    third = play(tmp_path / "third", "human:web@person=P07", "random")
    assert set(deals(first)).isdisjoint(deals(with_another))
    assert set(deals(with_another)).isdisjoint(deals(third))
    assert deals(third) == deals(first)[:4]  # which P07 had not met
    assert with_another.head.plan.skipped == (((0, 4),),)
    assert verify(with_another).passed
    assert "4 deals were left out" in with_another.head.met(0)[0]


def test_mirrored_deals_are_others_in_another_run(tmp_path: Path) -> None:
    first = play(tmp_path / "first", "human:web@person=Anna", "random", mirror=True)
    second = play(tmp_path / "second", "human:web@person=Anna", "random", mirror=True)
    assert len(set(deals(first))) == len(set(deals(second))) == 2
    assert set(deals(first)).isdisjoint(deals(second))


class Stop(Observer):
    """As Ctrl-C in the middle of the third match."""

    def __init__(self) -> None:
        self.met: list[str] = []

    def started(self, match: Match) -> None:
        self.met.append(match.plan.seed.hex())
        if len(self.met) == 3:
            raise KeyboardInterrupt


def test_a_match_that_was_stopped_goes_on_with_another_deal(tmp_path: Path) -> None:
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / "run", "human:web@person=Anna", "random", observer=stop)
    run = play(tmp_path / "run", "human:web@person=Anna", "random", resume=True)
    assert deals(run)[:2] == stop.met[:2]
    assert stop.met[2] not in deals(run)
    assert len(set(deals(run))) == 4
    assert verify(run).passed


def test_parts_with_a_person_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="undivided"):
        run_plan(resolve(spec("human:web@person=Anna", "random")), tmp_path / "run", part=range(2))


def test_deals_are_numbered_around_those_that_are_skipped() -> None:
    skipped = (ranges([1, 2, 5]),)
    assert skipped == (((1, 3), (5, 6)),)
    assert [deal_of(block, skipped, 0) for block in range(5)] == [0, 3, 4, 6, 7]
