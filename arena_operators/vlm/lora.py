"""Adapters before vLLM loads them: what it would leave out in silence is refused here, by the files alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from arena.errors import InputError, nearest
from arena_operators.vlm import checkpoint
from arena_operators.vlm.checkpoint import ADAPTER, ADAPTER_WEIGHTS, Source

RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # of adapters, as vLLM counts them
RANK = 32  # of those that training brings
VISION = ("vision", "visual", "image_newline", "connector", "multi_modal_projector")
WORDS = ("lm_head", "embed_tokens")  # layers whose adapters many versions of vLLM leave out
_FACTOR = re.compile(r"base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight")
_BLOCK = re.compile(r"(.*?)\b(layers\.\d+\..+)")  # "model.text_model.", "layers.0.mlp.up_proj"


def fitting(rank: int | None) -> int:
    """The least of RANKS that holds `rank`, None: RANK. InputError when none does."""
    fits = [one for one in RANKS if one >= (rank or RANK)]
    if not fits:
        raise InputError(f"@lora_rank={rank}: vLLM takes adapters of rank {RANKS[-1]} at most")
    return fits[0]


def rank(adapter: Path, origin: Source | None = None) -> int:
    """The least of RANKS that holds an adapter. InputError when vLLM would apply it to `origin` in part, or not at all.

    Without a folder of the model only the adapter itself is looked at.
    """
    checkpoint.check_safetensors(adapter / ADAPTER_WEIGHTS)
    found = tensors(adapter / ADAPTER_WEIGHTS)
    _refuse_parts(
        found,
        f"the adapter {adapter}",
        "`arena export adapter --language` leaves that out, `arena export model` merges all; or no @backend=vllm",
    )
    config = json.loads((adapter / ADAPTER).read_text(encoding="utf-8"))
    most = max([config.get("r") or 0, *(config.get("rank_pattern") or {}).values()])
    fits = [one for one in RANKS if one >= most]
    if not fits:
        raise InputError(f"the adapter {adapter} has rank {most}; vLLM takes at most {RANKS[-1]}")
    if origin is not None and (shapes := _layers(origin)):
        _check_layers(adapter, found, shapes)
    return fits[0]


def check_targets(targets: str | None, origin: Source) -> None:
    """InputError unless all of `targets`, such as q_proj+v_proj, are layers of the model's language part."""
    if targets is None:
        return
    names = targets.split("+")
    _refuse_parts(names, f"@lora_targets={targets}", "name layers of its language part alone")
    layers = _layers(origin)
    known = {name.rpartition(".")[2] for name in layers if _BLOCK.fullmatch(name)}
    for name in names:
        if known and name not in known:
            raise InputError(
                f"@lora_targets={targets}: {origin.called} has no layer called {name!r} in its language part, so that "
                f"its adapter would change nothing. {nearest(name, sorted(known))}"
            )


def changes_something(adapter: Path) -> bool:
    """Whether an adapter is not all zero, as one is that was not trained yet: half of its factors begin so."""
    file = adapter / ADAPTER_WEIGHTS
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    for name, entry in tensors(file).items():
        begin, end = entry["data_offsets"]
        if "lora_A" not in name and any(data[start + begin : start + end]):
            return True
    return False


def tensors(file: Path) -> dict[str, Any]:
    """The header of a file of safetensors: dtype, shape and place of each tensor."""
    with file.open("rb") as stream:
        header: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    header.pop("__metadata__", None)
    return header


def _refuse_parts(names: Iterable[str], who: str, instead: str) -> None:
    names = sorted(names)
    for parts, what in ((VISION, "the part of the model that sees"), (WORDS, "its embedding of words")):
        seen = [name for name in names if any(part in name.lower() for part in parts)]
        if seen:
            raise InputError(f"{who} changes {what} ({seen[0]}, ...), where vLLM applies none: {instead}")


def _layers(origin: Source) -> dict[str, list[int]]:
    """The shape of each layer of a folder's model outside of the part that sees; nothing of a model on

    a hub, nor of one whose layers are kept in another form.
    """
    if origin.path is None or "quantization_config" in (origin.path / "config.json").read_text(encoding="utf-8"):
        return {}
    return {
        name.removesuffix(".weight"): entry["shape"]
        for file in checkpoint.weights_of(origin.path)
        for name, entry in tensors(file).items()
        if name.endswith(".weight") and len(entry["shape"]) == 2 and not any(part in name.lower() for part in VISION)
    }


def _check_layers(adapter: Path, found: Mapping[str, Any], shapes: Mapping[str, list[int]]) -> None:
    """InputError when a factor has no layer in the model, or one of another shape.

    Layers are found by what follows `layers.`: names before it depend on the version of transformers. But the names of
    a language model alone fit no model that sees.
    """
    by_end = {part[2]: (part[1], shape) for name, shape in shapes.items() if (part := _BLOCK.fullmatch(name))}
    for name, entry in sorted(found.items()):
        factor = _FACTOR.fullmatch(name)
        if factor is None:
            raise InputError(f"the adapter {adapter} holds {name}, which is no factor of a layer as peft names them")
        layer, side = factor[1], factor[2]
        part = _BLOCK.fullmatch(layer)
        if part is None or not by_end or ".experts." in layer:  # models of other forms: only the server can tell
            continue
        head, shape = by_end.get(part[2], ("", None))
        if shape is None:
            raise InputError(
                f"the adapter {adapter} changes {layer}, which the model has not: it was made for another one. The "
                f"model has {next(iter(by_end))}, ..."
            )
        wrapped = [one for one in ("text_model.", "language_model.") if one in head]
        if wrapped and wrapped[0] not in part[1]:
            raise InputError(
                f"the adapter {adapter} names {layer}, as a model that only reads does; in this one, which sees, that "
                f"layer is {head}{part[2]}, and vLLM would apply nothing. Train it on the whole model"
            )
        mine, whole, what = (
            (entry["shape"][-1], shape[1], "inputs") if side == "A" else (entry["shape"][0], shape[0], "outputs")
        )
        if mine != whole:
            raise InputError(
                f"the adapter {adapter} gives {layer} {mine} {what}, and the model's has {whole}: it was made for "
                "another model"
            )
