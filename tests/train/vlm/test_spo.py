"""Iterative-SPO in a training: who was the spy comes from the game, and clues and votes are learnt in turn."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.errors import InputError
from arena.log import TickLine
from arena.record.reader import Run
from arena.train.vlm import spo
from arena.train.vlm.advantages import Inputs
from arena.train.vlm.advantages import spo as advantages
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.config import load
from arena.train.vlm.hindsight import Hindsight, Stage
from arena.train.vlm.matches import RolloutConfig
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import Collected, Row
from arena.train.vlm.spo import SpoConfig
from arena.train.vlm.store import RowStore
from tests.train.vlm.batches import row
from tests.train.vlm.kit import TOKENS
from tests.train.vlm.test_store import same
from tests.train.vlm.tiny import Tiny, learn

WRITER = str(Path(__file__).with_name("kit.py"))
HOW = SpoConfig()


def played(out: Path, game: str = "spy@seats=4@rounds=1", **other: Any) -> Collected:
    config = RolloutConfig(levels=(game,), operator=WRITER, matches=4, fault="costs", **other)
    with Rollout(config, out, TOKENS, seed=3) as rollout:
        return rollout.play(0)


def events(out: Path) -> dict[int, list[str]]:
    """What happened in each match, by its log."""
    run = Run(out / "rollouts" / "000000")
    return {
        run.plan(lines[0]).index: [event for line in lines if isinstance(line, TickLine) for event in line.events]
        for lines in run.played()
    }


@pytest.mark.parametrize("options", ["", "@known=false", "@elimination=true@rounds=2"])
def test_rows_tell_what_the_log_tells_of_roles_and_votes(tmp_path: Path, options: str) -> None:
    found = played(tmp_path, f"spy@seats=5@rounds=1{options}" if "rounds" not in options else f"spy@seats=5{options}")
    happened = events(tmp_path)
    for number, lines in happened.items():
        mine = [one for one in found.rows if one.episode == number]
        assert {one.seat for one in mine if one.role == "spy"} == {
            int(line.split()[1]) for line in lines if "is the spy and" in line
        }
        votes = [one for one in mine if one.hindsight is not None and one.hindsight.stage == "votes"]
        right = sum(one.hindsight.vote == one.hindsight.spy for one in votes if one.hindsight is not None)
        spy = next(line.split()[1] for line in lines if "is the spy and" in line)
        civilian = [line for line in lines if "votes for" in line and not line.startswith(f"seat {spy} ")]
        assert len(votes) == len(civilian)
        assert right == sum(line.endswith(f"votes for seat {spy}") for line in civilian)
        clues = [one for one in mine if one.hindsight is not None and one.hindsight.stage == "clues"]
        assert len(clues) == sum(" says" in line for line in lines)


def test_the_rewards_of_the_clues_before_a_vote_sum_to_zero(tmp_path: Path) -> None:
    rows = spo.rewarded(played(tmp_path, "spy@seats=5@rounds=1@elimination=true").rows, HOW)
    sums = defaultdict[tuple[int, int], float](float)
    for one in rows:
        if one.hindsight is not None and one.hindsight.stage == "clues":
            sums[one.episode, one.hindsight.ballot] += one.reward
    assert len(sums) > 4
    assert np.allclose(list(sums.values()), 0)
    assert any(one.reward for one in rows)


def test_what_no_vote_followed_is_not_learnt_from(tmp_path: Path) -> None:
    rows = spo.rewarded(played(tmp_path, "spy@seats=3@rounds=3", max_ticks=7).rows, HOW)
    assert rows
    assert not any(one.trainable for one in rows)


def test_hindsight_survives_the_store(tmp_path: Path) -> None:
    rows = played(tmp_path).rows
    store = RowStore(tmp_path / "kept")
    store.append(0, rows, {})
    assert all(map(same, store.read(0), rows))
    assert {one.hindsight for one in store.read(0)} == {one.hindsight for one in rows}


def told(
    stage: Stage, reward: float, place: int = 0, *, spy: int = 3, votes: Sequence[int | None] = (), **given: Any
) -> Row:
    one = Hindsight(stage=stage, ballot=0, place=place, spy=spy, players=4, votes=tuple(votes))
    return row(hindsight=one, seat=place, role=one.role, reward=reward, done=True, **given)


def test_clues_are_measured_against_their_roles_mean_which_is_read_first() -> None:
    baselines = RoleBaselines(state={"toy": {"spy": 0.4, "civilian": -0.1}})
    rows = [told("clues", 0.3, place) for place in range(3)] + [told("clues", -0.9, 3)]
    assert np.allclose(advantages(rows, Inputs(baselines=baselines)), [0.4, 0.4, 0.4, -1.3])
    assert baselines.read("toy", "spy") == pytest.approx(0.95 * 0.4 - 0.05 * 0.9)
    thrice = -0.1
    for _ in range(3):
        thrice = 0.95 * thrice + 0.05 * 0.3
    assert baselines.read("toy", "civilian") == pytest.approx(thrice)


def test_a_seat_that_gave_two_clues_is_heard_once() -> None:
    baselines = RoleBaselines()
    advantages([told("clues", 1.0), told("clues", 1.0)], Inputs(baselines=baselines))
    assert baselines.read("toy", "civilian") == pytest.approx(0.05)


def test_votes_are_standardised_over_the_matches_of_a_start() -> None:
    rewards = [1.0, -1.0, -0.5, 1.0]
    rows = [told("votes", gained, episode=at // 2, group=0) for at, gained in enumerate(rewards)]
    alone = [told("votes", 1.0, episode=9, group=1)]
    made = advantages([*rows, *alone], Inputs(baselines=RoleBaselines()))
    assert np.allclose(made, [*(np.array(rewards) - np.mean(rewards)) / np.std(rewards), 0.0])


@pytest.mark.parametrize("stage", ["clues", "votes"])
def test_the_turns_of_one_stage_alone_are_trained(stage: Stage) -> None:
    rows = spo.masked([told("clues", 0.0), told("votes", 0.0), row()], stage)
    assert [one.trainable for one in rows] == [stage == "clues", stage == "votes", False]


def test_a_fault_costs_what_the_rollout_says() -> None:
    vote = told("votes", 0.0)
    good, bad = spo.rewarded([vote, replace(vote, parsed=False)], HOW, fault_reward=-0.2)
    assert bad.reward - good.reward == pytest.approx(-0.2)


def test_accuracy_counts_a_vote_for_nobody_as_not_right() -> None:
    one = told("votes", 0.0).hindsight
    assert one is not None
    rows = [replace(told("votes", 0.0), hindsight=_voted(one, vote)) for vote in (3, 3, None, 1)]
    assert spo.heard(rows) == (0.5, 0.25)
    assert spo.heard([told("clues", 0.0)]) is None


def _voted(one: Hindsight, vote: int | None) -> Hindsight:
    return Hindsight(**{**{name: getattr(one, name) for name in one.__struct_fields__}, "vote": vote})


def test_voters_that_are_rewarded_by_the_truth_find_the_spy() -> None:
    def votes(tiny: Tiny) -> list[Row]:
        out = []
        for number in range(64):
            spy = number % 3
            tokens, mu = tiny.say(spy)  # what is seen tells who it is
            one = Hindsight(stage="votes", ballot=0, place=3, spy=spy, players=4, votes=(), vote=int(tokens[1]))
            said = dict(prompt=np.array([spy, 0], np.int32), response=tokens, mu=mu.astype(np.float32))
            out.append(row(hindsight=one, episode=number, group=number // 8, thought=1, done=True, **said))
        return spo.rewarded(out, HOW)

    assert learn(votes, Tiny("spo", 3), 60) > 0.9


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('rollout.levels=["leduc@seats=2"]', "needs games with a spy"),
        ("spo.right=2", "a share from 0 to 1"),
        ("spo.least=30", "no more than most"),
        ("spo.alternation=adaptve", "adaptve"),
    ],
)
def test_what_cannot_be_trained_so_is_refused(tmp_path: Path, setting: str, said: str) -> None:
    from arena.train.vlm.ready import check_algorithm

    with pytest.raises(InputError, match=said):
        check_algorithm(load(None, _toml(tmp_path, "vlm"), (setting,)))


TOML = """
updates = 2
checkpoint_every = 1
samples_every = 0
[rollout]
operator = "{operator}"
levels = ["spy@seats=4@rounds=1"]
matches = 2
group = 2
concurrency = 2
fault = "costs"
fault_reward = -0.5
[rollout.pool]
opponents = {{self = 0.7, scripted = 0.3}}
[learn]
algorithm = "spo"
batch = 8
learning_rate = 1e-6  # what it was taught must last for two updates
[policy]
kl = 0.04
[spo]
alternation = "fixed"
least = 1
[model]
mode = "full"
tokens = 256
"""


def _toml(folder: Path, operator: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(TOML.format(operator=operator))
    return path


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The settings and the folder of a training of the model that was taught the game."""
    pytest.importorskip("transformers")
    from arena.train.vlm.trainer import main

    folder = tmp_path_factory.mktemp("spo")
    path = _toml(folder, "vlm:nano-games")
    return path, main(load(None, path), folder / "out")


