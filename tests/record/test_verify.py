"""Verification finds every change, and says in which match and tick it first shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from arena.canonical import generator
from arena.errors import RecordError
from arena.operator import Decision, Operator, Request, WorkerContext
from arena.record.reader import Run
from arena.record.verify import Report, verify
from tests.record.kit import Line, by_match, edit, make_plan, read, record, write
from tests.toys import Good, kind_of

MATCHES = 4


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(make_plan(matches=MATCHES), tmp_path_factory.mktemp("record") / "run").folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(recorded, tmp_path / "run"))


def test_an_honest_run_is_verified(folder: Path) -> None:
    report = verify(Run(folder))
    assert report.passed
    lines = read(folder)
    assert report.matches == MATCHES
    assert report.ticks == sum(line["type"] == "tick" for line in lines)
    assert report.turns == sum(line["type"] == "turn" for line in lines)


def other_action(line: Line) -> None:
    line["action"] = next(a for a in line["legal"] if a != line["action"])


def other_answer(line: Line) -> None:
    line["answer"] = next(a for a in line["legal"] if a != line["answer"])


def other_reward(line: Line) -> None:
    line["rewards"][0] += 1.0


def other_returns(line: Line) -> None:
    line["returns"] = line["returns"][::-1] if line["returns"][0] else [1.0, -1.0]


CHANGES: dict[str, tuple[str, int | None, Callable[[Line], None]]] = {
    "action": ("turn", 1, other_action),
    "answer": ("turn", 1, other_answer),
    "answer to rubbish": ("turn", 1, lambda line: line.update(answer="rubbish")),
    "legal": ("turn", 1, lambda line: line.update(legal=[])),
    "operator": ("turn", 1, lambda line: line.update(operator="somebody")),
    "seat": ("turn", 1, lambda line: line.update(seat=1 - line["seat"])),
    "fault": ("turn", 1, lambda line: line.update(fault="illegal")),
    "timeout": ("turn", 1, lambda line: line.update(fault="timeout", action=0)),
    "text seen": ("turn", 1, lambda line: line["observation_hash"].update(text="0" * 32)),
    "vector seen": ("turn", 1, lambda line: line["observation_hash"].update(vector="0" * 32)),
    "view hidden": ("turn", 1, lambda line: line["observation_hash"].pop("text")),
    "reward": ("tick", 1, other_reward),
    "hash": ("tick", 1, lambda line: line.update(state_hash="0" * 32)),
    "event": ("tick", 1, lambda line: line.update(events=["seat 0 wins"])),
    "tick": ("tick", 1, lambda line: line.update(tick=9)),
    "seed": ("match", 0, lambda line: line.update(seed="0" * 32)),
    "seats": ("match", 0, lambda line: line["seats"].reverse()),
    "block": ("match", 0, lambda line: line.update(block=7)),
    "start": ("match", 0, lambda line: line.update(state_hash="0" * 32)),
    "options": ("match", 0, lambda line: line.update(options={"hands": 2})),
    "returns": ("end", None, other_returns),
    "status": ("end", None, lambda line: line.update(status="truncated")),
    "ticks": ("end", None, lambda line: line.update(ticks=99)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_where_it_first_shows(folder: Path, name: str) -> None:
    kind, tick, change = CHANGES[name]
    edit(folder, 2, kind, change, tick if kind in ("turn", "tick") else None)
    report = verify(Run(folder))
    assert not report.passed
    (problem,) = report.problems
    length = next(
        line["ticks"] for line in by_match(read(folder))[1 if name == "ticks" else 2] if line["type"] == "end"
    )
    assert problem.match == 2
    assert problem.tick == (tick if tick is not None else problem.tick if name == "ticks" else length)
    assert "match 2, tick" in str(problem)
    assert report.matches == MATCHES


def test_another_start_is_named_first(folder: Path) -> None:
    """As it is where the game's cartridge is another one."""
    edit(folder, 1, "match", lambda line: line.update(events=["rom sha1 0000"]))
    (problem,) = verify(Run(folder)).problems
    assert problem.text.startswith("it was played with rom sha1 0000, here there is nothing. events is")


