"""An audit says what is wrong with a run, and nothing of one that is right."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from arena.analysis.answers import Answers, Example, Place
from arena.analysis.audit import Audit, audit, audit_facts
from arena.analysis.audit_facts import Answer, Facts
from arena.cli.main import cli
from arena.lineup import build_plan, resolve
from arena.plan import PlanSpec
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.rerun import Agreement, Rerun, write_rerun
from scripts.eval.leagues import game_head
from tests.analysis.kit import facts, margins

HONEST = np.array([1.0, 0.6, 0.3, 0.0])


def asked(of: Audit, name: str) -> Answer:
    return next(answer for answer in of.answers if answer.name == name)


def made(seed: int = 1, **how: object) -> Facts:
    return facts(margins(HONEST, seed=seed, **how))  # type: ignore[arg-type]


def test_nothing_is_found_in_an_honest_run() -> None:
    found = audit_facts(made())
    assert [answer.findings for answer in found.answers] == [[] for _ in found.answers]


@pytest.mark.parametrize(("mirror", "warning"), [(True, False), (False, True)])
def test_a_seat_that_decides_is_a_warning_only_where_it_is_not_shared(mirror: bool, warning: bool) -> None:
    lineups = None if mirror else [(0, 1), (0, 1), (1, 0), (2, 3), (3, 2)]
    found = asked(audit_facts(made(seat=(2.0, -2.0), blocks=20, mirror=mirror, lineups=lineups)), "seats")
    (finding,) = found.findings
    assert finding.warning is warning
    assert "seat 0 got +" in finding.text or "seat 1 got -" in finding.text


def test_groups_that_never_met_are_named() -> None:
    (finding,) = asked(audit_facts(made(lineups=[(0, 1), (2, 3)])), "connected").findings
    assert finding.warning
    assert "no match connects {op0, op1} and {op2, op3}" in finding.text


def test_who_won_everything_is_separated() -> None:
    one = margins((50.0, 0.0, 0.1), seed=1)
    (finding,) = asked(audit_facts(facts(one)), "connected").findings
    assert "{op1, op2} and {op0} are separated" in finding.text
    assert not finding.warning


def test_unequal_opponents_are_told() -> None:
    found = made(lineups=[(0, 1), (0, 1), (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    (finding,) = asked(audit_facts(found), "opponents").findings
    assert "pairs met from 20 to 60 times" in finding.text
    assert finding.warning


def test_ties_and_unresolved_matches_are_counted() -> None:
    found = audit_facts(made(ties=3.0, unresolved=0.2, blocks=40))
    assert asked(found, "ties").findings[0].numbers["share"] == pytest.approx(0.8, abs=0.05)
    assert asked(found, "unresolved").findings[0].numbers["share"] == pytest.approx(0.2, abs=0.05)
    assert asked(found, "unresolved").findings[0].warning


def test_faults_stand_with_both_scores_and_where_they_are() -> None:
    base = made()
    faults = np.where(base.outcomes.lineup == 2, np.arange(len(base.outcomes))[:, None] % 4 == 0, 0).astype(np.int32)
    place = Place(4, 0, 1)
    answers = {(0, "op2"): Answers(turns=60, faults={"illegal": 16}, examples={"illegal": [Example(place, None)]})}
    (finding,) = asked(
        audit_facts(replace(base, outcomes=replace(base.outcomes, faults=faults), answers=answers)), "faults"
    ).findings
    assert finding.operators == ("op2",)
    assert "16 illegal" in finding.text
    assert "over matches without one" in finding.text
    assert finding.evidence == ("illegal: match 4, tick 0, seat 1",)


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (Answers(turns=40, choices=40, chosen={2: 40}, first=10, questions=30), "chose action 2 in all of 40 choices"),
        (Answers(turns=40, choices=40, chosen={2: 20, 1: 20}, first=40, questions=30), "chose the first legal action"),
        (Answers(turns=40, choices=40, chosen={2: 39, 1: 1}, first=39, questions=30), None),
        (Answers(turns=40, choices=19, chosen={2: 19}, first=0, questions=19), None),
    ],
)
def test_an_operator_that_never_chose_otherwise_is_named(answers: Answers, text: str | None) -> None:
    found = asked(audit_facts(replace(made(), answers={(0, "op1"): answers})), "varied").findings
    assert ([text in finding.text for finding in found] == [True]) if text else not found


def test_matches_that_all_went_the_same_way_say_nothing() -> None:
    base = made()
    same = replace(base.outcomes, course=np.zeros(len(base.outcomes), np.uint64))
    (finding,) = asked(audit_facts(replace(base, outcomes=same)), "repeats").findings
    assert finding.warning
    assert "all 120 matches of equal line-ups went the same way" in finding.text


@pytest.mark.parametrize("seeded", [True, False])
def test_seeds_that_did_nothing(seeded: bool) -> None:
    base = made()
    games = (game_head(list(base.outcomes.operators), 2, seeded=seeded),)
    outcomes = replace(base.outcomes, games=games, course=np.zeros(len(base.outcomes), np.uint64))
    head = msgspec.structs.replace(base.head, games=games)
    found = replace(base, head=head, outcomes=outcomes, starts=np.zeros(len(outcomes), np.uint64))
    (finding,) = asked(audit_facts(found), "seeds").findings
    assert "all 60 blocks began in the same state" in finding.text
    assert finding.warning is seeded


def test_a_temperature_that_changes_nothing_is_told() -> None:
    base = made()
    games = (game_head(list(base.outcomes.operators), 2, options={"temperature": 0.7}),)
    answers = {(0, "op1"): Answers(turns=90, choices=90, chosen={1: 50, 2: 40}, questions=50, repeated=40)}
    found = replace(base, head=msgspec.structs.replace(base.head, games=games), answers=answers)
    (finding,) = asked(audit_facts(found), "seeds").findings
    assert "op1 has temperature 0.7 and answered 40 repeated questions as the first time" in finding.text


def test_operators_that_decide_otherwise_when_asked_again(tmp_path: Path) -> None:
    assert not asked(audit_facts(made()), "again").known
    run_plan(build_plan("kuhn", ["random", "random"], matches=4), tmp_path / "run")
    agreements = [
        Agreement("random#1", "measured", 40, 38, differences=["match 1: 0, then 1"]),
        Agreement("random#2", ""),
    ]
    write_rerun(tmp_path / "run", Rerun(0, 2, 4, agreements))
    (finding,) = asked(audit(Run(tmp_path / "run")), "again").findings
    assert "random#1, measured, decided 38 of 40 questions as in the run (95.0%" in finding.text
    assert finding.evidence == ("match 1: 0, then 1",)


FIRST = """
from arena.game import Views
from arena.operator import Decision, Operator, OperatorKind


