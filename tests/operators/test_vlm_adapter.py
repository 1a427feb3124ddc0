"""`vlm` with a peft adapter: applied, or refused in words; and the record names what was loaded."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from arena.canonical import hash_file
from arena.errors import CheckpointError, InputError
from arena.operator import WorkerContext
from arena.plugins import game_class
from arena_operators.vlm.checkpoint import source
from arena_operators.vlm.kind import KIND, declared, fingerprint, resolve_options, stands_for
from arena_operators.vlm.operator import make
from tests.operators.vlm_kit import foreign, lessons, question

LAYERS = r".*text_model.*\.(q_proj|v_proj)"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def adapter(base, tmp_path_factory):
    """An adapter of random weights, saved by peft as ever."""
    torch.manual_seed(1)
    model = AutoModelForImageTextToText.from_pretrained(base)
    config = LoraConfig(r=4, target_modules=LAYERS, init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapter") / "cards"
    get_peft_model(model, config).save_pretrained(folder)
    return folder


def scores(what, **options):
    """Logits of a prompt's last place."""
    model = make(WorkerContext(str(what), options)).backend.model
    row = model.encode(question("Which move?", lessons("kuhn", 1)[0].observation.image))
    with torch.no_grad():
        return model.model(**model.join([row], 1)).logits[0, -1]


@pytest.fixture(scope="module")
def plain(base):
    return scores(base)


@pytest.fixture(scope="module")
def applied(base, adapter, plain):
    """What peft itself makes of them."""
    from peft import PeftModel

    operator = make(WorkerContext(str(base), {}))
    model = PeftModel.from_pretrained(operator.backend.model.model, adapter)
    row = operator.backend.model.encode(question("Which move?", lessons("kuhn", 1)[0].observation.image))
    with torch.no_grad():
        out = model(**operator.backend.model.join([row], 1)).logits[0, -1]
    assert not torch.allclose(out, plain, atol=1e-3)
    return out


def beside(base, adapter, folder):
    shutil.copytree(base, folder)
    for file in adapter.glob("adapter_*"):
        shutil.copy(file, folder)
    return folder


def test_an_adapter_beside_its_base_weights_is_applied(base, adapter, applied, tmp_path):
    assert torch.allclose(scores(beside(base, adapter, tmp_path / "both")), applied, atol=1e-5)


def test_an_adapter_alone_is_applied_to_the_model_it_names(adapter, applied):
    assert torch.allclose(scores(adapter), applied, atol=1e-5)


def test_an_adapter_is_applied_to_the_model_that_is_named(base, adapter, applied):
    assert torch.allclose(scores(base, adapter=str(adapter)), applied, atol=1e-5)


def test_the_record_names_what_is_loaded(base, adapter):
    spec = game_class("kuhn").spec
    found = fingerprint(spec, str(adapter), resolve_options(None, str(adapter), {}))
    assert found["adapter/adapter_model.safetensors"] == hash_file(adapter / "adapter_model.safetensors")
    assert found["model.safetensors"] == hash_file(base / "model.safetensors")
    assert found["adapter"] == "cards"
    assert found["architecture"] == "Idefics3ForConditionalGeneration"
    assert found["dtype"] == "float32"
    assert {"config.json", "tokenizer.json", "processor_config.json", "adapter/adapter_config.json"} <= set(found)
    assert not [
        name for name in fingerprint(spec, str(base), resolve_options(None, str(base), {})) if "adapter" in name
    ]


def test_files_that_are_not_loaded_are_not_in_the_record(base, tmp_path):
    shutil.copytree(base, tmp_path / "model")
    shutil.copy(base / "model.safetensors", tmp_path / "model" / "optimizer.safetensors")
    assert "optimizer.safetensors" not in fingerprint(game_class("kuhn").spec, str(tmp_path / "model"), {})


def copy(adapter, tmp_path, **changes):
    folder = tmp_path / "changed"
    shutil.copytree(adapter, folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, **changes}))
    return folder


def test_an_adapter_whose_model_is_not_here_says_how_to_name_it(adapter, tmp_path):
    folder = copy(adapter, tmp_path, base_model_name_or_path="/no/such/model")
    with pytest.raises(InputError, match=r"adapter for the model '/no/such/model'.*vlm:MODEL@adapter="):
        resolve_options(None, str(folder), {})


