"""The head of a training's folder: whether a training may begin or go on there, and how. There is no torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from arena import commands, settings
from arena.errors import CheckpointError, InputError, RecordError, sentence
from arena.train.folders import check_resumed, names_in

HEAD = "vlm.json"
FORMAT = 1
OTHERS = "others"  # in the head: the settings that may differ in a training that goes on
CHECKPOINTS = "checkpoints"
STATE = "engine.json"  # in a folder of an engine's state: what it belongs to
SERVED = "tinker.json"  # in its place, where a server of the Tinker API trains
WEIGHTS = "weights.json"  # in a folder of weights: which they are, and how far their training was
WHERE = {"concurrency", "processes", "hosts"}  # of a rollout: how many play at once, and where; they change no row
OF_MODEL = {"rollout.operator", "engine", *(f"model.{one}" for one in ("mode", "rank", "alpha", "freeze_vision_tower"))}
SAME_ROWS = {f"rollout.{name}" for name in WHERE}
FILES = "files"  # in the head: the hashes of the users' own files
ALONE = "weights_of"  # in the head: the update of which --resume weights-only took the weights; None: none


def check_folder(out: Path, resume: str) -> None:
    """InputError unless a training may begin in `out` (resume "no"), or one may go on there."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: that is a file; name a folder")
    if resume != "no":
        check_resumed(out, f"--resume {resume}", HEAD, "arena train vlm")
    elif (out / HEAD).is_file():
        raise InputError(f"{out} holds a training already: add --resume exact, or choose another --out")
    elif out.exists() and names_in(out):
        raise InputError(f"{out} holds other files already: choose another --out, a new or an empty folder")


def check_settings(out: Path, now: Mapping[str, Any], updates: int) -> None:
    """InputError for the first setting that a training that goes on exactly would change: `now` as its head has it.

    And for fewer updates than it has.
    """
    changed = [one for one in _differences(read_head(out)["config"], now) if one[0] not in SAME_ROWS]
    if changed:
        name, old, new = next((one for one in changed if one[0] in OF_MODEL), changed[0])
        alone = ", or with --resume weights-only"
        merge = (
            f". For another model, merge what was learnt (`{commands.arena('export', 'model', str(out), 'DIR')}`) and "
            "begin with rollout.operator=vlm:DIR in another --out"
        )
        way = {"rollout.operator": f"{alone} where it is the same model{merge}"}.get(name, merge)
        raise InputError(
            f"{out} was trained with {name}={old}, not {new}: resume with the same settings"
            f"{way if name in OF_MODEL else alone}"
        )
    done = max((int(path.name) for path in (out / CHECKPOINTS).glob("[0-9]" * 6)), default=0)
    if updates < done:
        raise InputError(f"updates={updates}: {out} has {done:,} by now; expected as many, or more to train further")


def _differences(was: Any, now: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(was, dict) and isinstance(now, dict):
        keys = sorted(was.keys() | now.keys())
        return [one for key in keys for one in _differences(was.get(key), now.get(key), f"{name}.{key}".lstrip("."))]
    return [] if was == now else [(name, was, now)]


class _Rollout(msgspec.Struct):
    operator: str
    levels: list[str]
    matches: int


class _Learn(msgspec.Struct):
    algorithm: str
    learning_rate: float


class _Model(msgspec.Struct):
    mode: str


class _Config(msgspec.Struct):
    rollout: _Rollout
    learn: _Learn
    model: _Model
    seed: int


class _Versions(msgspec.Struct):
    arena: str
    python: str
    numpy: str
    torch: str


class _Head(msgspec.Struct):
    """What every reader of a head finds there; who goes on with its settings needs all of them."""

    format: int
    updates: int
    config: _Config
    others: dict[str, Any]
    versions: _Versions
    weights_of: int | None
    files: dict[str, str]


def read_head(out: Path) -> dict[str, Any]:
    """What a training was begun with. RecordError if it is damaged, CheckpointError if of another version."""
    path = out / HEAD
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(found, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise damaged(path, str(error)) from error
    if found.get("format") != FORMAT:
        versions = found.get("versions")
        by = versions.get("arena") if isinstance(versions, dict) else None
        raise other_format(path, found.get("format"), FORMAT, f"version {by} of arena" if by else "")
    if wrong := flaw(found, _Head):
        raise damaged(path, wrong)
    return found


def damaged(path: Path, why: str) -> RecordError:
    """For a head that is not whole."""
    return RecordError(f"{path} is damaged: {sentence(why)} Restore it from a copy, or begin anew with another --out")


def flaw(found: object, kind: Any) -> str:
    """What is wrong with data from JSON for a declared type: a field that it lacks, or a value; "" if nothing is."""
    if lacks := lacking(found, kind):
        return f"it lacks {lacks}"
    try:
        msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        return settings.wrong_value(str(error), found, kind)
    return ""


def lacking(found: object, kind: Any, at: str = "") -> str:
    """The dotted key of the first field of a declared type that data from JSON lacks; "" if all are there.

    Fields with a default count: msgspec would take it, and a training would go on as another one.
    """
    kind = next((one for one in get_args(kind) if one is not type(None)), kind) if _is_optional(kind) else kind
    if isinstance(found, dict) and settings.is_part(kind):
        for name, hint in get_type_hints(kind).items():
            key = f"{at}.{name}".removeprefix(".")
            if lacks := key if name not in found else lacking(found[name], hint, key):
                return lacks
    elif isinstance(found, list) and get_args(kind):
        for number, one in enumerate(found):
            if lacks := lacking(one, get_args(kind)[0], f"{at}[{number}]"):
                return lacks
    return ""


def _is_optional(kind: Any) -> bool:
    """Whether a type is `... | None`."""
    return type(None) in get_args(kind)


def other_format(path: Path, found: object, read: int, by: str = "") -> CheckpointError:
    """For a file of a training that another version wrote: `by`, where that is known."""
    return CheckpointError(
        f"{path} has format {found}, and this version of arena reads {read}: go on with "
        f"{by or 'the version of arena'} that wrote it, or begin anew with another --out"
    )


def reached(state: Path) -> dict[str, int]:
    """How far the training of a state was: after which update, and of how many; of a state without such a training
    nothing.
    """
    checkpoint = state.resolve().parent
    out = checkpoint.parent.parent
    if not checkpoint.name.isdigit() or not (out / HEAD).is_file():
        return {}
    return {"update": int(checkpoint.name), "updates": int(read_head(out)["updates"])}


def again(out: Path) -> str:
    """The command that goes on with a training."""
    return commands.arena("train", "vlm", "--out", str(out), "--resume", "exact")
