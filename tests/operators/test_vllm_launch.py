"""How a vLLM server is started for a model, and what is refused before anything starts."""

from __future__ import annotations

import asyncio
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("aiohttp")

from arena import plugins
from arena.cli.play import play
from arena.errors import InputError
from arena.operator import WorkerContext
from arena_operators.vlm import checkpoint, kind, operator, options, vllm_launch
from arena_operators.vlm.lora import changes_something, rank
from arena_operators.vlm.openai_backend import OpenAIBackend
from arena_operators.vlm.vllm_launch import in_cache, launch, special
from tests.operators import vllm_kit
from tests.operators.compatible_server import CompatibleServer


def filled(**given):
    return options.filled("nano", {"backend": "vllm", "device": "cpu", **given}, "vlm")


def started(adapter=None, **given):
    return launch(checkpoint.source("nano", adapter), filled(**given))


def adapter(folder, *, name="model.text_model.layers.0.mlp.up_proj", r=8, value=1.0):
    """A folder of a peft adapter, as far as its files are looked at before vLLM loads them."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": r, "peft_type": "LORA"}))
    tensors = {"lora_A": np.ones((r, 192), np.float32), "lora_B": np.full((512, r), value, np.float32)}
    header, data = {}, b""
    for which, tensor in tensors.items():
        offsets = [len(data), len(data) + tensor.nbytes]
        header[f"base_model.model.{name}.{which}.weight"] = {
            "dtype": "F32", "shape": list(tensor.shape), "data_offsets": offsets
        }  # fmt: skip
        data += tensor.tobytes()
    head = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + data)
    return folder


def option(found, name):
    return found.options[found.options.index(name) + 1]


def test_what_decides_a_distribution_is_in_the_request_and_not_in_the_servers_defaults():
    found = started()
    assert (option(found, "--logprobs-mode"), option(found, "--generation-config")) == ("processed_logprobs", "vllm")
    assert (option(found, "--dtype"), found.variables["HF_HUB_OFFLINE"]) == ("float32", "1")


def test_the_context_is_the_models_unless_it_is_given():
    assert option(started(), "--max-model-len") == "512"
    assert option(started(context=100), "--max-model-len") == "100"


def test_the_runtime_is_that_of_the_device():
    asked = {"backend": "vllm", "device": "cuda:0"}
    assert kind.KIND.runtimes("nano", asked) == ("vllm",)
    assert kind.KIND.runtimes("nano", {**asked, "device": "cpu"}) == ("vllm-cpu",)
    assert kind.KIND.runtimes("nano", {**asked, "url": "http://localhost/v1", "device": None}) == ()
    assert {"vllm", "vllm-cpu"} <= set(plugins.names("runtime"))


def test_an_adapter_is_served_under_a_name_of_its_own(tmp_path):
    found = started(str(adapter(tmp_path / "mine", r=40)))
    assert (found.base, found.model) == ("nano", "nano+mine")
    assert option(found, "--lora-modules") == f"nano+mine={tmp_path / 'mine'}"
    assert option(found, "--max-lora-rank") == "64"


def test_an_adapter_with_a_template_of_its_own_is_refused(tmp_path):
    folder = adapter(tmp_path / "mine")
    (folder / "chat_template.jinja").write_bytes((checkpoint.SHIPPED / "chat_template.jinja").read_bytes())
    started(str(folder))
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    with pytest.raises(InputError, match=r"chat_template.jinja is not the model's, by which vLLM asks"):
        started(str(folder))


def test_an_adapter_that_vllm_would_apply_in_part_is_refused(tmp_path):
    with pytest.raises(InputError, match="changes the part of the model that sees"):
        rank(adapter(tmp_path / "eyes", name="model.vision_model.encoder.layers.0.mlp.fc1"))
    with pytest.raises(InputError, match="has rank 600; vLLM takes at most 512"):
        rank(adapter(tmp_path / "wide", r=600))


def test_an_adapter_that_was_not_trained_yet_changes_nothing(tmp_path):
    assert changes_something(adapter(tmp_path / "trained"))
    assert not changes_something(adapter(tmp_path / "new", value=0.0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"batch": 2}, "batch= goes with @backend=transformers"),
        ({"model": "x"}, "model= goes with @backend=openai"),
        ({"url": "http://localhost/v1", "adapter": "x"}, "adapter= goes with @backend=transformers and no url"),
        ({"url": "http://localhost/v1", "lora": True}, "lora= goes with @backend=vllm and no url"),
        ({"backend": "transformers", "lora": True}, "lora= goes with @backend=vllm;"),
        ({"backend": "transformers", "invariant": True}, "invariant= goes with @backend=vllm;"),
        ({"backend": "transformers", "context": 9}, "context= goes with @backend=vllm;"),
    ],
)
def test_options_that_do_not_go_together_are_named(given, words):
    with pytest.raises(InputError, match=words):
        options.check("nano", {"backend": "vllm", **given}, "vlm")


def test_the_batch_invariant_mode_is_switched_on_where_vllm_has_it():
    assert started(device="cuda", invariant=True).variables["VLLM_BATCH_INVARIANT"] == "1"
    assert "VLLM_BATCH_INVARIANT" not in started(device="cuda").variables
    with pytest.raises(InputError, match=r"on GPUs alone .*; here the device is cpu: leave it out"):
        started(invariant=True)


def test_a_server_that_runs_already_is_asked_and_none_is_started():
    pytest.importorskip("aiohttp")
    with CompatibleServer(model="toy") as server:
        context = WorkerContext("toy", {"backend": "vllm", "url": server.url})
        one = operator.make(context)
        asyncio.run(one.start())
    assert type(one.backend) is OpenAIBackend
    assert (one.capabilities.backend, one.capabilities.model) == ("vllm", "toy")


def test_a_missing_runtime_is_told_with_its_command_before_a_run(monkeypatch, tmp_path):
    monkeypatch.setenv("ARENA_HOME", str(tmp_path))
    given = ["--game", "leduc", "--operators", "vlm@backend=vllm@device=cpu,random", "--out", str(tmp_path / "run")]
    out = CliRunner().invoke(play, given)
    assert isinstance(out.exception, InputError)
    assert "arena env create vllm-cpu" in str(out.exception)
    assert not (tmp_path / "run").exists()


def test_special_tokens_are_those_of_the_transformers_backend():
    pytest.importorskip("torch")
    from arena_operators.vlm.model import Model

    origin = checkpoint.source("nano")
    model, found = Model(origin, "cpu", "float32"), special(origin)
    assert set(found.banned) == set(np.flatnonzero(model.banned(722)).tolist())
    assert set(found.ends) == set(model.ends)
    words = "pot 10 <image> say </s> fold <end_of_utterance><row_1_col_1>"
    assert found.plain(words) == model.plain(words)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The cache of a hub that has nano, called arena/nano, in it."""
    constants = pytest.importorskip("huggingface_hub.constants")
    return vllm_kit.cached(tmp_path, checkpoint.SHIPPED, monkeypatch, constants)


