"""The description of `vlm`, without heavy imports: a vision-language model in a worker, or on a server.

`vlm` alone is what ships with the arena and suits the game: nano, or one that was made of it. `vlm:DIR` and
`vlm:ORG/MODEL` name any other Hugging Face model, or DIR a peft adapter of one; `vlm:MODEL@url=http://...` a model that
a server has. What takes a `kind` serves `llm` as well: such models, and those that only read, asked in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena.canonical import hash_file
from arena.errors import MissingExtraError, UnplayableError
from arena.game import GameSpec, Views
from arena.names import Name
from arena.operator import Determinism, OperatorKind
from arena.plugins import require_modules
from arena_operators.vlm import checkpoint
from arena_operators.vlm.checkpoint import Kind
from arena_operators.vlm.options import (
    AUTO,
    MODULES,
    MOST_MEASURED,
    OPTIONS,
    backend_of,
    check,
    filled,
    image_size,
    origin_of,
    served_elsewhere,
    tools_of,
)
from arena_operators.vlm.prompt_options import own_file, template
from arena_operators.vlm.vllm_launch import launch, runtime_of

NANO_IMAGE = (128, 128)
NANO, SMOLLM2, TORCH, SERVED = (size * 2**20 for size in (1140, 2270, 500, 80))  # bytes of a worker at its peak
DEFAULT_EDGE = 384  # pixels, for a model whose config.json is not available here
BETTER = {  # where several that ship were taught a game: measured to play it better than the first (docs/nano.md)
    "connect_four": "nano-games",
    "mario": "nano-games",
    "sidescroller": "nano-sidescroller",
}
TESTED_FAMILIES = ("idefics3", "llama")  # tests/operators compares batched answers with single ones


def views(spec: GameSpec, what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Views:
    """A picture and text, or for `llm` text. UnplayableError if the game lacks one, or nano was not trained for it."""
    origin = origin_of(what, options, kind)
    metadata = None if origin is None else origin.metadata()
    name = f"{kind}:{what}" if what else "vlm (nano)" if kind == "vlm" else "llm"
    if metadata is not None and not _knows(spec, metadata):
        known = ", ".join(metadata.get("games", [])) or "no game"
        if origin is not None and origin.path in checkpoint.NAMED.values() and (apt := _taught(spec)):
            raise UnplayableError(
                f"{name} cannot play {spec.id!r}: it was trained for {known} only. What ships and knows it: "
                f"{', '.join(map(str, apt))}"
            )
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


def stands_for(spec: GameSpec, what: str, options: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """`vlm` alone is the first that ships and was taught the game, unless another was measured to play it better; with

    an adapter, what that was made for.
    """
    if what or served_elsewhere(options):
        return what, options
    if adapter := options.get("adapter"):
        return checkpoint.meant_for(adapter), options
    better = BETTER.get(spec.id.partition(":")[0])
    best = Name("vlm", better) if better else next(iter(_taught(spec)), Name("vlm", what))
    return best.what, {**options, **best.options}


def _taught(spec: GameSpec) -> list[Name]:
    """What ships and was trained for a game: models first, then adapters of nano."""
    every = [Name("vlm", model) for model in checkpoint.NAMED]
    every += [Name("vlm", "nano", {"adapter": adapter}) for adapter in checkpoint.adapters()]
    return [one for one in every if _knows(spec, checkpoint.source(one.what, one.options.get("adapter")).metadata())]


def _knows(spec: GameSpec, metadata: Mapping[str, Any] | None) -> bool:
    """Whether a model was trained for a game: one of a stage of mario may play all of them."""
    return bool({spec.id, spec.id.partition(":")[0]} & {*(metadata or {}).get("games", [])})


def _choose(
    spec: GameSpec,
    name: str,
    origin: checkpoint.Source | None,
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
    folder = None if origin is None else origin.path
    edge = (checkpoint.vision_size(folder) if folder is not None else None) or DEFAULT_EDGE
    large = [size for size in spec.image_sizes if min(size) >= edge]
    # The smallest picture that fills the model's vision tower; if none does, the largest.
    return min(large, key=lambda size: size[0] * size[1]) if large else max(spec.image_sizes)


def resolve_options(
    spec: GameSpec | None, what: str, options: Mapping[str, Any], kind: Kind = "vlm"
) -> Mapping[str, Any]:
    """Checks the folder, or the name, and the options, without loading or asking anything; fills in what was left open.

    InputError, CheckpointError, MissingExtraError.
    """
    check(what, options, kind)
    backend = backend_of(options)
    modules, extra = MODULES[backend]
    require_modules(f"operator {kind!r} with backend={backend}", modules, extra)
    origin = origin_of(what, options, kind)
    if origin is None or served_elsewhere(options):
        return filled(what, options, kind)
    checkpoint.check_source(origin)
    asked = filled(what, options, kind)
    if backend == "vllm":
        launch(origin, asked)
    elif origin.adapter is not None:
        require_modules("an adapter", ("peft",), "vlm")
    return asked


def runtimes(what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Sequence[str]:
    """The runtime of the vLLM server that its worker starts."""
    if backend_of(options) != "vllm" or served_elsewhere(options):
        return ()
    return (runtime_of(filled(what, options, kind)),)


def declared(what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Determinism:
    """Deterministic where tests have shown that the rest of a batch changes no bit of an answer; else measured."""
    if backend_of(options) != "transformers":
        return "measured"
    if any(not tool.repeatable for tool in tools_of(options)):
        return "measured"
    try:
        asked = filled(what, options, kind)
    except MissingExtraError:  # it is listed with the others, and says what it needs when it is named
        return "measured"
    if (asked["device"], asked["dtype"], asked["threads"]) != ("cpu", "float32", 1):
        return "measured"
    alone = asked["batch"] == 1  # every question is a batch of its own
    tested = checkpoint.model_type(checkpoint.source(what, options.get("adapter"), kind)) in TESTED_FAMILIES
    return "deterministic" if alone or tested else "measured"


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> Mapping[str, str]:
    """The loaded model: a folder's files by hash, its class, dtype and adapter; a hub model's name and revision; the
    user's own prompt.

    Of a server's model its name: what more it is, the server may say when it starts. Of its tools the files.
    """
    asked = filled(what, options, kind)
    tools = {f"tool {tool.name}": hash_file(tool.file) for tool in tools_of(options)}
    own = own_file(asked)
    beside = tools if own is None else {**tools, "prompt": hash_file(own)}
    if served_elsewhere(options):
        return {"model": asked["model"], **beside}
    origin = checkpoint.source(what, options.get("adapter"), kind)
    hub = {} if origin.hub is None else {"model": origin.hub, "revision": options.get("revision") or "unknown"}
    hashes = {name: hash_file(path) for name, path in checkpoint.loaded(origin).items()}
    return {**hub, **hashes, **checkpoint.facts(origin), "dtype": asked["dtype"], **beside}


def max_in_flight(what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> int:
    """Of a server; a model that runs here says it when it is loaded, as what is measured is said then."""
    if backend_of(options) == "transformers":
        return 0
    given = filled(what, options, kind)["in_flight"]
    return MOST_MEASURED if given == AUTO else int(given)


def template_of(what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> str | None:
    """The text of the user's own prompt file."""
    own = own_file(options)
    return None if own is None else template(own, kind)


