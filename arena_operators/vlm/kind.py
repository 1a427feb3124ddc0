"""The description of `vlm`, without heavy imports: a vision-language model run by transformers inside a worker.

`vlm` alone is nano, shipped with the arena; `vlm:DIR` and `vlm:ORG/MODEL` name any other Hugging Face model, or DIR a
peft adapter of one. What takes a `kind` serves `llm` as well: such models, and those that only read, asked in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata as distributions
from pathlib import Path
from typing import Any

from arena.canonical import hash_file
from arena.errors import InputError, UnplayableError
from arena.game import GameSpec, Views
from arena.operator import Determinism, OperatorKind
from arena.options import Option
from arena.plugins import require_modules
from arena_operators.vlm import checkpoint
from arena_operators.vlm.checkpoint import Kind

NANO_IMAGE = (128, 128)
DEFAULT_EDGE = 384  # pixels, for a model whose config.json is not available here
TESTED_FAMILIES, TESTED_BATCH = ("idefics3", "llama"), 4  # tests/operators compares batched answers with single ones
DRIVERS = ("/proc/driver/nvidia/version", "/dev/dxg", "/dev/kfd")  # of GPUs that torch computes on
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
_SIZE = re.compile(r"(\d+)(?:x(\d+))?")


def image_size(value: str) -> tuple[int, int]:
    """(height, width) of "384" or "384x512". Raises InputError for anything else."""
    found = _SIZE.fullmatch(value.strip().lower())
    if found is None:
        raise InputError(f"vlm@image={value}: expected an edge or HEIGHTxWIDTH in pixels, e.g. 384 or 480x640")
    return int(found[1]), int(found[2] or found[1])


def views(spec: GameSpec, what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Views:
    """A picture and text, or for `llm` text. UnplayableError if the game lacks one, or nano was not trained for it."""
    origin = checkpoint.source(what, options.get("adapter"), kind)
    metadata = origin.metadata()
    name = f"{kind}:{what}" if what else "vlm (nano)" if kind == "vlm" else "llm"
    family = spec.id.partition(":")[0]  # a model trained on one stage of mario may play all of them
    if metadata is not None and not {spec.id, family} & {*metadata.get("games", [])}:
        known = ", ".join(metadata.get("games", [])) or "no game"
        raise UnplayableError(
            f"{name} cannot play {spec.id!r}: it was trained for {known} only. Name a general model ({kind}:DIR or "
            f"{kind}:ORG/MODEL), or add {spec.id!r} to the mixture of scripts/nano and train it again (docs/nano.md)."
        )
    needed = {"image": bool(spec.image_sizes), "text": spec.text} if kind == "vlm" else {"text": spec.text}
    missing = [view for view, there in needed.items() if not there]
    if missing:
        hint = ". `llm` needs no picture, e.g. llm:smollm2 (docs/models.md)" if missing == ["image"] else ""
        raise UnplayableError(
            f"{name} cannot play {spec.id!r}: the game offers no {' and no '.join(missing)} view{hint}"
        )
    if kind == "llm":
        return Views(text=True)
    return Views(image=_choose(spec, name, origin, metadata, options), text=True)


def _choose(
    spec: GameSpec,
    name: str,
    origin: checkpoint.Source,
    metadata: Mapping[str, Any] | None,
    options: Mapping[str, Any],
) -> tuple[int, int]:
    offered = ", ".join(f"{height}x{width}" for height, width in spec.image_sizes)
    size = image_size(options["image"]) if options.get("image") else None
    if metadata is not None:
        if size not in (None, NANO_IMAGE):
            raise UnplayableError(f"{name} reads pictures of 128x128 only, not {options['image']}: leave @image= out")
        size = NANO_IMAGE
    if size is not None:
        if size not in spec.image_sizes:
            raise UnplayableError(f"{name} wants a picture of {size[0]}x{size[1]}; {spec.id!r} offers {offered}")
        return size
    edge = (checkpoint.vision_size(origin.path) if origin.path is not None else None) or DEFAULT_EDGE
    large = [size for size in spec.image_sizes if min(size) >= edge]
    # The smallest picture that fills the model's vision tower; if none does, the largest.
    return min(large, key=lambda size: size[0] * size[1]) if large else max(spec.image_sizes)


def resolve_options(
    spec: GameSpec | None, what: str, options: Mapping[str, Any], kind: Kind = "vlm"
) -> Mapping[str, Any]:
    """Checks the folder, or the hub's name, without loading anything, and fills in what the user left open.

    InputError, CheckpointError, MissingExtraError.
    """
    origin = checkpoint.source(what, options.get("adapter"), kind)
    if options.get("image"):
        image_size(options["image"])
    if origin.path is not None and options.get("revision"):
        raise InputError(f"{origin.called}@revision=: a revision goes with ORG/MODEL, and this model is a folder")
    if origin.adapter is not None:
        require_modules("an adapter", ("peft",), "vlm")
    checkpoint.check_source(origin)
    return filled(origin, options)


def filled(origin: checkpoint.Source, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with defaults for this model and this machine. Raises InputError for a bad `device`."""
    out = dict(options)
    nano = origin.metadata() is not None
    small = nano or origin.gguf is not None

    def default(name: str, value: Any) -> None:
        if out.get(name) is None:
            out[name] = value

    default("device", "cuda" if not small and has_gpu() else "cpu")
    if not _DEVICE.fullmatch(out["device"]):
        raise InputError(f"{origin.kind}@device={out['device']}: expected cpu, cuda or cuda:N")
    default("dtype", "float32" if out["device"] == "cpu" else "bfloat16")
    default("batch", 4 if nano or out["device"] != "cpu" else 1)
    default("max_tokens", 64 if small else 256)
    default("prompt", "short" if nano else "full")
    default("temperature", 1.0)
    default("threads", 1)
    return out


