"""The log says who was asked, what they got, and why they were asked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from arena import plugins
from arena.lineup import build_plan
from arena.local_workers import LocalWorkers
from arena.log import EndLine, TickLine, TurnLine
from arena.operator import Decision, Request, WorkerContext
from arena.plan import Limits, Plan
from arena.play import describe
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from tests.toys import Good, Together, Turns, kind_of, plan_of


def play(plan: Plan, folder: Path, concurrency: int = 4) -> Run:
    recorder = Recorder(folder, describe(plan))
    Scheduler(plan, LocalWorkers(plan.entries), concurrency=concurrency, recorder=recorder).run()
    recorder.close()
    return Run(folder)


class Signed(Good):
    """Signs what it says by the slot of the line-up that it was built for."""

    def __init__(self, slot: str) -> None:
        super().__init__()
        self.slot = slot

    def one(self, r: Request) -> Decision:
        return msgspec.structs.replace(super().one(r), raw=self.slot)


def signed(context: WorkerContext) -> Signed:
    return Signed(context.what)


@pytest.mark.parametrize("game", [Turns, Together])
@pytest.mark.parametrize("concurrency", [1, 6])
def test_every_turn_came_from_the_operator_that_it_names(tmp_path: Path, game: type[Turns], concurrency: int) -> None:
    """All permutations of three operators: a worker that was asked for another's seat would sign there."""
    run = play(plan_of(game, [kind_of("op", "tests.test_who_and_what:signed")] * 3, matches=12), tmp_path, concurrency)
    turns = [line for line in run.lines() if isinstance(line, TurnLine)]
    assert {(turn.operator, turn.raw) for turn in turns} == {(f"op{slot}", f"slot{slot}") for slot in range(3)}
    seats = {(turn.seat, turn.operator) for turn in turns}
    assert seats == {(seat, f"op{slot}") for seat in range(3) for slot in range(3)}


@pytest.mark.parametrize(
    "game",
    ["kuhn", "leduc", "connect_four", "holdem@hands=1", "holdem@hands=4", "sidescroller", "race"],
)
def test_logged_rewards_add_up_to_the_returns(tmp_path: Path, game: str) -> None:
    seats = max(2, plugins.game_class(game.partition("@")[0]).spec.seats[0])
    plan = build_plan(game, ["random"] * seats, seed=5, matches=4, limits=Limits(max_ticks=60))
    totals, seen = [0.0] * seats, 0
    for line in play(plan, tmp_path).lines():
        if isinstance(line, TickLine):
            totals = [total + reward for total, reward in zip(totals, line.rewards, strict=True)]
            seen += any(line.rewards)
        elif isinstance(line, EndLine):
            assert line.returns == pytest.approx(totals)
            totals = [0.0] * seats
    assert seen >= 4  # not because nobody ever gets anything


class Asks(Good):
    """Says rubbish first, then repeats why it was asked again."""

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [
            msgspec.structs.replace(self.one(r), raw=r.reason) if r.attempt else Decision(answer="?!") for r in requests
        ]


def asks(context: WorkerContext) -> Asks:
    return Asks()


def test_who_is_asked_again_is_told_why(tmp_path: Path) -> None:
    run = play(plan_of(Turns, [kind_of("op", "tests.test_who_and_what:asks")] * 2, matches=2, max_reasks=1), tmp_path)
    turns = [line for line in run.lines() if isinstance(line, TurnLine)]
    first, again = turns[::2], turns[1::2]
    assert [turn.fault for turn in first] == ["unparsable"] * len(first)
    assert [turn.raw for turn in again] == [turn.detail for turn in first]
    assert all(turn.detail and "?!" in turn.detail for turn in first)
