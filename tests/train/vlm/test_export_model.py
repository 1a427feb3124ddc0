"""`arena export model`: what a training made, as a folder that others load."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("peft")

import torch
from transformers import AutoModelForImageTextToText

from arena.cli.main import cli
from arena.errors import CheckpointError
from arena.record.disk import Disk
from arena.train.vlm import sft_facts
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.engine import OptimParams
from arena.train.vlm.folder import Files
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.matches import RolloutConfig
from arena.train.vlm.seated import seated
from arena.train.vlm.states import newest
from arena_operators.vlm.checkpoint import SHIPPED, check_source, facts, source
from tests.train.vlm.engine_kit import answered, drawn, weighted


def umask():
    found = os.umask(0)
    os.umask(found)
    return found


def call(*words):
    return CliRunner().invoke(cli, [str(word) for word in words])


@pytest.fixture(scope="module", params=["lora", "full"])
def run(request, tmp_path_factory):
    """(an engine after an update, the folder of its training)."""
    out = tmp_path_factory.mktemp(request.param)
    made = LocalEngine("vlm", out / "weights", LocalConfig(mode=request.param, dtype="float32"))
    for number in range(2):
        made.save_state(out / f"checkpoint-{number}" / "state")
        made.forward_backward(weighted(drawn(made.learner)), "cross_entropy")
        made.optim_step(OptimParams(learning_rate=3e-4))
    made.save_state(out / "checkpoint-2" / "state")
    return made, out


@pytest.fixture
def begun(tmp_path):
    """The folder of a training that has a checkpoint of after update 12 of 50."""
    out = tmp_path / "begun"
    Files(out).begin(VlmConfig(rollout=RolloutConfig(levels=("kuhn",))), "no")
    LocalEngine("vlm", out / "weights", LocalConfig(dtype="float32")).save_state(out / "checkpoints/000012/engine")
    return out


def test_the_operator_scores_as_the_engine_does_and_keeps_its_prompt(run, tmp_path):
    made, out = run
    done = call("export", "model", out, tmp_path / "model", "--dtype", "float32")
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f"written: {tmp_path}/model\nseat it with: vlm:{tmp_path}/model\n")
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "model").iterdir()} == {0o666 & ~umask()}
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path / "model", dtype=torch.float32)
    if made.config.mode == "full":
        assert all(torch.equal(one, loaded.state_dict()[name]) for name, one in made.model.state_dict().items())
    data, mu = answered(str(tmp_path / "model"), count=2)
    scored = made.forward_backward(data, None).logprobs
    assert max(np.abs(a - b).max() for a, b in zip(scored, mu, strict=True)) < 1e-5
    about = json.loads((tmp_path / "model" / "nano.json").read_text())
    assert about["trained_further"]["mode"] == made.config.mode
    base, _ = answered(count=2)
    assert [one.prompt.tolist() for one in data] == [one.prompt.tolist() for one in base]


def test_the_adapter_of_a_training_takes_its_model_to_what_was_trained(run, tmp_path):
    made, out = run
    done = call("export", "adapter", out, tmp_path / "adapter", "--rank", "64")
    assert done.exit_code == 0, done.output
    assert "MB, with" in done.output
    assert "Nothing was changed" not in done.output
    assert done.output.endswith(f"\nseat it with: vlm:nano@adapter={tmp_path}/adapter\n")

    def apart(name):
        data, mu = answered(count=2, **name)
        scored = made.forward_backward(data, None).logprobs
        return max(np.abs(a - b).max() for a, b in zip(scored, mu, strict=True))

    assert apart({"adapter": str(tmp_path / "adapter")}) < (1e-5 if made.config.mode == "lora" else 0.25 * apart({}))


def test_an_adapter_that_is_larger_than_its_model_is_said_to_be(run, tmp_path):
    made, out = run
    if made.config.mode == "full":
        small, large = (call("export", "adapter", out, tmp_path / rank, "--rank", rank) for rank in ("8", "512"))
        assert "the model itself has 6.7 MB" not in small.output
        assert "the model itself has 6.7 MB (`arena export model`): give a lower --rank" in large.output


def test_an_adapter_may_be_put_beside_the_weights_of_its_model(run, tmp_path):
    made, _ = run
    made.export_adapter(tmp_path / "adapter")
    shutil.copytree(SHIPPED, tmp_path / "model")
    shutil.copytree(tmp_path / "adapter", tmp_path / "model", dirs_exist_ok=True)
    check_source(source(str(tmp_path / "model")))


def test_an_adapter_that_is_served_by_nobody_yet_is_seated_here():
    """vLLM takes none of embeddings; how it explored and where it was served is of the training."""
    trained = "vlm:nano@temperature=1@backend=vllm@reload=true@prompt=short@history=2"
    assert seated(trained, "nano", adapter="A") == "vlm:nano@prompt=short@history=2@adapter=A"


def test_an_adapter_is_named_as_it_is_loaded_from_any_folder(run, tmp_path):
    """What a supervised start leaves, and what the sampler of a training gets."""
    made, _ = run
    if made.config.mode == "lora":
        path = made.sampler_weights("pi_v7")
        assert json.loads((path / "adapter_config.json").read_text())["base_model_name_or_path"] == "nano"
        assert sorted(file.name for file in path.iterdir()) == [
            "adapter_config.json",
            "adapter_model.safetensors",
            "nano.json",
            "weights.json",
        ]
        assert source(str(path)).called == source("nano", str(path)).called


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (
            "vlm:nano@adapter={begun}",
            "export adapter {begun} DIR writes its adapter",
        ),
        ("vlm:nano@adapter={sampler}", "export adapter {run} DIR writes its adapter"),
        ("vlm:nano-games@adapter=race", "vlm@adapter=race: that one ships for nano: vlm:nano@adapter=race"),
        ("vlm:nano@adapter={model}", "that is a whole model, and no adapter: vlm:{model} seats it"),
        (
            "vlm:{sampler}",
            "export model {run} DIR makes a model",
        ),
    ],
)
def test_what_is_no_model_and_no_adapter_says_what_makes_one(begun, run, tmp_path, named, said):
    made, _ = run
    places = {"begun": begun, "model": SHIPPED, "run": tmp_path / "run", "sampler": tmp_path / "run/weights/pi_v2"}
    if made.config.mode == "full":
        shutil.copytree(made.sampler_weights("pi_v2"), places["sampler"])
        done = call("play", "--game", "kuhn", "--operators", f"{named.format(**places)},random")
        assert said.format(**places) in str(done.exception)


def test_a_place_that_cannot_be_written_to_is_told_and_there_is_nothing_to_resume(run, tmp_path):
    _, out = run
    (tmp_path / "file").touch()
    said = str(call("export", "model", out, tmp_path / "file" / "x").exception)
    assert "Not a directory. Nothing was written: mend that, and try again" in said


def test_no_state_or_a_place_that_is_taken_is_said(tmp_path):
    done = call("export", "model", tmp_path, tmp_path / "model")
    assert done.exit_code == 1
    assert "holds no checkpoint of" in str(done.exception)
    assert "there is no folder" in str(call("export", "model", tmp_path / "nowhere", tmp_path / "model").exception)
    (tmp_path / "model").mkdir()
    assert "something already" in str(call("export", "model", tmp_path, tmp_path / "model").exception)


def test_a_training_without_an_update_says_how_to_go_on(tmp_path):
    Files(tmp_path / "run").begin(VlmConfig(rollout=RolloutConfig(levels=("kuhn",))), "no")
    said = str(call("export", "model", tmp_path / "run", tmp_path / "model").exception)
    assert "no update of this training was finished yet" in said
    assert f"train vlm --out {tmp_path / 'run'} --resume exact" in said


def test_it_says_how_far_the_training_was(begun, tmp_path):
    for what in ("model", "adapter"):
        assert (
            ", after update 12 of 50. Nothing was changed yet: " in call("export", what, begun, tmp_path / what).output
        )
    for origin in (source(str(tmp_path / "model")), source("nano", str(tmp_path / "adapter"))):
        assert facts(origin)["training"] == "update 12 of 50"


def test_a_training_is_no_operator_and_says_how_one_is_made(begun, tmp_path):
    done = call("play", "--game", "kuhn", "--operators", f"vlm:{begun},random", "--out", tmp_path / "run")
    assert f"export model {begun} DIR makes one of its newest checkpoint" in str(done.exception)
    shutil.rmtree(begun / "checkpoints")
    with pytest.raises(CheckpointError, match=f"no update of this training was finished yet.*--out {begun} --resume"):
        source(str(begun))


def started(out, steps):
    """The folder of a supervised start of 40 updates that has so many, as it leaves it."""
    folder = out / f"{sft_facts.CHECKPOINT}{steps:08d}"
    (folder / "state").mkdir(parents=True)
    (folder / "state" / "engine.json").touch()
    told = {"steps": 40, "model": "vlm:nano@batch=2"}
    Disk().replace_json(folder / sft_facts.FACTS, {"step": steps, "config": told})


def test_a_supervised_start_is_no_operator_and_says_where_its_model_is(tmp_path):
    out = tmp_path / "start"
    started(out, 20)
    with pytest.raises(CheckpointError, match=r"is a training, and no model: it has 20 of 40 updates") as told:
        source(str(out))
    assert "the command that began it, and --resume" in str(told.value)
    assert f"export model {out} DIR" in str(told.value)
    started(out, 40)
    (out / sft_facts.MODEL).mkdir()
    with pytest.raises(
        CheckpointError, match=f"vlm:{out} is a training, and no model: vlm:{out}/model@batch=2 seats it"
    ):
        source(str(out))
    (out / sft_facts.MODEL / "config.json").touch()
    assert source(str(out / sft_facts.MODEL)).path == out / sft_facts.MODEL


@pytest.mark.parametrize("below", ["checkpoint-00000020", "checkpoint-00000020/state"])
def test_a_checkpoint_is_no_operator_and_says_how_one_is_made(tmp_path, below):
    started(tmp_path / "start", 20)
    with pytest.raises(CheckpointError, match=f"no model: .*export model {tmp_path}/start/{below} DIR makes one"):
        source(str(tmp_path / "start" / below))


def test_a_training_of_ppo_is_seated_as_it_is(tmp_path):
    (tmp_path / "train.json").touch()
    with pytest.raises(CheckpointError, match=f"vlm:{tmp_path} is a training of `arena train ppo`.*ppo:{tmp_path}"):
        source(str(tmp_path))


def test_a_training_is_found_by_a_path_with_dots(begun, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert newest(Path("..") / begun.name).samefile(begun / "checkpoints" / "000012" / "engine")


def test_a_match_is_played_with_it(tmp_path):
    made = LocalEngine("vlm", tmp_path, LocalConfig(dtype="float32"))
    made.save_state(tmp_path / "state")
    assert call("export", "model", tmp_path, tmp_path / "model").exit_code == 0
    done = call(
        "play", "--game", "kuhn", "--operators", f"vlm:{tmp_path / 'model'},random", "--matches", "1", "--quiet",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
