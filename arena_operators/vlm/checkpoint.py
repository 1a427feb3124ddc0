"""Finds a model by its name, and checks its folder without torch: its contents, and whether it is complete."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from arena import commands
from arena.errors import CheckpointError, InputError, nearest
from arena.paths import expanded
from arena.train.vlm import begun, no_model
from arena_operators.vlm import smollm2

SHIPPED = Path(__file__).parent / "nano"
GAMES = Path(__file__).parent / "nano_games"  # nano after more lessons: of every game that has a teacher
SIDESCROLLER = Path(__file__).parent / "nano_sidescroller"  # nano after rewards and lessons of that game
NAMED = {"nano": SHIPPED, "nano-games": GAMES, "nano-sidescroller": SIDESCROLLER}  # what ships, by name
ADAPTERS = Path(__file__).parent / "adapters"  # of nano, by name: what it was taught later
METADATA = "nano.json"
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADAPTER = "adapter_config.json"  # peft writes it beside an adapter's weights
ADAPTER_WEIGHTS = "adapter_model.safetensors"
PROCESSORS = ("processor_config.json", "preprocessor_config.json")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
WORDS = ("tokenizer.json", "chat_template.jinja")  # files that turn a prompt into tokens
BESIDE = ("config.json", "generation_config.json", "tokenizer_config.json", *PROCESSORS, *WORDS)
Kind = Literal["vlm", "llm"]  # shown its seat's picture and text, or the text alone
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from."""

    path: Path | None  # a local folder, or
    hub: str | None  # ORG/MODEL
    adapter: Path | None = None  # the folder of a peft adapter that is merged into it
    gguf: str | None = None  # the file in `path` that holds all of the model
    kind: Kind = "vlm"

    @property
    def name(self) -> str:
        """The name or folder that transformers loads."""
        return str(self.path) if self.path is not None else str(self.hub)

    @property
    def called(self) -> str:
        """The operator that it is, as a user writes it."""
        return f"{self.kind}:{smollm2.NAME if self.gguf else self.name}"

    @property
    def reads_only(self) -> bool:
        """Whether it is known to take no picture; what a hub's model takes is not known before it is loaded."""
        return self.gguf is not None or (self.path is not None and reads_only(self.path))

    @property
    def processor(self) -> str:
        """The folder of the processor and the tokenizer: the adapter's, if it has its own."""
        own = self.adapter is not None and _whole(self.adapter)
        return str(self.adapter) if own else self.name

    @property
    def tokenizer(self) -> str:
        """The folder of the tokenizer of a model that reads only: the adapter's, if it has its own."""
        own = self.adapter is not None and all((self.adapter / name).is_file() for name in TOKENIZER)
        return str(self.adapter) if own else self.name

    @property
    def base(self) -> str:
        """The name by which the model is found from any folder, without its adapter."""
        if self.gguf is not None:
            return smollm2.NAME
        named = next((name for name, path in NAMED.items() if path == self.path), None)
        return named or (str(self.path.resolve()) if self.path is not None else self.name)

    def metadata(self) -> dict[str, Any] | None:
        """The content of nano.json (the games it was trained for, ...); None for a general model."""
        for folder in (self.adapter, self.path):
            if folder is not None and (folder / METADATA).is_file():
                return _read_json(folder / METADATA)
        return None


def source(what: str, adapter: str | None = None, kind: Kind = "vlm") -> Source:
    """Parses what follows `vlm:` or `llm:`: a model that has a name here, then folders, then names on a hub.

    A folder with an adapter means the model that it was made for; `adapter` names one to merge into `what`.
    """
    if not what and adapter is not None and kind == "vlm":
        what = meant_for(adapter)
    origin = replace(_origin(what, kind), kind=kind)
    if adapter is None:
        return origin
    if origin.adapter is not None:
        raise InputError(
            f"{kind}:{what}@adapter={adapter}: {what} is an adapter itself; name the model it was made for"
        )
    shipped = adapters() if origin.path == SHIPPED else {}
    folder = shipped.get(adapter, expanded(adapter))
    if not (folder / ADAPTER).is_file():
        raise InputError(f"{kind}@adapter={adapter}: {_no_adapter(folder, kind, shipped)}")
    return replace(origin, adapter=folder)


def meant_for(adapter: str) -> str:
    """The name of the model that an adapter is for: nano of those that ship for it, and of one that names none.

    InputError where the model that it names is not here.
    """
    folder = expanded(adapter)
    if adapter in adapters() or not (folder / ADAPTER).is_file():
        return "nano"
    return _base_of(folder, "vlm").base if _read_json(folder / ADAPTER).get("base_model_name_or_path") else "nano"


def _no_adapter(folder: Path, kind: Kind, shipped: Mapping[str, Path]) -> str:
    """Why a folder has no adapter, and what to do."""
    if (trained := no_model.exported(folder)) is not None:
        how = commands.arena("export", "adapter", str(trained), "DIR")
        return f"that is a training, or a part of one, and no adapter: {how} writes its adapter"
    if (folder / "config.json").is_file():
        return f"that is a whole model, and no adapter: {kind}:{folder} seats it"
    if not shipped and folder.name in adapters():
        return f"that one ships for nano: {kind}:nano@adapter={folder.name}"
    more = f"; nano comes with: {', '.join(shipped)}" if shipped else ""
    return f"there is no folder of a peft adapter (with {ADAPTER}){more}"


