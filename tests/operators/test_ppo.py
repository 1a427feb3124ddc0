"""`ppo` with policies of our own: equal decisions whatever the batch, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest

pytest.importorskip("safetensors")

from arena.errors import CheckpointError, InputError, UnplayableError
from arena.game import Views
from arena.operator import Request
from arena.train.policy import Mlp, save_policy
from arena_games.spy.rules import Spy
from arena_operators.ppo.kind import KIND
from tests.operators.seats import PLAIN, SEEN, answers, groupings, operator, turns
from tests.train.toy import Toy


@pytest.fixture
def own(tmp_path):
    """A random policy of our own for the toy game."""
    chance = np.random.default_rng(5)
    sizes = [SEEN[0], 64, 64, 3]
    shapes = list(zip(sizes[1:], sizes, strict=False))
    layers = [(0.3 * chance.normal(size=s).astype(np.float32), np.zeros(s[0], np.float32)) for s in shapes]
    path = tmp_path / "policy.safetensors"
    save_policy(
        path,
        Mlp(layers),
        game="toy",
        game_version=1,
        seats=(2, 3),
        vector_shape=SEEN,
        actions=Toy.spec.actions.names,
        trained_by="test",
        seed=0,
        steps=0,
    )
    return path


def test_our_policy_plays_and_batching_changes_no_decision(own):
    assert KIND.views(Toy.spec, str(own), KIND.resolve_options(None, str(own), PLAIN)) == Views(vector=True)
    seats, requests = turns(200)
    whole, singles, sevens = (answers(operator(own), seats, groups) for groups in groupings(requests))
    assert whole == singles == sevens
    assert len(set(whole.values())) == 3


def test_rows_do_not_depend_on_their_companions():
    chance = np.random.default_rng(0)
    sizes = [273, 256, 256, 3]
    shapes = list(zip(sizes[1:], sizes, strict=False))
    mlp = Mlp([(chance.normal(size=s).astype(np.float32), np.ones(s[0], np.float32)) for s in shapes])
    vectors = chance.normal(size=(97, 273)).astype(np.float32)
    whole = mlp.rows(vectors)
    for start, stop in ((0, 1), (5, 8), (30, 94)):
        assert np.array_equal(mlp.rows(vectors[start:stop]), whole[start:stop])


def test_the_same_turn_is_the_same_draw_and_a_re_ask_another(own):
    seats, requests = turns(40)
    again = [Request(r.id, r.match, r.seat, r.tick, r.observation, attempt=1) for r in requests]
    one, two = (answers(operator(own), seats, [requests]) for _ in range(2))
    assert one == two
    assert answers(operator(own), seats, [again]) != one


def test_deterministic_takes_the_best_legal_action(own):
    seats, requests = turns(40)
    player = operator(own, deterministic=True)
    found = answers(player, seats, [requests])
    mlp = player._nets["toy", 2][0]
    for one in requests:
        logits = mlp.rows(one.observation.vector[None])[0]
        assert found[one.id] == max(one.observation.legal, key=lambda action: logits[action])


def test_a_corrupt_policy_is_refused(own):
    blob = bytearray(own.read_bytes())
    blob[-1] ^= 1
    own.write_bytes(blob)
    with pytest.raises(CheckpointError, match="damaged"):
        KIND.resolve_options(None, str(own), PLAIN)
    seats, _ = turns(1)
    with pytest.raises(ValueError, match="damaged"):
        operator(own).open(seats)


def test_a_policy_for_another_game_is_refused(own):
    card = own.with_suffix(".json")
    card.write_text(card.read_text().replace('"toy"', '"chess"'))
    with pytest.raises(UnplayableError, match="trained for chess"):
        KIND.views(Toy.spec, str(own), PLAIN)


def test_a_policy_for_other_options_says_first_what_it_was_trained_for_and_lists_little():
    with pytest.raises(UnplayableError) as error:
        KIND.views(Spy(3, {"pictures": "charts"}).spec, "", PLAIN)
    said = str(error.value)
    assert said.startswith("ppo was trained for spy version 1 with other options: vectors of (1343,) and 137 actions")
    assert "a red cube" in said.split("Here are")[0]
    assert "a bar chart" not in said.split("Here are")[0]
    assert len(said) < 800
    card = Spy(3, {"pictures": "charts"}).card()
    seats, _ = turns(1)
    with pytest.raises(ValueError, match=r"^the policy was trained for spy version 1 with other options") as raised:
        operator("").open([msgspec.structs.replace(seats[0], card=card)])
    assert len(str(raised.value)) < 800


def test_another_version_of_the_game_is_said(own):
    spec = msgspec.structs.replace(Toy.spec, version=2)
    with pytest.raises(UnplayableError, match="was trained for toy version 1; this is toy version 2"):
        KIND.views(spec, str(own), PLAIN)


def test_what_is_missing_is_said():
    with pytest.raises(CheckpointError, match="no such file"):
        KIND.resolve_options(None, "nowhere.zip", PLAIN)
    with pytest.raises(UnplayableError, match="arena train ppo --game toy"):
        KIND.views(Toy.spec, "", PLAIN)
    with pytest.raises(InputError, match=r"FILE\.zip"):
        KIND.resolve_options(None, "", {**PLAIN, "normalize": "x.pkl"})


def test_the_kind_is_light():
    heavy = "{'torch', 'stable_baselines3', 'gymnasium'}"
    code = f"import arena_operators.ppo.kind, sys; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_table_of_other_size_is_refused(own):
    card = own.with_suffix(".json")
    card.write_text(card.read_text().replace('3\n  ],\n  "vector', '2\n  ],\n  "vector'))
    seats, _ = turns(1)
    player = operator(own)
    player.open(seats)
    with pytest.raises(ValueError, match="tables of 2 seats, and this one has 3"):
        player.open([msgspec.structs.replace(seats[0], card=Toy(3).card())])