def memory(what: str, options: Mapping[str, Any], kind: Kind = "vlm") -> int:
    """Measured for nano and smollm2; of a folder's model guessed by its weights, twice, since they are laid out anew.

    Of a server only what the worker takes that asks it.
    """
    if served_elsewhere(options) or backend_of(options) == "vllm":
        return SERVED
    origin = checkpoint.source(what, options.get("adapter"), kind)
    if origin.gguf is not None:
        return SMOLLM2
    if origin.metadata() is not None:
        return NANO
    files = [] if origin.path is None else checkpoint.weights_of(origin.path)
    return TORCH + 2 * sum(file.stat().st_size for file in files)


KIND = OperatorKind(
    name="vlm",
    summary="a vision-language model that sees its seat's picture (default: nano, shipped and trained for our games)",
    target="arena_operators.vlm.operator:make",
    learner="arena_operators.vlm.learner:load",
    prompts="arena_operators.vlm.shown:prompts",
    template=template_of,
    views=views,
    stands_for=stands_for,
    resolve_options=resolve_options,
    fingerprint=fingerprint,
    declared=declared,
    what="nano | nano-games | nano-sidescroller (default: what suits the game) | DIR | ORG/MODEL, a Hugging Face "
    "vision-language model; DIR may be a peft adapter of one | MODEL of a server (@url=...)",
    options=OPTIONS,
    extra="vlm",
    determinism="measured",
    licence="nano: Apache-2.0; any other model under its own licence",
    max_in_flight=max_in_flight,
    memory=memory,
    runtimes=runtimes,
)