def adapters() -> dict[str, Path]:
    """The adapters that ship for nano, by name."""
    return {file.parent.name: file.parent for file in sorted(ADAPTERS.glob(f"*/{ADAPTER}"))}


def _origin(what: str, kind: Kind) -> Source:
    if what in NAMED or (kind == "vlm" and not what):
        return Source(NAMED.get(what, SHIPPED), None)
    if kind == "llm" and what in ("", smollm2.NAME):
        file = smollm2.weights()
        return Source(file.parent, None, gguf=file.name)
    path = expanded(what)
    if (said := no_model.why(path)) is not None:
        raise CheckpointError(f"{kind}:{what} {said}")
    if path.is_dir():
        if not (path / ADAPTER).is_file():
            return Source(path, None)
        if (path / "config.json").is_file():
            return Source(path, None, path)
        return _base_of(path, kind)
    if _HUB_NAME.fullmatch(what) and not path.exists():
        return Source(None, what)
    raise InputError(
        f"{kind}:{what} is not a model: there is no folder {str(path)!r}, and it is not an ORG/MODEL name. "
        "Give a folder in the Hugging Face layout (with config.json), ORG/MODEL, or what ships. "
        f"{nearest(what, NAMED if kind == 'vlm' else (smollm2.NAME,))}"
    )


def _base_of(adapter: Path, kind: Kind) -> Source:
    base = _read_json(adapter / ADAPTER).get("base_model_name_or_path")
    if isinstance(base, str) and base:
        if base in (NAMED if kind == "vlm" else (smollm2.NAME,)):
            return replace(_origin(base, kind), adapter=adapter)
        for path in (expanded(base), adapter / base):
            if path.is_dir():
                return Source(path, None, adapter)
        if _HUB_NAME.fullmatch(base):
            return Source(None, base, adapter)
    raise InputError(
        f"{kind}:{adapter} is an adapter for the model {base!r}, which is not here. Name that model's folder, and the "
        f"adapter beside it: {kind}:MODEL@adapter={adapter}"
    )


def check_source(origin: Source) -> None:
    """Raises CheckpointError if the model's folder, or its adapter's, is incomplete, or they do not belong together."""
    if origin.path is not None and origin.gguf is None:
        check(origin.path, origin.kind)
    if origin.adapter is None:
        return
    weights = origin.adapter / ADAPTER_WEIGHTS
    if not weights.is_file():
        raise CheckpointError(
            f"{origin.adapter} has no {ADAPTER_WEIGHTS}: other formats are not loaded because they can run code; save "
            "the adapter with save_pretrained, which writes safetensors"
        )
    check_safetensors(weights)
    meant = _read_json(origin.adapter / ADAPTER).get("base_model_name_or_path")
    own = next((name for name, path in NAMED.items() if path == origin.path), meant)
    if meant in NAMED and meant != own:
        raise CheckpointError(
            f"the adapter {origin.adapter} was made for {origin.kind}:{meant}, not for {origin.kind}:{own}: say "
            f"{origin.kind}:{meant}@adapter={origin.adapter}"
        )
    if origin.adapter == origin.path or _own_words(origin) or origin.path is None:
        return
    for name in WORDS:
        own, base = origin.adapter / name, origin.path / name
        if own.is_file() and not (base.is_file() and own.read_bytes() == base.read_bytes()):
            what = "tokenizer" if origin.reads_only else "processor"
            raise CheckpointError(
                f"{own} is not that of the model in {origin.path}, and no whole {what} stands beside it: save the "
                f"adapter's there ({what}.save_pretrained), or delete the file if it was trained with the model's"
            )


def weights_of(path: Path) -> list[Path]:
    """The files of a model's weights that transformers loads."""
    if (path / INDEX).is_file():
        return [path / name for name in sorted(set(_read_json(path / INDEX).get("weight_map", {}).values()))]
    one = path / WEIGHTS
    return [one] if one.is_file() else []


def loaded(origin: Source) -> dict[str, Path]:
    """The files that determine a model's answers, by their names in run.json."""
    out: dict[str, Path] = {}
    if origin.path is not None and origin.gguf is not None:
        out = {origin.gguf: origin.path / origin.gguf}
    elif origin.path is not None:
        files = [*weights_of(origin.path), *(origin.path / name for name in BESIDE)]
        out = {file.name: file for file in files if file.is_file()}
    if origin.adapter is not None:
        own = BESIDE if origin.adapter != origin.path and _own_words(origin) else ()
        files = [origin.adapter / name for name in (ADAPTER, ADAPTER_WEIGHTS, *own)]
        out |= {f"adapter/{file.name}": file for file in files if file.is_file()}
    return dict(sorted(out.items()))


