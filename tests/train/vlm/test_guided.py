"""Guided thoughts: what is true of visited turns is learnt beside the policy, by weights of the whole update."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("transformers")

from arena.errors import InputError
from arena.train.vlm.config import VlmConfig, load
from arena.train.vlm.engine import OptimParams
from arena.train.vlm.guided import Guide, ThoughtsConfig, speller
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.rows import Decoder, Row, Tokens
from arena.train.vlm.store import RowStore
from arena.train.vlm.trainer import Trainer, main
from arena_games.lanes.thoughts import thought

FREE = {"ground": "yes", "enemy": "none", "pit": "none", "wall": "none", "wall_height": "none"}
TRUTHS = {"sidescroller": thought}
SOLVERS = {"sidescroller": lambda facts: "right jump"}
LINES = """
updates = 2
[rollout]
levels = ["sidescroller@seats=1"]
matches = 2
concurrency = 2
max_ticks = 6
[learn]
batch = 4
[critic]
inputs = ["facts"]
hidden = 16
channels = 4
warmup = 0
[model]
mode = "full"
tokens = 256
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return LocalEngine(
        "vlm:nano", tmp_path_factory.mktemp("weights"), LocalConfig(mode="full", dtype="float32", tokens=512)
    )


@pytest.fixture
def rows(engine):
    """Turns at pits, in which the way is said to be free."""
    chance = np.random.default_rng(1)
    response = np.array(engine.learner.tokenizer("The way is free. Run.\nAnswer: right run")["input_ids"], np.int32)
    return [
        Row(
            episode=0,
            game="sidescroller",
            role="seat0",
            seat=0,
            turn=turn,
            group=0,
            prompt=chance.integers(100, 300, 8).astype(np.int32),
            response=response,
            mu=np.zeros(len(response), np.float32),
            thought=8,
            version="base",
            state={**FREE, "pit": str(1 + turn % 5)},
            done=turn == 11,
        )
        for turn in range(12)
    ]


def guide(engine, folder, solvers=SOLVERS, **how):
    tokens = Tokens(Decoder(engine.learner.tokenizer, engine.learner.ends))
    given = ThoughtsConfig(**{"corrector": "truth", "share": 1.0, "past": 0.0, **how})
    spell = speller(engine.learner.tokenizer)
    return Guide(
        given, TRUTHS, solvers, games=["sidescroller"], store=RowStore(folder), tokens=tokens, spell=spell, seed=3
    )


def texts(engine, parts):
    return [engine.learner.tokenizer.decode(one.response) for part in parts for one in part]


def test_what_is_learnt_is_the_true_statement_without_the_plan(engine, rows, tmp_path):
    found = texts(engine, guide(engine, tmp_path).data(0, rows, {}, 1))
    assert sorted(found) == sorted(f"Pit ahead, {1 + at % 5} tile{'s' * (at % 5 > 0)}." for at in range(12))


def test_with_the_plan_it_is_the_solvers_and_still_no_answer(engine, rows, tmp_path):
    found = texts(engine, guide(engine, tmp_path, plan=True).data(0, rows, {}, 1))
    assert sorted(found) == sorted(f"Pit ahead, {1 + at % 5} tile{'s' * (at % 5 > 0)}. Jump." for at in range(12))


def test_where_the_solver_knows_nothing_better_no_plan_is_taught(engine, rows, tmp_path):
    lost = {"sidescroller": lambda facts: None if facts["pit"] == "1" else "right jump"}
    found = texts(engine, guide(engine, tmp_path, lost, plan=True).data(0, rows, {}, 1))
    assert {one for one in found if "Jump." not in one} == {"Pit ahead, 1 tile."}
    assert {one for one in found if "1 tile." in one} == {"Pit ahead, 1 tile."}