def lines(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_training_goes_from_stage_to_stage_and_learns_from_each(training: tuple[Path, Path]) -> None:
    found = lines(training[1])
    assert [line["spo/stage"] for line in found] == [0, 1]
    assert all(line["actor/rows"] > 0 for line in found)
    assert {name for line in found for name in line} >= {
        "spo/vote_accuracy",
        "spo/reward_clues/civilian",
        "reward/civilian",
    }


def test_most_answers_are_parsed_as_clues_and_as_votes_for_a_seat(training: tuple[Path, Path]) -> None:
    rows = [one for update in range(2) for one in RowStore(training[1]).read(update)]
    said = [one.hindsight for one in rows if one.parsed and one.hindsight is not None]
    assert len(said) > len(rows) / 2
    assert {one.stage for one in said} == {"clues", "votes"}
    assert any(one.vote is not None for one in said)


def test_a_training_that_stopped_between_stages_goes_on_exactly(training: tuple[Path, Path], tmp_path: Path) -> None:
    from arena.train.vlm.trainer import main

    path, whole = training
    mine = load(None, path)
    main(replace(mine, updates=1), tmp_path / "out")  # votes; then come clues
    state = json.loads((tmp_path / "out" / "checkpoints" / "000001" / "state.json").read_text())
    assert state["stages"]["stage"] == "clues"
    main(mine, tmp_path / "out", resume="exact")
    assert (tmp_path / "out" / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    weights = [out / "weights" / "pi_v2" / "model.safetensors" for out in (tmp_path / "out", whole)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_every_metric_of_such_a_training_is_in_the_docs(training: tuple[Path, Path]) -> None:
    from tests.train.vlm.test_told import undocumented

    assert not undocumented({name for line in lines(training[1]) for name in line})


def test_the_switcher_has_the_settings() -> None:
    mine = replace(HOW, alternation="fixed", least=3)
    made = asdict(mine.switcher())
    assert {name: made[name] for name in asdict(mine) if name in made} == {
        name: value for name, value in asdict(mine).items() if name in made
    }
    assert (made["alternation"], made["least"]) == ("fixed", 3)