def test_vlm_with_an_adapter_alone_is_the_model_that_it_was_made_for(base, adapter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = game_class("leduc").spec
    for told, meant in ((str(base), str(base.resolve())), ("nano-games", "nano-games"), ("", "nano")):
        folder = copy(adapter, tmp_path / str(len(told)), base_model_name_or_path=told)
        given = {"adapter": str(folder)}
        assert stands_for(spec, "", given) == (meant, given)
        assert source("", str(folder)).base == meant
    copy(adapter, tmp_path, base_model_name_or_path="nano-games").rename(tmp_path / "race")
    assert stands_for(spec, "", {"adapter": "race"})[0] == "nano"  # the one that ships has the name first
    for told in ("/no/such", ["x"]):
        folder = copy(adapter, tmp_path / f"x{len(told)}", base_model_name_or_path=told)
        with pytest.raises(InputError, match=r"is an adapter for the model .*, which is not here"):
            stands_for(spec, "", {"adapter": str(folder)})


def test_a_base_that_is_named_from_the_adapters_folder_is_found(base, adapter, tmp_path):
    folder = copy(adapter, tmp_path, base_model_name_or_path="../model")
    shutil.copytree(base, tmp_path / "model")
    assert source(str(folder)).path.samefile(tmp_path / "model")


def test_an_adapter_without_safetensors_is_refused(adapter, tmp_path):
    folder = copy(adapter, tmp_path)
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(CheckpointError, match=r"no adapter_model\.safetensors"):
        resolve_options(None, str(folder), {})


@pytest.mark.parametrize("fault", ["lacks", "has no place for"])
def test_an_adapter_of_which_a_part_would_be_passed_over_is_refused(adapter, tmp_path, fault):
    folder = copy(adapter, tmp_path)
    tensors = load_file(folder / "adapter_model.safetensors")
    first = min(tensors)
    if fault == "lacks":
        del tensors[first]
    else:
        tensors[first.replace("layers.0", "layers.9")] = tensors[first].clone()
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(ValueError, match=f"does not fit its model: .* {fault} "):
        make(WorkerContext(str(folder), {}))


def test_an_adapter_whose_two_files_disagree_says_where(adapter, tmp_path):
    with pytest.raises(
        ValueError, match=r"lora_A\.weight has the shape \(4, \d+\) in .* \(r=2\) .* would be \(2, \d+\)"
    ):
        make(WorkerContext(str(copy(adapter, tmp_path, r=2)), {}))


def test_an_adapter_for_other_layers_is_refused(adapter, tmp_path):
    with pytest.raises(ValueError, match="does not fit its model"):
        make(WorkerContext(str(copy(adapter, tmp_path, target_modules="no_such_layer")), {}))


def test_an_adapter_that_is_no_addition_to_weights_is_refused(base, tmp_path):
    model = AutoModelForImageTextToText.from_pretrained(base)
    config = PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM", token_dim=64, num_layers=2)
    config.num_attention_heads, config.num_transformer_submodules = 2, 1
    get_peft_model(model, config).save_pretrained(tmp_path / "prompt")
    with pytest.raises(ValueError, match=r"PROMPT_TUNING, which cannot be added|does not fit its model"):
        make(WorkerContext(str(tmp_path / "prompt"), {}))


def test_another_tokenizer_beside_the_adapter_is_not_passed_over(base, adapter, tmp_path):
    folder = copy(adapter, tmp_path)
    words = json.loads((base / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**words, "truncation": None}))
    with pytest.raises(CheckpointError, match="is not that of the model"):
        resolve_options(None, str(folder), {})
    shutil.copy(base / "processor_config.json", folder)
    assert source(str(folder)).processor == str(folder)
    resolve_options(None, str(folder), {})


def test_two_adapters_are_refused(adapter):
    with pytest.raises(InputError, match="is an adapter itself"):
        resolve_options(None, str(adapter), {"adapter": str(adapter)})


def test_a_folder_without_an_adapter_is_no_adapter(base, tmp_path):
    with pytest.raises(InputError, match="no folder of a peft adapter"):
        resolve_options(None, str(base), {"adapter": str(tmp_path)})


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "deterministic"),  # one row a pass
        ({"batch": 4}, "deterministic"),
        ({"batch": 8}, "deterministic"),  # whatever shares a pass
        ({"dtype": "bfloat16"}, "measured"),
        ({"threads": 2}, "measured"),
        ({"device": "cuda"}, "measured"),
    ],
)
def test_determinism_is_declared_where_it_was_measured(base, options, says):
    given = {name: option.default for name, option in KIND.options.items()}
    assert declared(str(base), resolve_options(None, str(base), {**given, "device": "cpu", **options})) == says


def test_of_another_family_only_single_rows_are_known(base, tmp_path):
    shutil.copytree(base, tmp_path / "model")
    config = json.loads((base / "config.json").read_text())
    (tmp_path / "model" / "config.json").write_text(json.dumps({**config, "model_type": "llava"}))
    what = str(tmp_path / "model")
    assert [declared(what, {"device": "cpu", "batch": rows}) for rows in (1, 4)] == ["deterministic", "measured"]
