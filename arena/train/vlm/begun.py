"""The head of a training's folder: whether a training may begin or go on there, and how. There is no torch here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from arena import commands
from arena.errors import CheckpointError, InputError, RecordError
from arena.train.folders import check_resumed

HEAD = "vlm.json"
FORMAT = 1
OTHERS = "others"  # in the head: the settings that may differ in a training that goes on


def check_folder(out: Path, resume: str) -> None:
    """InputError unless a training may begin in `out` (resume "no"), or one may go on there."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: that is a file; name a folder")
    if resume != "no":
        check_resumed(out, f"--resume {resume}", HEAD, "arena train vlm")
    elif (out / HEAD).is_file():
        raise InputError(f"{out} holds a training already: add --resume exact, or choose another --out")
    elif out.exists() and any(out.iterdir()):
        raise InputError(f"{out} holds other files already: choose another --out, a new or an empty folder")


def read_head(out: Path) -> dict[str, Any]:
    """What a training was begun with. RecordError if it is damaged, CheckpointError if of another version."""
    path = out / HEAD
    try:
        found = json.loads(path.read_text())
        assert isinstance(found, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise RecordError(f"{path} is damaged: {error}") from error
    if found.get("format") != FORMAT:
        versions = found.get("versions")
        by = versions.get("arena") if isinstance(versions, dict) else None
        raise other_format(path, found.get("format"), FORMAT, f"version {by} of arena" if by else "")
    return found


def other_format(path: Path, found: object, read: int, by: str = "") -> CheckpointError:
    """For a file of a training that another version wrote: `by`, where that is known."""
    return CheckpointError(
        f"{path} has format {found}, and this version of arena reads {read}: go on with "
        f"{by or 'the version of arena'} that wrote it, or begin anew with another --out"
    )


def again(out: Path) -> str:
    """The command that goes on with a training."""
    return commands.arena("train", "vlm", "--out", str(out), "--resume", "exact")
