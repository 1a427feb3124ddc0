"""The pool of opponents and the curriculum: shares are kept, snapshots are rated, and all goes on bit for bit."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arena.errors import InputError
from arena.train.vlm.crossplay import cross_play, progress
from arena.train.vlm.curriculum import Curriculum
from arena.train.vlm.matches import RolloutConfig, levels_of
from arena.train.vlm.opponents import Pool, PoolConfig
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import Collected
from tests.train.vlm.kit import TOKENS
from tests.train.vlm.test_rollout import WRITER, equal


def pool(folder: Path, **config: Any) -> Pool:
    return Pool(PoolConfig(**{"opponents": {"past": 1.0}, "every": 1, **config}), folder)


def weights(folder: Path, word: str) -> Path:
    path = folder / "weights"
    path.write_text(word)
    return path


def test_opponents_come_by_their_shares(tmp_path: Path) -> None:
    one = pool(tmp_path, opponents={"self": 1, "past": 2, "random": 1})
    chance = np.random.default_rng(0)
    before = Counter(one.kind(chance) for _ in range(4000))
    assert before["past"] == 0
    assert before["self"] == pytest.approx(3000, abs=150)
    one.snapshot(1, "pi_v1", weights(tmp_path, "w"))
    after = Counter(one.kind(chance) for _ in range(4000))
    assert (after["self"], after["past"], after["random"]) == pytest.approx((1000, 2000, 1000), abs=150)


def test_draws_do_not_depend_on_the_order_in_which_opponents_are_named(tmp_path: Path) -> None:
    shares = {"self": 0.4, "past": 0.3, "scripted": 0.2, "random": 0.1}
    drawn = []
    for named in (shares, dict(reversed(shares.items()))):
        one, chance = pool(tmp_path, opponents=named), np.random.default_rng(0)
        one.snapshot(1, "pi_v1", weights(tmp_path, "w"))
        drawn.append([one.kind(chance) for _ in range(100)])
        assert one.config.fixed == ("random", "scripted")
    assert drawn[0] == drawn[1]


def test_of_too_many_snapshots_the_lowest_rated_goes(tmp_path: Path) -> None:
    one = pool(tmp_path, kept=2)
    for update in (1, 2):
        one.snapshot(update, f"pi_v{update}", weights(tmp_path, "w"))
    first, second = one.snapshots
    one.heard(first, 0.0)
    one.heard(second, 1.0)
    assert first.rating > second.rating
    one.snapshot(3, "pi_v3", weights(tmp_path, "w"))
    assert [kept.update for kept in one.snapshots] == [1, 3]
    assert one.weights(second).exists()  # checkpoints may name it


def test_a_pool_goes_on_from_a_checkpoint_of_several_snapshots_ago(tmp_path: Path) -> None:
    one = pool(tmp_path, kept=1)
    one.snapshot(1, "pi_v1", weights(tmp_path, "w"))
    state = one.state()
    for update in (2, 3, 4):
        one.snapshot(update, f"pi_v{update}", weights(tmp_path, "w"))
    pool(tmp_path, kept=1).restore(state)


def test_what_is_hard_to_beat_is_met_more_often(tmp_path: Path) -> None:
    one = pool(tmp_path, draw="prioritised")
    for update in (1, 2):
        one.snapshot(update, f"pi_v{update}", weights(tmp_path, "w"))
    for _ in range(20):
        one.heard(one.snapshots[0], 1.0)
        one.heard(one.snapshots[1], 0.0)
    met = Counter(one.seat(np.random.default_rng(seed))[0].update for seed in range(200))
    assert met[2] > 190


def test_a_pool_without_a_share_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must have a share"):
        pool(tmp_path, opponents={"self": 0.0})


def test_a_snapshot_that_is_gone_is_named(tmp_path: Path) -> None:
    one = pool(tmp_path)
    one.snapshot(1, "pi_v1", weights(tmp_path, "w"))
    with pytest.raises(InputError, match=r"updates \[1\]"):
        pool(tmp_path / "elsewhere").restore(one.state())


def test_levels_with_short_episodes_come_more_often() -> None:
    one = Curriculum(("a", "b", "c"))
    assert one.weights() == [1 / 3] * 3
    one.heard({0: [10, 30], 1: [5]})
    assert one.weights() == pytest.approx([1 / 9, 4 / 9, 4 / 9])  # c, not played yet, as b


def test_a_curriculum_of_other_levels_is_refused():
    one = Curriculum(("a", "b"))
    one.heard({1: [5]})
    with pytest.raises(InputError, match=r"knows 'b', which is none of the levels \['a'\]: go on with the levels"):
        Curriculum(("a",)).restore(one.state())


def test_games_say_their_levels() -> None:
    assert levels_of("sidescroller@set=heldout")[4] == "sidescroller@set=heldout@difficulty=5"
    assert levels_of("mario:1-1+1-2@skip=4") == ("mario:1-1@skip=4", "mario:1-2@skip=4")
    assert levels_of("kuhn") == ("kuhn",)


def config(**other: Any) -> RolloutConfig:
    opponents = PoolConfig(opponents={"self": 0.3, "past": 0.4, "random": 0.3}, every=1, kept=2, slots=2)
    fields = {"levels": ("kuhn@hands=2", "leduc@hands=2"), "operator": WRITER, "matches": 12, "pool": opponents}
    return RolloutConfig(**{**fields, **other})


def train(out: Path, updates: range, state: str | None = None) -> tuple[list[Collected], str]:
    """Rollouts with new weights after each; what the last checkpoint says."""
    out.mkdir(exist_ok=True)
    with Rollout(config(), out, TOKENS) as rollout:
        if state is not None:
            rollout.restore(json.loads(state))
            rollout.update(f"pi_v{updates.start - 1}", weights(out, f"word {updates.start - 1}"))
        made = []
        for update in updates:
            made.append(rollout.play(update))
            path = weights(out, f"word {update}")
            rollout.update(f"pi_v{update}", path)
            rollout.snapshot(update, path)
            state = json.dumps(rollout.state())
        assert state is not None
        return made, state


def test_two_halves_of_a_training_are_the_whole(tmp_path: Path) -> None:
    whole, end = train(tmp_path / "whole", range(1, 7))
    first, state = train(tmp_path / "halves", range(1, 4))
    second, again = train(tmp_path / "halves", range(4, 7), state)
    assert end == again
    assert all(map(equal, whole, first + second))


def test_only_the_current_weights_make_rows(tmp_path: Path) -> None:
    made, _ = train(tmp_path, range(1, 5))
    with Rollout(config(), tmp_path / "other", TOKENS) as rollout:
        places = rollout.places
    seen = {places.who(number) for one in made for match in one.matches for number in match.lineup}
    assert seen == {"self", "past 0", "past 1", "random"}
    for version, one in zip(("base", "pi_v1", "pi_v2", "pi_v3"), made, strict=True):
        mine = {(m.match, seat) for m in one.matches for seat, who in enumerate(m.lineup) if places.who(who) == "self"}
        assert {(row.episode, row.seat) for row in one.rows} <= mine
        assert {row.version for row in one.rows} == {version}


def test_a_fixed_operator_of_the_same_name_keeps_its_weights(tmp_path: Path) -> None:
    fixed = PoolConfig(opponents={WRITER: 1.0})
    with Rollout(config(pool=fixed, levels=("kuhn",)), tmp_path, TOKENS) as rollout:
        rollout.update("pi_v1", weights(tmp_path, "trained"))
        rollout.play(1)
    log = (tmp_path / "rollouts" / "000001" / "log-000.jsonl").read_text()
    assert log.count('"raw":"first') > 0
    assert log.count('"raw":"trained') > 0


def test_cross_play_tells_who_beats_whom(tmp_path: Path) -> None:
    """Words are not moves: all play alike, and the table is even. `scripted` beats them."""
    words = {name: weights(tmp_path, name).rename(tmp_path / name) for name in ("early", "late")}
    made = cross_play("leduc", WRITER, words, tmp_path / "run", others=("scripted",), matches=120, seed=1)
    assert [one.operator for one in made.games[0].standings] == ["early", "late", "scripted"]
    payoffs = made.games[0].payoffs
    assert payoffs[2][0] > 0 < payoffs[2][1]
    assert payoffs[0][1] == pytest.approx(-payoffs[1][0])
    assert progress(made, 2) in (0.0, 0.5, 1.0)
    again = cross_play("leduc", WRITER, words, tmp_path / "run", others=("scripted",), matches=120, seed=1)
    assert again.games[0].payoffs == payoffs
