"""Applies a peft adapter to its base model, completely or not at all."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

from arena_operators.vlm.checkpoint import ADAPTER, ADAPTER_WEIGHTS, Source
from arena_operators.vlm.lora import tensors


@contextmanager
def base_alone(origin: Source, revision: str | None) -> Iterator[str]:
    """A name by which transformers loads the base model and no adapter: it would apply one that stands beside the

    weights by itself, or pass over it, and say neither. ValueError for a hub's name that is an adapter.
    """
    if origin.path is None:
        from transformers.utils.peft_utils import find_adapter_config_file

        if find_adapter_config_file(origin.name, revision=revision) is not None:
            raise ValueError("it is an adapter, no model. Download it, and name its folder: vlm:MODEL@adapter=DIR")
        yield origin.name
    elif not (origin.path / ADAPTER).is_file():
        yield origin.name
    else:
        with tempfile.TemporaryDirectory(prefix="arena-vlm-") as folder:
            for file in origin.path.resolve().iterdir():
                if not file.name.startswith("adapter_"):
                    (Path(folder) / file.name).symlink_to(file)
            yield folder


def merged(model: Any, folder: Path) -> Any:
    """Returns `model` with the adapter in `folder` merged. Raises ValueError if any part of it does not fit."""
    return into_its_model(applied(model, folder))


def into_its_model(wrapped: Any) -> Any:
    """The model of an applied adapter, with what it adds in its weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of embeddings: a head that is tied is the same parameter
        return wrapped.merge_and_unload(safe_merge=True)


def applied(model: Any, folder: Path) -> Any:
    """`model`, wrapped, with the adapter in `folder` beside its layers. ValueError if any part of it does not fit, or

    it cannot be merged.
    """
    from peft import PeftConfig, PeftModel

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the code below checks what they warn about
            config = PeftConfig.from_pretrained(str(folder))
            config.inference_mode = True
            wrapped = PeftModel(model, config)
            _check_shapes(wrapped, folder)
            result = wrapped.load_adapter(str(folder), "default", is_trainable=False, use_safetensors=True)
    except Exception as error:  # boundary: another library's files
        why = str(error) if isinstance(error, _MisfitError) else f"{type(error).__name__}: {shorten(str(error), 400)}"
        raise ValueError(f"the adapter in {folder} does not fit its model: {why}") from error
    for fault, names in (("lacks", result.missing_keys), ("has no place for", result.unexpected_keys)):
        if names:
            who = "it" if fault == "lacks" else "the model"
            raise ValueError(
                f"the adapter in {folder} does not fit its model: {who} {fault} {', '.join(sorted(names)[:3])}"
                f"{', ...' if len(names) > 3 else ''}. It was made for another model, or saved by another peft"
            )
    if not hasattr(wrapped.base_model, "merge_and_unload"):
        raise ValueError(
            f"the adapter in {folder} is of type {config.peft_type.value}, which cannot be added to a model's weights; "
            "LoRA and its kin can"
        )
    return wrapped


class _MisfitError(Exception):
    """Weights have another shape than their place."""


def _check_shapes(wrapped: Any, folder: Path) -> None:
    """_MisfitError for the first weights that do not fit; of names that do not, the loader says which."""
    from peft import get_peft_model_state_dict

    places = get_peft_model_state_dict(wrapped, save_embedding_layers=False)
    for name, entry in tensors(folder / ADAPTER_WEIGHTS).items():
        shape, place = tuple(entry["shape"]), places.get(name)
        if place is not None and shape != (takes := tuple(place.shape)):
            rank = wrapped.peft_config["default"].r
            raise _MisfitError(
                f"{name} has the shape {shape} in {ADAPTER_WEIGHTS}, and by {ADAPTER} (r={rank}) and the model it "
                f"would be {takes}. Take both files from one export, and the model that it was made for"
            )


def factors(wrapped: Any) -> dict[str, tuple[Any, Any]]:
    """What an applied adapter adds to each weight, by its layer: (down, up), whose product up @ down it is, in float32.

    ValueError for an adapter that adds anything but such products to linear layers and embeddings.
    """
    from peft import get_peft_model_state_dict
    from torch import nn

    out, names = {}, set()
    for name, module in wrapped.get_base_model().named_modules():
        if "default" in getattr(module, "lora_A", {}) and isinstance(module.get_base_layer(), nn.Linear):
            down, up = module.lora_A["default"].weight, module.lora_B["default"].weight
            names |= {f"base_model.model.{name}.lora_{side}.weight" for side in "AB"}
        elif "default" in getattr(module, "lora_embedding_A", {}):  # which peft keeps turned
            down, up = module.lora_embedding_B["default"].T, module.lora_embedding_A["default"].T
            names |= {f"base_model.model.{name}.lora_embedding_{side}" for side in "AB"}
        else:
            continue
        out[name] = down.detach().float().cpu(), (up.detach().float() * module.scaling["default"]).cpu()
    held = get_peft_model_state_dict(wrapped, save_embedding_layers=False)  # "auto" asks the internet for the model
    if others := sorted(held.keys() - names):
        raise ValueError(f"it holds {others[0]}, which is no factor of a linear layer or an embedding")
    return out
