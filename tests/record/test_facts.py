"""What operators say about themselves when they are ready is in the run folder, and what they took is in no log."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from arena.errors import ProtocolError, RecordError
from arena.operator import Decision, Operator, Request, Usage, WorkerContext
from arena.options import Option
from arena.play import describe
from arena.protocol import messages as m
from arena.protocol.connection_state import ConnectionState
from arena.record.facts import MOST
from arena.record.reader import Run
from arena.record.writer import Recorder
from tests.host_kit import Peer
from tests.record.kit import make_plan, record
from tests.toys import GOOD, kind_of, with_game


class Told(Operator):
    """Says what it runs on, and that each decision took it more than the one before."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def facts(self) -> Mapping[str, str]:
        return {"server": "toy 1.2", "model": "nano"}

    def act(self, requests: list[Request]) -> list[Decision]:  # type: ignore[override]
        out = []
        for request in requests:
            self.asked += 1
            usage = Usage(20, 3, cached=self.asked, first_token=0.25, seconds=self.asked / 4, dropped=2)
            out.append(Decision(answer=request.observation.legal[0], usage=usage))
        return out


def told(context: WorkerContext) -> Operator:
    return Told()


TOLD = kind_of("told", "tests.record.test_facts:told")


def test_the_facts_of_an_operator_are_in_the_run_folder(tmp_path: Path) -> None:
    run = record(make_plan("kuhn", [TOLD, TOLD]), tmp_path / "run")
    said = {"server": "toy 1.2", "model": "nano"}
    assert run.facts() == {"told0": [said], "told1": [said]}


def test_an_operator_without_facts_leaves_no_file(tmp_path: Path) -> None:
    record(make_plan("kuhn"), tmp_path / "run")
    assert not (tmp_path / "run" / "operators.json").exists()


def test_other_facts_are_kept_beside_those_before_them(tmp_path: Path) -> None:
    """A run that goes on with another server; what was said before is said once."""
    plan = make_plan("kuhn", [TOLD, TOLD])
    first = Recorder(tmp_path / "run", describe(plan))
    first.facts("told1", {"server": "toy 1"})
    first.close()
    again = Recorder.reopen(tmp_path / "run")
    for version in ("1", "2", "1"):
        again.facts("told1", {"server": f"toy {version}"})
    again.close()
    assert Run(tmp_path / "run").facts() == {"told1": [{"server": "toy 1"}, {"server": "toy 2"}]}


def test_there_is_an_end_to_what_is_kept(tmp_path: Path) -> None:
    with_facts = Recorder(tmp_path / "run", describe(make_plan("kuhn")))
    for number in range(2 * MOST):
        with_facts.facts("a", {"pid": str(number)})
    with_facts.close()
    assert len(Run(tmp_path / "run").facts()["a"]) == MOST


def test_a_run_whose_file_is_damaged_goes_on_when_it_is_removed_as_the_message_says(tmp_path: Path) -> None:
    Recorder(tmp_path / "run", describe(make_plan("kuhn", [TOLD, TOLD]))).close()
    (tmp_path / "run" / "operators.json").write_text("{")
    with pytest.raises(RecordError, match=r"operators\.json is damaged: .*remove it to go on"):
        Recorder.reopen(tmp_path / "run")
    (tmp_path / "run" / "operators.json").unlink()
    Recorder.reopen(tmp_path / "run").close()


def test_the_log_has_of_the_usage_what_equal_runs_have_equal_and_the_timing_file_the_rest(tmp_path: Path) -> None:
    run = record(make_plan("kuhn", [TOLD, TOLD], matches=2), tmp_path / "run", concurrency=1)
    logged = [json.loads(text) for text in (run.folder / "log-000.jsonl").read_text().splitlines()]
    assert {json.dumps(line["usage"]) for line in logged if line["type"] == "turn"} == {
        '{"prompt": 20, "completion": 3, "dropped": 2}'
    }
    lines = [json.loads(text) for text in (run.folder / "timing-000.jsonl").read_text().splitlines()]
    found = sorted((line["cached"], line["first_token"], line["model_seconds"]) for line in lines)
    assert found[:2] == [(1, 0.25, 0.25), (1, 0.25, 0.25)]


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({f"fact {i}": "x" for i in range(101)}, "says 101 facts: at most 100"),
        ({"x": "y" * 2001}, "says a fact of 2,001 characters"),
    ],
)
def test_facts_without_end_break_the_protocol(facts: dict[str, str], wrong: str) -> None:
    with pytest.raises(ProtocolError, match=wrong):
        ConnectionState().received(m.Status(state="ready", facts=facts), "s")


@pytest.mark.parametrize("facts", [{"context": 512}, {"x": "y" * 2001}, {"n": None}])
def test_an_operator_with_facts_that_are_none_is_refused(facts: dict[str, str]) -> None:
    """By its own worker, in words, instead of by the arena as a breach of the protocol."""

    class Odd(Told):
        @property
        def facts(self) -> Mapping[str, str]:
            return facts

    (error,) = Peer(Odd()).out
    assert isinstance(error, m.Error)
    assert "fact" in error.text


def test_what_models_took_is_summed_in_a_file_apart_from_the_results(tmp_path: Path) -> None:
    price = {"price": Option("str", None, "")}
    kinds = [dataclasses.replace(TOLD, options=price), GOOD]
    plan = make_plan("kuhn", kinds, matches=2)
    first = dataclasses.replace(plan.pool[0], options={"price": "1000/0/100"})
    run = record(with_game(plan, operators=(first, plan.pool[1])), tmp_path / "run", concurrency=1)
    with closing(Recorder.reopen(run.folder)) as recorder:
        recorder.usage(run.times(), run.prices())
    used = json.loads((run.folder / "usage.json").read_text())
    assert list(used) == ["told0"]
    (table,) = run.recorded_tables() or []
    turns = table.rows[0].turns
    cached = turns * (turns + 1) // 2
    assert used["told0"]["turns"] == turns
    assert (used["told0"]["prompt_tokens"], used["told0"]["cached_tokens"]) == (20 * turns, cached)
    assert used["told0"]["cost"] == pytest.approx((20 * turns - cached) / 1000 + cached / 10_000)
    assert used["told0"]["first_token"] == 0.25
    assert used["told0"]["dropped_turns"] == 2 * turns == table.rows[0].dropped
