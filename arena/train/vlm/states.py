"""Where the newest state of a training is, to export it. There is no torch here."""

from __future__ import annotations

from pathlib import Path

from arena.errors import CheckpointError
from arena.train.vlm import begun, no_model


def newest(folder: Path) -> Path:
    """`folder` if it is a state, else the last state by name below it. CheckpointError if there is none."""
    if (folder / begun.STATE).is_file():
        return folder
    every = (file.relative_to(folder) for file in folder.rglob(begun.STATE))
    found = [folder / file.parent for file in every if not any(part.startswith(".") for part in file.parts)]
    if not found:
        raise CheckpointError(_why_none(folder))
    return max(found)


def _why_none(folder: Path) -> str:
    """Why there is nothing to export in a folder, and what to do."""
    if not folder.exists():
        return f"there is no folder {folder}: name the folder of a training, or one of its checkpoints"
    if (said := no_model.why(folder)) is not None:
        return f"{folder} {said}"
    return (
        f"{folder} holds no checkpoint of `arena train vlm` or `arena train sft`: name the folder of a training, or "
        "one of its checkpoints. One that was stopped before its first checkpoint goes on with --resume"
    )