def has_gpu() -> bool:
    """Whether torch is built for GPUs and a driver is loaded; does not import torch, which takes two seconds."""
    try:
        build = distributions.version("torch")
    except distributions.PackageNotFoundError:
        return False
    return not build.endswith("+cpu") and any(Path(driver).exists() for driver in DRIVERS)


def declared(what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Determinism:
    """Deterministic where tests have shown that the rest of a batch changes no bit of an answer; else measured."""
    origin = checkpoint.source(what, options.get("adapter"), kind)
    asked = filled(origin, options)
    if (asked["device"], asked["dtype"], asked["threads"]) != ("cpu", "float32", 1):
        return "measured"
    alone = asked["batch"] == 1  # every question is a batch of its own
    tested = asked["batch"] == TESTED_BATCH and checkpoint.model_type(origin) in TESTED_FAMILIES
    return "deterministic" if alone or tested else "measured"


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Mapping[str, str]:
    """The loaded model: a folder's files by hash, its class, dtype and adapter; a hub model's name and revision."""
    origin = checkpoint.source(what, options.get("adapter"), kind)
    hub = {} if origin.hub is None else {"model": origin.hub, "revision": options.get("revision") or "unknown"}
    hashes = {name: hash_file(path) for name, path in checkpoint.loaded(origin).items()}
    return {**hub, **hashes, **checkpoint.facts(origin), "dtype": filled(origin, options)["dtype"]}


KIND = OperatorKind(
    name="vlm",
    summary="a vision-language model that sees its seat's picture (default: nano, shipped and trained for our games)",
    target="arena_operators.vlm.operator:make",
    views=views,
    resolve_options=resolve_options,
    fingerprint=fingerprint,
    declared=declared,
    what="nano (default) | DIR | ORG/MODEL, a Hugging Face vision-language model; DIR may be a peft adapter of one",
    options={
        "temperature": Option("float", 1.0, "of sampling, drawn from each turn's own key; 0 = greedy", low=0, high=10),
        "max_tokens": Option("int", None, "tokens an answer may take (default: 64 for nano, 256 otherwise)", low=1),
        "prompt": Option(
            "str", None, "the game's prompt (default: short for nano, full otherwise)", choices=("short", "full")
        ),
        "adapter": Option("str", None, "folder of a peft adapter that is applied to the model"),
        "image": Option("str", None, "size of the picture, e.g. 384 or 480x640 (default: what suits the model)"),
        "revision": Option("str", None, "commit, tag or branch of ORG/MODEL"),
        "device": Option("str", None, "cpu or cuda[:N] (default: cpu for nano; otherwise cuda where there is one)"),
        "dtype": Option(
            "str",
            None,
            "of the weights (default: float32 on cpu, bfloat16 on cuda)",
            choices=("float32", "bfloat16", "float16"),
        ),
        "batch": Option(
            "int", None, "rows of every forward pass, a fixed shape (default: 4; 1 for others on cpu)", low=1
        ),
        "threads": Option("int", 1, "CPU threads of the worker; another number may change the last bits", low=1),
    },
    requires=("torch", "transformers", "safetensors", "tokenizers"),
    extra="vlm",
    determinism="measured",
    licence="nano: Apache-2.0; any other model under its own licence",
)
