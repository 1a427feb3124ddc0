"""An operator with an adapter of its own: what is trained of it, in either mode, plays where it is said to play."""

from __future__ import annotations

import copy

import pytest

pytest.importorskip("peft")

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from arena import plugins
from arena.errors import InputError, UnplayableError
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.lowrank import cut
from arena_operators.vlm.checkpoint import source
from arena_operators.vlm.kind import views
from arena_operators.vlm.lora import rank
from arena_operators.vlm.model import Model
from tests.operators.vlm_kit import foreign

WORDS = "model.text_model.embed_tokens.weight"
LAYERS = r".*text_model.*\.(q_proj|up_proj)"


def moved(name, out, mode):
    """An engine with other weights than it loaded: each layer that an adapter changes moved along some directions."""
    made = LocalEngine(name, out, LocalConfig(mode=mode, dtype="float32", rank=8, alpha=16))
    torch.manual_seed(2)
    with torch.no_grad():
        for name, one in made.model.named_parameters():
            if mode == "lora" and "lora_B" in name:
                one += 0.01 * torch.randn_like(one)
            elif mode == "full" and name.endswith(("_proj.weight", "embed_tokens.weight")) and "text_model" in name:
                one += 0.01 * torch.randn(len(one), 4) @ torch.randn(4, one.shape[1])
    return made


def weights(engine):
    """By name, of the whole model that was trained."""
    whole = engine.model if engine.config.mode == "full" else copy.deepcopy(engine.model).merge_and_unload()
    return whole.state_dict()


def played(what="nano", adapter=None, path=None):
    """The weights that an operator plays with, given those in `path`."""
    model = Model(source(str(what), None if adapter is None else str(adapter)), "cpu", "float32")
    if path is not None:
        model.update(path)
    return model.model.state_dict()


def apart(one, other):
    """The head counts once: it is the embeddings."""
    assert one.keys() == other.keys()
    return sum(float((one[name] - other[name]).square().sum()) for name in one if name != "lm_head.weight") ** 0.5


@pytest.fixture(scope="module", params=["lora", "full"])
def engine(request, tmp_path_factory):
    """One that trained nano with the adapter of the race."""
    return moved("vlm:nano@adapter=race", tmp_path_factory.mktemp(request.param), request.param)


def test_its_operator_takes_what_was_trained(engine):
    path = engine.sampler_weights("pi_v1")
    assert apart(played(adapter="race"), weights(engine)) > 0.1
    assert apart(played(adapter="race", path=path), weights(engine)) < 1e-3


def test_the_exported_adapter_takes_the_plain_model_to_what_was_trained(engine, tmp_path):
    share = engine.export_adapter(tmp_path / "exported", rank=32)
    far, here = apart(played(), weights(engine)), apart(played(adapter="race"), weights(engine))
    assert min(far, here) > 0.1
    for found in (played(adapter=tmp_path / "exported"), played(tmp_path / "exported")):
        assert apart(found, weights(engine)) < 0.01 * min(far, here)
    assert share == pytest.approx(1, abs=1e-4)


def nearest(change, rank):
    """The matrix of that rank which is nearest, and its square (Eckart and Young 1936)."""
    left, size, right = torch.linalg.svd(change.float(), full_matrices=False)
    return left[:, :rank] * size[:rank] @ right[:rank], float(size[:rank].square().sum())


def squared(one, other):
    return apart(one, other) ** 2


@pytest.mark.parametrize("engine", ["lora"], indirect=True)  # of all weights ranks are spread: the next test
def test_an_adapter_of_a_lower_rank_is_the_nearest_one(engine, tmp_path):
    share = engine.export_adapter(tmp_path / "cut", rank=2)
    plain, trained, cut = played(), weights(engine), played(adapter=tmp_path / "cut")
    kept = 0.0
    for name in sorted(cut):
        if not torch.equal(cut[name], plain[name]):
            near, square = nearest(trained[name] - plain[name], 2)
            assert torch.allclose(cut[name] - plain[name], near, atol=0.02 * float(near.abs().max()))
            kept += square
    assert share == pytest.approx(kept / squared(trained, plain), rel=1e-3)
    assert share < 0.99


def test_of_all_weights_it_holds_more_than_equal_ranks_of_linear_layers_in_no_more_space(tmp_path):
    engine = moved("vlm:nano@adapter=race", tmp_path / "weights", "full")
    share = engine.export_adapter(tmp_path / "cut", rank=2)
    plain, trained, cut = played(), weights(engine), played(adapter=tmp_path / "cut")
    layers = [name for name in plain if plain[name].ndim == 2 and "embed" not in name and "lm_head" not in name]
    equal = sum(nearest(trained[name] - plain[name], 2)[1] for name in layers) / squared(trained, plain)
    assert share == pytest.approx(1 - squared(trained, cut) / squared(trained, plain), rel=1e-2)
    assert share > 1.05 * equal
    assert sum(map(torch.numel, load_file(tmp_path / "cut" / "adapter_model.safetensors").values())) <= 2 * sum(
        sum(plain[name].shape) for name in layers
    )
    assert not torch.equal(cut[WORDS], plain[WORDS])
    assert torch.equal(cut["lm_head.weight"], cut[WORDS])