def facts(origin: Source) -> dict[str, str]:
    """Facts about a folder: the class of its model, its adapter's name, and how far the training was that it is of."""
    out = {}
    if origin.gguf is not None:
        out["architecture"] = smollm2.ARCHITECTURE
    elif origin.path is not None:
        config = _read_json(origin.path / "config.json")
        classes = config.get("architectures") or [config.get("model_type")]
        out["architecture"] = ", ".join(str(one) for one in classes)
    if origin.adapter is not None:
        out["adapter"] = origin.adapter.resolve().name
    of = origin.adapter or origin.path
    told = _read_json(of / begun.WEIGHTS) if of is not None and (of / begun.WEIGHTS).is_file() else {}
    if "update" in told:
        out["training"] = f"update {told['update']} of {told.get('updates')}"
    return out


def model_type(origin: Source) -> str | None:
    """The model_type of a folder's model, as in transformers."""
    if origin.gguf is not None:
        return smollm2.MODEL_TYPE
    found = None if origin.path is None else _read_json(origin.path / "config.json").get("model_type")
    return found if isinstance(found, str) else None


def _own_words(origin: Source) -> bool:
    """Whether the adapter brings all that turns a prompt into tokens. (A model compares its own: Model.)"""
    assert origin.adapter is not None
    if origin.reads_only:
        return origin.tokenizer == str(origin.adapter)
    return _whole(origin.adapter)


def _whole(folder: Path) -> bool:
    """Whether the folder has a processor and a tokenizer."""
    return (folder / "tokenizer.json").is_file() and any((folder / name).is_file() for name in PROCESSORS)


def reads_only(path: Path) -> bool:
    """Whether the model in a folder takes no picture: it has neither a vision part nor a processor of pictures."""
    processor = any((path / name).is_file() for name in PROCESSORS)
    return not processor and not isinstance(_read_json(path / "config.json").get("vision_config"), dict)


def check(path: Path, kind: Kind = "vlm") -> None:
    """Raises CheckpointError if `path` is not a complete model: missing files, damaged JSON or safetensors.

    For `vlm` it has to see.
    """
    if path in NAMED.values() and not (path / "config.json").is_file():
        raise CheckpointError(f"a shipped model is missing from {path}: reinstall agent-arena, or name a model folder")
    config = _read_json(path / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise CheckpointError(f"{path / 'config.json'} has no model_type: it is not a transformers configuration")
    _need(path, TOKENIZER, "a tokenizer")
    if not reads_only(path):
        _need(path, PROCESSORS, "an image processor")
    elif kind == "vlm":
        raise CheckpointError(
            f"{blind(str(path), config['model_type'])} (it has no vision_config and no {PROCESSORS[0]})"
        )
    weights = weights_of(path)
    if not weights:
        raise CheckpointError(
            f"{path} has no *.safetensors weights (model.safetensors, or the parts that {INDEX} names). Other formats "
            "are not loaded because they can run code; save the model with save_pretrained, which writes safetensors."
        )
    for file in weights:
        if not file.is_file():
            raise CheckpointError(f"{path / INDEX} names {file.name}, which is not in {path}: copy the folder again")
    for file in weights:
        check_safetensors(file)
    told = _read_json(path / METADATA).get("weights_sha256") if (path / METADATA).is_file() else None
    if told is not None and hashlib.sha256((path / WEIGHTS).read_bytes()).hexdigest() != told:
        raise CheckpointError(
            f"{path / 'model.safetensors'} is not the file that {METADATA} names (another sha256): it is damaged "
            "or was replaced. Reinstall or export the model again."
        )


def blind(name: str, model_type: str) -> str:
    """What is told where a model that sees is wanted, and this one does not."""
    return f"{name} ({model_type}) reads text only, and vlm shows its model a picture: use llm:{name}"


def check_safetensors(file: Path) -> None:
    """Raises CheckpointError unless the header of `file` is valid and accounts for every byte after it."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(size - 8, 100_000_000):
            raise CheckpointError(f"{file} is not a safetensors file (or is cut short): copy or export it again")
        try:
            header = json.loads(stream.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise CheckpointError(f"{file} has a damaged header ({error}): copy or export it again") from None
    if 8 + length + end != size:
        raise CheckpointError(f"{file} has {size} bytes where its header says {8 + length + end}: copy it again")


def vision_size(path: Path) -> int | None:
    """Edge in pixels of the vision tower's pictures, if config.json states it."""
    size = _read_json(path / "config.json").get("vision_config", {}).get("image_size")
    return size if isinstance(size, int) else None


def _need(path: Path, names: tuple[str, ...], what: str) -> None:
    found = [path / name for name in names if (path / name).is_file()]
    if not found:
        raise CheckpointError(f"{path} has neither {' nor '.join(names)}: {what} must stand beside the weights")
    for file in found:
        _read_json(file)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{file} is missing: expected a model folder in the Hugging Face layout") from None
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{file} cannot be read as JSON ({error}): copy or export it again") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"{file} holds no JSON object: copy or export it again")
    return value
