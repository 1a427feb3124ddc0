"""What the folder of a supervised start holds, and the facts beside a checkpoint's state. There is no torch here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from arena.errors import CheckpointError, RecordError, sentence
from arena.record.disk import Disk
from arena.record.documents import read_json
from arena.record.training import resumed
from arena.train.vlm.seated import seated

HEAD, FORMAT = "sft.json", 1
FACTS, CURVE, MODEL = "facts.json", "curve.csv", "model"
CHECKPOINT, LESSONS, EVALUATIONS, WEIGHTS = "checkpoint-", "lessons", "evaluations", "pi_v"
EARLY = (HEAD, LESSONS, EVALUATIONS, WEIGHTS, f".{WEIGHTS}", f".{CHECKPOINT}")
# What the names of all begin with that it writes before its first checkpoint; with a dot they are not whole yet.


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """sft.json: by which command it was begun."""

    format: int = FORMAT
    trained_by: str
    folder: str  # in which it was typed


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


def operator(out: Path, facts: Facts) -> str | None:
    """The operator that plays with what was trained in `out`; None while there is something left to do."""
    if facts.step < facts.config["steps"] or not (out / MODEL).is_dir():
        return None
    return seated(facts.config["model"], str(out / MODEL))


def newest(out: Path) -> Path | None:
    """The newest whole checkpoint."""
    return max((path.parent for path in out.glob(f"{CHECKPOINT}*/{FACTS}")), default=None)


def has_begun(out: Path) -> bool:
    """Whether a supervised start left something there: a checkpoint, or only what comes before the first."""
    names = [path.name for path in out.iterdir()] if out.is_dir() else []
    return newest(out) is not None or (bool(names) and all(name.startswith(EARLY) for name in names))


def write_head(out: Path, trained_by: str) -> None:
    """Keep the command, for who asks how to go on."""
    Disk().replace_json(out / HEAD, Head(trained_by=trained_by, folder=str(Path.cwd())))


def begun(out: Path) -> tuple[str, str]:
    """(the command that began it, the folder in which it was typed); "" where that is not known."""
    try:
        head = read_json(out / HEAD, Head, format=FORMAT)
    except (RecordError, OSError):
        return "", ""
    return head.trained_by, head.folder


def again(out: Path) -> str:
    """How to go on, where it is known by which command it was begun."""
    began, _ = begun(out)
    return resumed(began, out) if began else "the command that began it, and --resume"