def test_special_tokens_of_a_hubs_model_are_those_of_the_folder_it_was_downloaded_to(hub):
    origin = checkpoint.source(hub)
    assert (origin.path, special(origin).banned) == (None, ())
    assert special(in_cache(origin)) == special(in_cache(origin, "main")) == special(checkpoint.source("nano"))


def test_a_hubs_model_that_is_not_here_has_none(hub):
    gone = checkpoint.source("arena/other")
    assert in_cache(gone) == gone
    assert in_cache(checkpoint.source(hub), "v2").path is None


def test_nothing_is_banned_where_it_is_not_known_what_ends_an_answer(tmp_path):
    folder = shutil.copytree(checkpoint.SHIPPED, tmp_path / "model")
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        known = json.loads((folder / name).read_text())
        known.get("text_config", {}).pop("eos_token_id", None)
        (folder / name).write_text(json.dumps({key: value for key, value in known.items() if "eos" not in key}))
    assert special(checkpoint.source(str(folder))).banned == ()
    known = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(known | {"eos_token": {"content": "</s>"}}))
    found = special(checkpoint.source(str(folder)))
    assert found == special(checkpoint.source("nano"))


@pytest.mark.parametrize(("cores", "one"), [(1, True), (2, True), (4, True), (5, False)])
def test_on_few_cores_the_engine_runs_in_one_process_that_leaves_a_core_to_the_rest(monkeypatch, cores, one):
    monkeypatch.setattr(vllm_launch, "_cores", lambda: cores)
    found = started()
    assert ("uni" in found.options) == one
    assert found.variables.get("OMP_NUM_THREADS") == (str(max(1, cores - 1)) if one else None)


def test_a_user_who_binds_threads_is_left_to_it(monkeypatch):
    monkeypatch.setattr(vllm_launch, "_cores", lambda: 2)
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0-1")
    assert "uni" not in started().options