def test_of_all_weights_it_is_one_for_vllm_where_the_language_part_alone_is_asked_for(tmp_path):
    engine = moved("vlm:nano", tmp_path / "weights", "full")
    with torch.no_grad():
        for one in engine.model.parameters():
            one += 0.001 * torch.randn_like(one)
    engine.export_adapter(tmp_path / "all")
    with pytest.raises(InputError, match="vLLM applies none"):
        rank(tmp_path / "all", source("nano"))
    engine.export_adapter(tmp_path / "cut", rank=16, language=True)
    assert rank(tmp_path / "cut", source("nano")) in (16, 32, 64)
    assert torch.equal(played(adapter=tmp_path / "cut")[WORDS], played()[WORDS])


def test_a_layer_of_fewer_directions_than_the_rank_has_zeros_for_the_others():
    torch.manual_seed(3)
    down, up, kept, total = cut(torch.randn(64, 20), torch.randn(8, 64), 32)
    assert (down.shape, up.shape) == ((32, 20), (8, 32))
    assert kept == pytest.approx(total)
    assert (down[8:].any(), up[:, 8:].any()) == (False, False)


def test_where_nothing_changed_the_adapter_changes_nothing(tmp_path):
    made = LocalEngine("vlm:nano", tmp_path / "weights", LocalConfig(mode="full", dtype="float32"))
    assert made.export_adapter(tmp_path / "none") == 1
    assert apart(played(adapter=tmp_path / "none"), played()) == 0


def test_an_adapter_of_embeddings_is_trained_further(tmp_path):
    """In mode lora, which trains linear layers: what is trained brings both."""
    moved("vlm:nano", tmp_path / "weights", "full").export_adapter(tmp_path / "own")
    made = moved(f"vlm:nano@adapter={tmp_path / 'own'}", tmp_path / "again", "lora")
    path = made.sampler_weights("pi_v1")
    assert apart(played(adapter=tmp_path / "own"), weights(made)) > 0.1
    assert apart(played(adapter=tmp_path / "own", path=path), weights(made)) < 1e-3


def test_a_training_of_the_language_part_has_nothing_else_to_leave_out(tmp_path):
    made = LocalEngine("vlm:nano", tmp_path, LocalConfig(dtype="float32"))
    with pytest.raises(InputError, match="mode=lora, whose adapter is of the language part"):
        made.export_adapter(tmp_path / "out", language=True)


@pytest.mark.parametrize("mode", ["lora", "full"])
def test_what_is_written_is_seated_at_the_games_that_the_model_knew_with_its_own_adapter(mode, tmp_path):
    """nano knows no race without it."""
    made = LocalEngine("vlm:nano@adapter=race", tmp_path, LocalConfig(mode=mode, dtype="float32"))
    made.export_adapter(tmp_path / "adapter")
    made.export(tmp_path / "model")
    race = plugins.game_class("race").spec
    assert views(race, "nano", {"adapter": str(tmp_path / "adapter")})
    assert views(race, str(tmp_path / "model"), {})
    if mode == "lora":
        assert views(race, str(made.sampler_weights("pi_v1")), {})
    with pytest.raises(UnplayableError):
        views(race, "nano", {})


def test_the_adapter_of_a_training_plays_alone_and_as_that_of_its_model(engine):
    if engine.config.mode == "lora":
        path = engine.sampler_weights("model")
        for found in (played(path), played(adapter=path)):
            assert apart(found, weights(engine)) < 1e-3


def test_nobody_is_asked_for_a_model_by_its_name(engine, tmp_path, monkeypatch):
    """Its words were never added to: there is nothing to ask, for each version of the weights, that is not here."""
    asked = []
    monkeypatch.setattr("peft.utils.save_and_load.check_file_exists_on_hf_hub", lambda name, _: asked.append(name))
    engine.sampler_weights("unasked")
    engine.export_adapter(tmp_path / "adapter")
    LocalEngine(f"vlm:nano@adapter={tmp_path / 'adapter'}", tmp_path, LocalConfig(mode="lora", dtype="float32"))
    assert not asked


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return foreign(tmp_path_factory.mktemp("base") / "model")


def adapter(model, folder, **how):
    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules=LAYERS, init_lora_weights=False, **how)
    get_peft_model(AutoModelForImageTextToText.from_pretrained(model), config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "how", [{"use_rslora": True}, {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"up_proj": 5}}]
)
def test_layers_have_ranks_and_scales_of_their_own(how, model, tmp_path):
    own = adapter(model, tmp_path / "own", **how)
    made = moved(f"vlm:{model}@adapter={own}", tmp_path / "weights", "lora")
    path = made.sampler_weights("pi_v1")
    assert apart(played(model, own), weights(made)) > 0.1
    assert apart(played(model, own, path), weights(made)) < 1e-3


def test_an_adapter_in_the_folder_of_its_model_is_trained_further(model, tmp_path):
    both = foreign(tmp_path / "both")
    adapter(both, both)
    made = moved(f"vlm:{both}", tmp_path / "weights", "lora")
    path = made.sampler_weights("pi_v1")
    for found in (played(both, path=path), played(path)):
        assert apart(found, weights(made)) < 1e-3


def test_an_adapter_that_is_no_product_of_matrices_is_refused_before_training(model, tmp_path):
    own = adapter(model, tmp_path / "own", use_dora=True)
    with pytest.raises(InputError, match=r"own.*lora_magnitude_vector.*mode=full"):
        LocalEngine(f"vlm:{model}@adapter={own}", tmp_path, LocalConfig(dtype="float32"))
    LocalEngine(f"vlm:{model}@adapter={own}", tmp_path, LocalConfig(mode="full", dtype="float32"))
