"""A model folder in the Hugging Face layout, checked without torch: what it holds, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import CheckpointError, InputError

SHIPPED = Path(__file__).parent / "nano"
METADATA = "nano.json"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from."""

    path: Path | None  # a folder here, or
    hub: str | None  # ORG/MODEL

    @property
    def name(self) -> str:
        """What transformers is asked to load."""
        return str(self.path) if self.path is not None else str(self.hub)

    def metadata(self) -> dict[str, Any] | None:
        """What stands in nano.json (the games it was trained for, ...), or None: a general model."""
        if self.path is None or not (self.path / METADATA).is_file():
            return None
        return _read_json(self.path / METADATA)


def source(what: str) -> Source:
    """What follows `vlm:` as a Source: nothing or "nano" is the shipped model, then folders, then names on a hub."""
    if what in ("", "nano"):
        return Source(SHIPPED, None)
    path = Path(what).expanduser()
    if path.is_dir():
        return Source(path, None)
    if _HUB_NAME.fullmatch(what) and not path.exists():
        return Source(None, what)
    raise InputError(
        f"vlm:{what} is no model: there is no folder {str(path)!r}, and it is no ORG/MODEL name. "
        "Give a folder in the Hugging Face layout (with config.json), ORG/MODEL, or nothing for the shipped nano."
    )


def check(path: Path) -> None:
    """CheckpointError when `path` is no whole model: files that are missing, JSON or safetensors that is damaged."""
    if path == SHIPPED and not (path / "config.json").is_file():
        raise CheckpointError(f"the shipped nano is missing from {path}: reinstall agent-arena, or name a model folder")
    config = _read_json(path / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise CheckpointError(f"{path / 'config.json'} has no model_type: it is no transformers configuration")
    _need(path, ("tokenizer.json", "tokenizer_config.json"), "a tokenizer")
    _need(path, ("processor_config.json", "preprocessor_config.json"), "an image processor")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise CheckpointError(
            f"{path} has no *.safetensors weights. Other formats are not loaded because they can run code; "
            "save the model with save_pretrained, which writes safetensors."
        )
    index = path / "model.safetensors.index.json"
    if index.is_file():
        for name in sorted(set(_read_json(index).get("weight_map", {}).values())):
            if not (path / name).is_file():
                raise CheckpointError(f"{index} names {name}, which is not in {path}: copy the folder again")
    for file in weights:
        check_safetensors(file)
    told = _read_json(path / METADATA).get("weights_sha256") if (path / METADATA).is_file() else None
    if told is not None and hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest() != told:
        raise CheckpointError(
            f"{path / 'model.safetensors'} is not the file that {METADATA} names (another sha256): it is damaged "
            "or was replaced. Reinstall or export the model again."
        )


def check_safetensors(file: Path) -> None:
    """CheckpointError unless the header of `file` can be read and accounts for every byte that follows."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(size - 8, 100_000_000):
            raise CheckpointError(f"{file} is no safetensors file (or is cut short): copy or export it again")
        try:
            header = json.loads(stream.read(length))
            end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise CheckpointError(f"{file} has a damaged header ({error}): copy or export it again") from None
    if 8 + length + end != size:
        raise CheckpointError(f"{file} has {size} bytes where its header says {8 + length + end}: copy it again")


def vision_size(path: Path) -> int | None:
    """Edge in pixels of the pictures that the model's tower takes, where its config.json says so."""
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
