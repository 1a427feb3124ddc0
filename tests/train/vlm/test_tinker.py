"""The engine behind a server of the Tinker API does what the local one does, by the real package and its wire."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("peft")
pytest.importorskip("tinker")

from safetensors.numpy import load_file

from arena.errors import ArenaError, CheckpointError, InputError
from arena.train.vlm.config import load
from arena.train.vlm.engine import OptimParams
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.tinker import TinkerEngine
from arena.train.vlm.tinker_config import TinkerConfig
from arena.train.vlm.trainer import main
from tests.train.vlm.engine_kit import drawn, weighted
from tests.train.vlm.tinker_server import KEY, MODEL, TOKENS, TinkerServer

STEP = OptimParams(learning_rate=1e-2, weight_decay=0.1)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("TINKER_API_KEY", KEY)
    monkeypatch.setenv("TINKER_TELEMETRY", "0")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with TinkerServer(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture
def engine(server, tmp_path):
    made = TinkerEngine(tmp_path / "mine", TinkerConfig(base_model=MODEL, url=server.url), rank=8)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return LocalEngine(
        "vlm", tmp_path_factory.mktemp("local"), LocalConfig(rank=8, alpha=16, dtype="float32", tokens=TOKENS)
    )


@pytest.fixture(scope="module")
def rows(local):
    """Six rows whose `old` and `mu` are so that ratios are cut above, below and by the dual clip, and weights at 2."""
    data = drawn(local.learner, 6)
    out = []
    for at, (one, logprobs) in enumerate(zip(data, local.forward_backward(data, None).logprobs, strict=True)):
        (given,) = weighted([one])
        more = {
            "advantage": np.full(len(logprobs), (-1) ** at, np.float32),
            "old": logprobs - np.float32([0.0, 0.5, 3.0][at % 3]),
            "mu": logprobs - np.float32([0.0, 0.3, 2.0][at % 3]),
            "ref": logprobs + np.float32(0.1),
        }
        out.append(replace(given, inputs={**given.inputs, **more}))
    return out


POLICY = {"kl": 0.1, "dual_clip": 5.0}


def test_two_updates_give_the_weights_of_the_local_engine(engine, local, rows):
    for _ in range(2):
        mine, its = (one.forward_backward(rows, "policy", POLICY) for one in (engine, local))
        for found, known in zip(mine.logprobs, its.logprobs, strict=True):
            assert np.abs(found - known).max() < 1e-4
        assert mine.metrics["actor/pg_loss"] == pytest.approx(its.metrics["actor/pg_loss"], rel=1e-4)
        norms = [one.optim_step(STEP)["grad_norm"] for one in (engine, local)]
        assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    fetched, kept = engine.sampler_weights("pi_v2"), local.sampler_weights("pi_v2")
    found, known = (load_file(path / "adapter_model.safetensors") for path in (fetched, kept))
    assert found.keys() == known.keys()
    # Adam makes a step of the learning rate's size of whatever gradient: where that is rounding alone, signs differ.
    apart = np.concatenate([np.abs(found[name] - known[name]).ravel() for name in known])
    assert np.quantile(apart, 0.99) < 1e-5
    assert apart.max() < 4 * STEP.learning_rate
    moved = np.concatenate([known[name].ravel() for name in known if "lora_B" in name])
    assert np.abs(moved).mean() > STEP.learning_rate / 2


def test_a_state_goes_on_as_if_it_had_not_been_left(engine, rows, tmp_path):
    def update():
        out = engine.forward_backward(rows, "policy", {}).logprobs
        engine.optim_step(STEP)
        return out

    update()
    engine.save_state(tmp_path / "state")
    update()
    there = engine.forward_backward(rows, None).logprobs
    engine.load_state(tmp_path / "state")
    update()
    assert all(map(np.array_equal, engine.forward_backward(rows, None).logprobs, there))
    engine.load_state(tmp_path / "state", weights_only=True)
    update()
    assert not all(map(np.array_equal, engine.forward_backward(rows, None).logprobs, there))


def test_the_reference_is_what_training_began_with(engine, rows):
    began = engine.forward_backward(rows, None).logprobs
    engine.forward_backward(rows, "policy", {})
    engine.optim_step(STEP)
    assert not all(map(np.array_equal, engine.forward_backward(rows, None).logprobs, began))
    assert all(map(np.array_equal, engine.forward_backward(rows, None, reference=True).logprobs, began))


def test_the_state_of_another_model_is_refused(engine, tmp_path):
    engine.save_state(tmp_path / "state")
    engine.rank = 4
    with pytest.raises(CheckpointError, match="rank=8, not 4"):
        engine.load_state(tmp_path / "state")
    with pytest.raises(CheckpointError, match="is no state of a model on a server"):
        engine.load_state(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([], "was written in version None of its format"),
        ({"version": 9}, "was written in version 9 of its format"),
        ({"path": None}, "is damaged: it lacks path. Name another one"),
        ({"rank": None}, "is damaged: it lacks rank. Name another one"),
        ({"rank": "8"}, "is damaged: .*rank.* Name another one"),
        ({"path": 5}, "is damaged: .*path.* Name another one"),
    ],
)
def test_a_state_that_is_not_whole_is_named_with_what_to_do(engine, tmp_path, changed, said):
    engine.save_state(tmp_path / "state")
    file = tmp_path / "state" / "tinker.json"
    told = json.loads(file.read_text()) | dict(changed)
    file.write_text(json.dumps({key: value for key, value in told.items() if value is not None} if changed else []))
    with pytest.raises(CheckpointError, match=said) as caught:
        engine.load_state(tmp_path / "state")
    assert str(tmp_path / "state") in str(caught.value)


def test_a_loss_that_is_no_number_changes_nothing_there(engine, server, rows, tmp_path):
    broken = [replace(rows[0], inputs={**rows[0].inputs, "advantage": rows[0].inputs["advantage"] * np.nan})]
    with pytest.raises(ArenaError, match="the loss policy is nan") as told:
        engine.forward_backward(broken, "policy", {})
    assert str(tmp_path / "mine" / "failed-batch-0.npz") in str(told.value)
    assert server.calls[-1][0] == "retrieve_future"
    assert [body for path, body in server.calls if path == "forward_backward"][-1].forward_only


@pytest.mark.parametrize(("loss", "asked"), [(None, {"states": "prompt"}), ("policy", {"entropy": 0.01})])
def test_what_the_server_cannot_tell_is_refused(engine, rows, loss, asked):
    with pytest.raises(InputError, match="a server of the Tinker API gives no"):
        engine.forward_backward(rows, loss, asked)


def test_without_a_key_nothing_is_sent(server, tmp_path, monkeypatch):
    monkeypatch.delenv("TINKER_API_KEY")
    before = len(server.calls)
    with pytest.raises(InputError, match="set the environment variable TINKER_API_KEY"):
        TinkerEngine(tmp_path, TinkerConfig(base_model=MODEL, url=server.url))
    assert len(server.calls) == before


def test_a_key_that_the_server_quotes_is_not_shown(server, tmp_path, monkeypatch):
    monkeypatch.setenv("TINKER_API_KEY", "tml-wrong-secret")
    with pytest.raises(ArenaError, match="wrong key: TINKER_API_KEY") as told:
        TinkerEngine(tmp_path, TinkerConfig(base_model=MODEL, url=server.url))
    assert told.value.__cause__ is None


def test_the_server_says_which_model_it_lacks(server, tmp_path):
    with pytest.raises(ArenaError, match="no model is called test/other"):
        TinkerEngine(tmp_path, TinkerConfig(base_model="test/other", url=server.url))


TOML = """
engine = "tinker"
updates = 2
[tinker]
base_model = "{model}"
url = "{url}"
[rollout]
levels = ["leduc@seats=2"]
matches = 2
[critic]
inputs = ["facts"]
hidden = 16
warmup = 0
[model]
mode = "lora"
rank = 8
"""


def config(tmp_path, url, *settings):
    path = tmp_path / "mine.toml"
    path.write_text(TOML.format(model=MODEL, url=url))
    return load(None, path, settings)


def test_a_training_plays_with_the_weights_of_the_server(server, tmp_path):
    out = main(config(tmp_path, server.url), tmp_path / "out")
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["actor/ratio_error_first"] == 0.0
    assert lines[0]["actor/grad_norm"] > 0
    assert lines[1]["mismatch/max"] < 1.0  # the sampler's weights are the trainer's, bfloat16 apart
    assert (out / "weights" / "pi_v2" / "adapter_model.safetensors").exists()
    assert KEY not in "".join(path.read_text(errors="ignore") for path in out.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "setting",
    [
        "model.mode=full",
        "model.temperature=0.7",
        "policy.entropy=0.01",
        'critic.inputs=["hidden"]',
        "learn.algorithm=token_ppo",
        "tinker.base_model=",
        "thoughts.corrector=truth",
        "rollout.operator=vlm:nano@adapter=race",
    ],
)
def test_what_cannot_be_mapped_is_refused_before_anything_is_loaded(tmp_path, setting):
    with pytest.raises(InputError, match=setting.partition("=")[0].replace("learn.algorithm", "critic.inputs")):
        config(tmp_path, "http://127.0.0.1:9", setting)


def test_a_folder_of_an_adapter_is_refused_as_one_that_is_named_beside_its_model(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"would lose '.*mine' with the first update: name the model without it"):
        config(tmp_path, "http://127.0.0.1:9", f"rollout.operator=vlm:{tmp_path / 'mine'}")