class First(Operator):
    def act(self, requests):
        return [Decision(answer=request.observation.legal[0]) for request in requests]


def build(context):
    return First()


KIND = OperatorKind(
    name="first", summary="the first", target=f"{__file__}:build", views=lambda spec, what, options: Views()
)
"""


@pytest.fixture(scope="module")
def cup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = PlanSpec(
        games=("leduc@seats=2", "connect_four"), operators=("scripted", "random", "random"), seed=1, matches=48
    )
    folder = tmp_path_factory.mktemp("cup") / "run"
    run_plan(resolve(spec), folder, concurrency=8)
    return folder


def test_the_command_says_it_in_words_and_as_json(cup: Path) -> None:
    words = CliRunner().invoke(cli, ["audit", str(cup)])
    assert words.exit_code == 0
    assert "In connect_four, all 24 blocks began in the same state, whatever their seed." not in words.output
    assert "Did seeds do anything?" in words.output
    assert "nothing to look at" in words.output
    told = CliRunner().invoke(cli, ["audit", str(cup), "--json"])
    assert msgspec.json.decode(told.output, type=Audit) == audit(Run(cup))


def test_of_a_run_that_stopped_it_says_how_far_it_came(cup: Path, tmp_path: Path) -> None:
    stopped = Path(shutil.copytree(cup, tmp_path / "stopped"))
    log = stopped / "log-000.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    found = audit(Run(stopped))
    assert 0 < found.matches < 48
    assert f"{found.matches} matches of 48 that are planned" in CliRunner().invoke(cli, ["audit", str(stopped)]).output
    log.write_bytes(b"")
    assert {(answer.known, answer.answer) for answer in audit(Run(stopped)).answers} == {
        (False, "no match is over yet")
    }


def test_strict_fails_where_there_is_something_to_look_at(cup: Path, tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["audit", str(cup), "--strict"]).exit_code == 0
    same = tmp_path / "same.py"
    same.write_text(FIRST)
    plan = build_plan("connect_four", [str(same), str(same)], matches=24)
    run_plan(plan, tmp_path / "same")
    assert CliRunner().invoke(cli, ["audit", str(tmp_path / "same"), "--strict"]).exit_code == 1
