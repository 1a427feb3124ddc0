"""A recorded match as plain data: what every way of showing it takes."""

from __future__ import annotations

from contextlib import closing

import msgspec
import pytest
from click.testing import CliRunner

from arena.cli.replay import replay
from arena.game import Views
from arena.lineup import build_plan
from arena.log import TickLine, TurnLine
from arena.play import run_plan
from arena.record.moments import Moment, moments
from arena.record.reader import Run
from arena.record.replay import Replay
from tests.record.kit import make_plan, record
from tests.toys import GOOD


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moments") / "run"
    run_plan(build_plan("kuhn@hands=2", ["random", "scripted"], seed=4, matches=2), folder)
    return Run(folder)


@pytest.fixture(scope="module")
def first(run):
    """The moments of the first match, and its lines."""
    with closing(Replay(run)) as recorded:
        plan, lines = next(recorded.recorded())
        views = {name: Views(text=True) for name in run.operators}
        return list(moments(recorded.match(plan), lines, views)), lines


def test_there_is_one_at_the_start_and_one_a_tick(first):
    shown, lines = first
    assert [moment.tick for moment in shown] == [None, *(line.tick for line in lines if isinstance(line, TickLine))]
    assert shown[0].seed
    assert not any(moment.seed for moment in shown[1:])


def test_a_turn_says_what_was_seen_answered_and_done_in_the_games_words(first):
    shown, lines = first
    turns = [turn for moment in shown for turn in moment.turns]
    assert [(turn.seat, turn.operator) for turn in turns] == [
        (line.seat, line.operator) for line in lines if isinstance(line, TurnLine)
    ]
    assert all("You hold" in (turn.saw or "") for turn in turns)
    assert all({turn.action, turn.named} <= {"pass", "bet"} and turn.action in turn.legal for turn in turns)


def test_a_seat_that_is_shown_a_picture_saw_no_words_about_it(tmp_path):
    run = record(make_plan("spy", [GOOD, GOOD, GOOD], matches=1, seed=1), tmp_path / "run")
    with closing(Replay(run)) as recorded:
        plan, lines = next(recorded.recorded())
        shown = list(moments(recorded.match(plan), lines, recorded.views(plan)))
    said = [turn.saw for moment in shown for turn in moment.turns]
    assert said
    assert all("Your picture: what you are shown." in (text or "") for text in said)


def test_rewards_add_up_to_the_result(first):
    last = first[0][-1]
    assert last.result is not None
    assert last.totals == last.result.returns


def test_the_command_writes_them_for_machines(run, first):
    done = CliRunner().invoke(replay, [str(run.folder), "--match", "0", "--json"], catch_exceptions=False)
    told = [msgspec.json.decode(line, type=Moment) for line in done.output.splitlines()]
    assert [moment.tick for moment in told] == [moment.tick for moment in first[0]]
    assert told[-1].result == first[0][-1].result


def test_what_cannot_follow_is_said(run):
    with closing(Replay(run)) as recorded:
        plan, lines = next(recorded.recorded())
        views = {name: Views(text=True) for name in run.operators}
        torn = list(moments(recorded.match(plan), lines[:-2], views))
        assert torn[-1].stops == "record ends"
        at = next(i for i, line in enumerate(lines) if isinstance(line, TickLine))
        other = [*lines[:at], msgspec.structs.replace(lines[at], state_hash="0"), *lines[at + 1 :]]
        changed = list(moments(recorded.match(plan), other, views))
        assert (changed[-1].stops, changed[-1].tick) == ("log differs", 0)
