"""Whole matches of spy with a policy that ships: with its own kind and `scripted`, and with a model and a person."""

from __future__ import annotations

import pytest

pytest.importorskip("safetensors")

from arena.lineup import build_plan
from arena.log import MatchLine, TurnLine
from arena.plan import Limits
from arena.play import run_plan
from arena.record.reader import Run
from arena.record.verify import verify
from arena_games.spy.table import FIRST, FIRST_SEAT


def played(out, operators, **how):
    """The run of whole matches, and the turns of each operator."""
    plan = build_plan("spy", operators, seed=4, **how)
    run_plan(plan, out)
    run = Run(out)
    assert verify(run).passed
    assert sum(isinstance(line, MatchLine) for line in run.lines()) == plan.matches
    turns = [line for line in run.lines() if isinstance(line, TurnLine)]
    return {name: [turn for turn in turns if turn.operator == name] for name in {turn.operator for turn in turns}}


def test_policies_say_statements_and_vote_for_seats(tmp_path):
    turns = played(tmp_path / "run", ["ppo", "ppo", "ppo", "scripted"], matches=4)
    assert sorted(turns) == ["ppo#1", "ppo#2", "ppo#3", "scripted"]
    actions = [turn.action for name in turns for turn in turns[name]]
    assert None not in actions
    assert any(action >= FIRST for action in actions)
    assert any(FIRST_SEAT <= action < FIRST for action in actions)
    assert [turn.fault for name in turns for turn in turns[name] if turn.fault] == []


def test_a_model_a_policy_and_a_person_who_is_away_finish_a_match(tmp_path):
    pytest.importorskip("transformers")
    operators = ["vlm:nano-games", "ppo", "human:web", "scripted"]
    turns = played(tmp_path / "run", operators, matches=1, limits=Limits(human_timeout=0))
    assert sorted(name.partition(":")[0] for name in turns) == ["human", "ppo", "scripted", "vlm"]
    by_kind = {name.partition(":")[0]: found for name, found in turns.items()}
    assert {turn.fault for turn in by_kind["human"]} == {"timeout"}
    assert all(turn.raw for turn in by_kind["vlm"])
    assert {turn.fault for turn in by_kind["ppo"]} == {None}


def test_four_models_play_among_themselves(tmp_path):
    pytest.importorskip("transformers")
    turns = played(tmp_path / "run", ["vlm:nano-games"] * 4, matches=1)
    every = [turn for found in turns.values() for turn in found]
    good = [turn for turn in every if not turn.fault]
    assert len(every) == 11  # two clues each, and three votes
    assert len(good) >= 8
    assert all(turn.thought for turn in good)
    told = [turn for turn in good if turn.action is None or turn.action >= FIRST_SEAT]  # not silence, nor "n/a"
    assert len(told) >= 8