def test_a_match_made_unresolved_is_at_least_counted(folder: Path) -> None:
    """A log cannot prove that a match was not voided; but the table no longer fits, and returns betray it."""
    matches = by_match(read(folder))
    end = {"type": "end", "match": 1, "status": "unresolved", "ticks": 0, "returns": [9.0, -9.0]}
    write(folder, [*matches[0], matches[1][0], end, *matches[2], *matches[3]])
    assert [problem.match for problem in verify(Run(folder)).problems] == [1]
    end["returns"] = None
    write(folder, [*matches[0], matches[1][0], end, *matches[2], *matches[3]])
    report = verify(Run(folder))
    assert report.unresolved == 1
    assert [problem.text for problem in report.problems] == ["results.json is not what the log gives"]


def rearranged(folder: Path, order: Callable[[list[list[Line]]], Sequence[list[Line]]]) -> Report:
    write(folder, [line for lines in order(by_match(read(folder))) for line in lines])
    return verify(Run(folder))


def test_a_deleted_match_is_named_and_the_others_still_verified(folder: Path) -> None:
    report = rearranged(folder, lambda matches: [*matches[:1], *matches[2:]])
    assert [str(problem) for problem in report.problems] == ["match 1, 1 of 4 planned matches are missing: 1"]
    assert report.matches == MATCHES - 1


def test_a_match_that_stands_twice_or_was_never_planned_is_named(folder: Path) -> None:
    report = rearranged(folder, lambda matches: [*matches, matches[1]])
    assert ["match 1" in str(problem) for problem in report.problems] == [True]
    edit(folder, 4, "match", lambda line: line.update(match=12))
    (problem,) = verify(Run(folder)).problems
    assert "has match 12, but 4 are planned" in str(problem)


def test_swapped_matches_are_found(folder: Path) -> None:
    assert not rearranged(folder, lambda matches: [matches[1], matches[0], *matches[2:]]).passed


@pytest.mark.parametrize("kind", ["turn", "tick", "end", "match"])
def test_a_deleted_line_is_found_in_its_match(folder: Path, kind: str) -> None:
    def without(matches: list[list[Line]]) -> list[list[Line]]:
        matches[1].remove(next(line for line in matches[1] if line["type"] == kind))
        return matches

    write_to = [line for lines in without(by_match(read(folder))) for line in lines]
    write(folder, write_to)
    report = verify(Run(folder))
    assert any(problem.match == 1 for problem in report.problems), report.problems


def test_a_line_too_many_is_found(folder: Path) -> None:
    def doubled(matches: list[list[Line]]) -> list[list[Line]]:
        matches[1].insert(2, matches[1][1])
        return matches

    (problem,) = rearranged(folder, doubled).problems
    assert problem.match == 1


def test_a_changed_result_table_is_found(folder: Path) -> None:
    [table] = json.loads((folder / "results.json").read_text())
    table["rows"][0]["score"] = 100.0
    (folder / "results.json").write_text(json.dumps([table]))
    assert [str(problem) for problem in verify(Run(folder)).problems] == ["results.json is not what the log gives"]


def test_a_run_without_results_is_one_that_stopped(folder: Path) -> None:
    (folder / "results.json").unlink()
    report = verify(Run(folder))
    assert report.stopped
    assert report.passed
    write(folder, [line for lines in by_match(read(folder))[:3] for line in lines])
    report = verify(Run(folder))
    assert (report.passed, report.stopped, report.matches, report.planned) == (True, True, 3, MATCHES)


def test_a_gap_in_the_log_of_a_run_that_stopped_is_found(folder: Path) -> None:
    (folder / "results.json").unlink()
    report = rearranged(folder, lambda matches: [*matches[:1], *matches[2:]])
    assert [str(problem) for problem in report.problems] == ["match 1, 1 of 4 planned matches are missing: 1"]


def test_a_complete_run_without_its_last_match_is_not_one_that_stopped(folder: Path) -> None:
    report = rearranged(folder, lambda matches: matches[:-1])
    assert [str(problem) for problem in report.problems] == ["match 3, 1 of 4 planned matches are missing: 3"]


def test_a_picture_drawn_differently_is_told_apart_from_the_rules(folder: Path) -> None:
    edit(folder, 2, "turn", lambda line: line["observation_hash"].update(image="0" * 32), 1)
    report = verify(Run(folder))
    assert report.problems == []
    assert [(problem.match, problem.tick) for problem in report.pictures] == [(2, 1)]
    assert not report.passed
    assert report.matches == MATCHES


