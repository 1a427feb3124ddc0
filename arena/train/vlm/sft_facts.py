"""The facts beside the state of a supervised start's checkpoint. There is no torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from arena.errors import CheckpointError, sentence

FACTS, CURVE, MODEL = "facts.json", "curve.csv", "model"
CHECKPOINT = "checkpoint-"


class Facts(msgspec.Struct):
    """What a checkpoint is of."""

    step: int  # updates that it has
    config: dict[str, Any]  # the settings that a resumed run must share


def read_facts(checkpoint: Path) -> Facts:
    """CheckpointError, which says what to do, for facts that cannot be read."""
    path = checkpoint / FACTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Facts)
    except (OSError, msgspec.DecodeError) as error:
        raise CheckpointError(
            f"{path} is damaged: {sentence(error)} Delete {checkpoint}: --resume then goes on from the checkpoint "
            "before it, or begins anew where there is none"
        ) from error


def reached(state: Path) -> dict[str, int]:
    """As `begun.reached`, of a state of a supervised start; of another one nothing."""
    checkpoint = state.resolve().parent
    if not (checkpoint.name.startswith(CHECKPOINT) and (checkpoint / FACTS).is_file()):
        return {}
    facts = read_facts(checkpoint)
    return {"update": facts.step, "updates": facts.config["steps"]}


def seated(out: Path, facts: Facts) -> str | None:
    """The operator that plays with what was trained in `out`; None while there is something left to do."""
    if facts.step < facts.config["steps"] or not (out / MODEL).is_dir():
        return None
    kind = facts.config["model"].partition(":")[0].partition("@")[0]
    return f"{kind}:{out / MODEL}"


def newest(out: Path) -> Path | None:
    """The newest whole checkpoint."""
    return max((path.parent for path in out.glob(f"{CHECKPOINT}*/{FACTS}")), default=None)