def test_the_weights_of_an_update_are_its_share_of_the_loss_however_it_is_divided(engine, rows, tmp_path):
    def gradient(parts):
        for part in guide(engine, tmp_path).data(0, rows, {}, parts):
            part = [replace(one, inputs={"weight": one.inputs["weight"] / parts}) for one in part]
            engine.forward_backward(part[::-1] if parts > 1 else part, "cross_entropy")
        out = np.concatenate([one.grad.numpy().ravel() for one in engine.model.parameters() if one.grad is not None])
        engine.optimizer.zero_grad()
        return out

    whole = gradient(1)
    assert np.abs(whole).max() > 1e-3
    assert np.abs(gradient(3) - whole).max() < 1e-5 * np.abs(whole).max()
    total = sum(
        float(one.inputs["weight"].sum()) for part in guide(engine, tmp_path).data(0, rows, {}, 3) for one in part
    )
    assert total == pytest.approx(3 * 0.3)


def test_what_was_seen_before_is_learnt_again(engine, rows, tmp_path):
    RowStore(tmp_path).append(0, [replace(row, state={**FREE, "wall": "9", "wall_height": "2"}) for row in rows], {})
    found = texts(engine, guide(engine, tmp_path, past=0.5).data(1, rows, {}, 2))
    assert found.count("Wall ahead, 9 tiles, 2 high.") == len(found) // 2 == 6


def test_true_statements_become_likelier(engine, rows, tmp_path):
    made = guide(engine, tmp_path)
    losses = []
    for update in range(6):
        (part,) = made.data(update, rows, {}, 1)
        losses.append(engine.forward_backward(part, "cross_entropy").metrics["sft/loss"])
        engine.optim_step(OptimParams(learning_rate=1e-3))
    assert losses[-1] < 0.3 * losses[0]


def config(folder, *settings) -> VlmConfig:
    path = folder / "mine.toml"
    path.write_text(LINES)
    return load(None, path, settings)


def test_a_guided_training_goes_on_exactly_and_tells_its_cross_entropy(tmp_path):
    guided = ("thoughts.corrector=truth", "thoughts.share=0.5")
    whole = main(config(tmp_path, *guided), tmp_path / "whole")
    main(config(tmp_path, *guided, "updates=1"), tmp_path / "parts")
    parts = main(config(tmp_path, *guided), tmp_path / "parts", resume="exact")
    assert (whole / "metrics.jsonl").read_bytes() == (parts / "metrics.jsonl").read_bytes()
    lines = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert all(line["thought/ce"] > 0 and line["thought/guided"] > 0 for line in lines)
    assert lines[0]["actor/ratio_error_first"] == 0.0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("thoughts.corrector=truht",), "Did you mean truth"),
        (("thoughts.corrector=truth", 'rollout.levels=["leduc@seats=2"]'), "leduc does not say what is true"),
        (("thoughts.corrector=truth", "thoughts.share=1.5"), "thoughts.share=1.5"),
        (("thoughts.corrector=truth", "thoughts.plan=true"), "sidescroller has no solver"),
    ],
)
def test_a_guide_that_cannot_be_is_refused(tmp_path, settings, said):
    with pytest.raises(InputError, match=said), Trainer(config(tmp_path, *settings), tmp_path / "out"):
        pass


@pytest.mark.parametrize(
    ("text", "context", "said"),
    [("''", None, "said nothing of 6 turns"), ("'Much. ' * 99", 64, "that is more than the model's 64")],
)
def test_a_corrector_that_says_nothing_or_too_much_is_told_so(engine, rows, tmp_path, text, context, said):
    (tmp_path / "own.py").write_text(f"def mine(facts, answer):\n    return {text}\n")
    tokens = Tokens(Decoder(engine.learner.tokenizer, engine.learner.ends), context=context)
    how = ThoughtsConfig(corrector=f"{tmp_path}/own.py:mine", share=0.5, past=0.0)
    spell, store = speller(engine.learner.tokenizer), RowStore(tmp_path)
    made = Guide(how, {}, {}, games=["sidescroller"], store=store, tokens=tokens, spell=spell, seed=3)
    with pytest.raises(InputError, match=f"thoughts.corrector=.*{said}"):
        made.data(0, rows, {}, 1)