@pytest.mark.parametrize(
    "damage", [b"{", b"", b"null", b'{"type":"tick"}', b'{"type":"match","x":"\xff"}', b"[" * 9000]
)
def test_a_damaged_line_is_named(folder: Path, damage: bytes) -> None:
    lines = (folder / "log-000.jsonl").read_bytes().splitlines()
    lines[4] = damage
    (folder / "log-000.jsonl").write_bytes(b"\n".join(lines))
    with pytest.raises(RecordError, match=r"log-000.jsonl, line 5 is damaged"):
        verify(Run(folder))


def change_head(folder: Path, change: Callable[[Line], None]) -> None:
    head = json.loads((folder / "run.json").read_text())
    change(head)
    (folder / "run.json").write_text(json.dumps(head))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda head: head["games"][0].update(version=99), "leduc version 99; installed is 1"),
        (lambda head: head["games"][0].update(name="leducc"), "Did you mean leduc"),
        (lambda head: head["games"][0].update(options={"hands": 0}), "recorded options"),
        (lambda head: head.update(format=99), "format 99"),
        (lambda head: head.pop("format"), "names no format"),
        (lambda head: head["games"][0].pop("operators"), "operators"),
        (lambda head: head["plan"].update(seed="x"), "seed"),
        (lambda head: head["plan"]["limits"].update(max_reasks="x"), "max_reasks"),
    ],
)
def test_what_this_installation_cannot_re_execute_is_said(
    folder: Path, change: Callable[[Line], None], said: str
) -> None:
    change_head(folder, change)
    with pytest.raises(RecordError, match=said):
        verify(Run(folder))


def test_another_plan_is_not_this_log(folder: Path) -> None:
    change_head(folder, lambda head: head["plan"].update(seed=1))
    assert not verify(Run(folder)).passed
    change_head(folder, lambda head: head["plan"].update(seed=0, matches=MATCHES + 1))
    assert "missing: 4" in str(verify(Run(folder)).problems[0])


@pytest.mark.parametrize(("name", "text"), [("run.json", None), ("run.json", "{"), ("run.json", "[]")])
def test_a_folder_that_is_no_run_is_refused(folder: Path, name: str, text: str | None) -> None:
    path = folder / name
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(RecordError, match=name):
        verify(Run(folder))


def test_a_torn_results_file_does_not_pass(folder: Path) -> None:
    (folder / "results.json").write_text("{")
    found = verify(Run(folder))
    assert not found.passed
    assert any("results.json" in str(problem) for problem in found.problems)


# --- faults of every kind are re-executed to the same end -------------------------------------------------------------


class Chaos(Good):
    """Anything may come of it; the same for the same key."""

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self.any(r) for r in requests]

    def any(self, r: Request) -> Decision:
        chance = generator(self.seeds[r.match, r.seat][:8] + bytes([r.tick, r.attempt] * 4))
        match chance.integers(9):
            case 0:
                return Decision(answer=int(chance.integers(-1, 5)), thought="hm", raw="x")
            case 1:
                return Decision(answer=str(chance.choice(["bet", " CALL ", "x", ""])))
            case 2:
                return Decision()
            case 3:
                return Decision(answer=1, fault="timeout", detail="late")
            case 4:
                return Decision(fault="unparsable", detail="the person gave up")
            case 5:
                return Decision(answer=1, fault="illegal", detail="by its own account")
            case 6:
                raise ValueError("a bug")
            case _:
                return self.one(r)


def chaos(context: WorkerContext) -> Operator:
    return Chaos()


@pytest.mark.parametrize("max_reasks", [0, 1, 2])
@pytest.mark.parametrize("game", ["kuhn", "leduc", "connect_four", "holdem@hands=2"])
def test_faults_of_every_kind_are_verified(tmp_path: Path, game: str, max_reasks: int) -> None:
    name, _, hands = game.partition("@hands=")
    kind = kind_of("chaos", "tests.record.test_verify:chaos")
    options = {"hands": int(hands)} if hands else None
    run = record(
        make_plan(name, [kind, kind], matches=6, max_reasks=max_reasks, options=options, views=None), tmp_path / "run"
    )
    report = verify(run)
    assert report.problems == []
    assert any(line.get("fault") for line in read(run.folder))


def test_another_version_of_the_engine_is_said(folder: Path) -> None:
    head = json.loads((folder / "run.json").read_text())
    here = head["games"][0]["engines"]["open_spiel"]
    assert verify(Run(folder)).engines == []
    head["games"][0]["engines"]["open_spiel"] = "1.4"
    (folder / "run.json").write_text(json.dumps(head))
    report = verify(Run(folder))
    assert report.engines == [f"open_spiel 1.4, here is {here}"]
    assert report.passed
