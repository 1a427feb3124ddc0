"""What the folder of a supervised start holds, and the facts beside a checkpoint's state. There is no torch here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from arena.errors import CheckpointError, InputError, RecordError, sentence
from arena.record.disk import Disk
from arena.record.documents import read_json
from arena.record.training import resumed
from arena.train.folders import names_in
from arena.train.vlm.seated import seated

HEAD, FORMAT = "sft.json", 1
FACTS, CURVE, MODEL = "facts.json", "curve.csv", "model"
CHECKPOINT, LESSONS, EVALUATIONS, WEIGHTS = "checkpoint-", "lessons", "evaluations", "pi_v"
EARLY = (HEAD, LESSONS, EVALUATIONS, WEIGHTS, f".{WEIGHTS}", f".{CHECKPOINT}")
# What the names of all begin with that it writes before its first checkpoint; with a dot they are not whole yet.


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """sft.json: how it was begun."""

    format: int = FORMAT
    trained_by: str  # the command,
    folder: str  # and where it was typed
    config: dict[str, Any]  # the settings that a resumed run must share


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


def operator(out: Path) -> str | None:
    """The operator that plays with what was trained in `out`; None while there is something left to do.

    Its checkpoints may be deleted by then.
    """
    found, head = newest(out), read_head(out)
    facts = None if found is None else read_facts(found)
    config = facts.config if facts is not None else head.config if head is not None else None
    if config is None or not (out / MODEL).is_dir() or (facts is not None and facts.step < config["steps"]):
        return None
    return seated(config["model"], str(out / MODEL))


def newest(out: Path) -> Path | None:
    """The newest whole checkpoint."""
    return max((path.parent for path in out.glob(f"{CHECKPOINT}*/{FACTS}")), default=None)


def has_begun(out: Path) -> bool:
    """Whether a supervised start left something there: a checkpoint, or only what comes before the first."""
    try:
        names = names_in(out)
    except OSError:  # it is not there, no folder, or no name of one
        return False
    early = bool(names) and all(name.startswith(EARLY) for name in names)
    return early or (out / HEAD).is_file() or newest(out) is not None


def check_new(out: Path) -> None:
    """InputError where a training was begun in `out`, and there is more of it than lessons."""
    if newest(out) is not None or (out / HEAD).is_file():
        raise InputError(f"{out} holds a training already: add --resume, or choose another --out")


def write_head(out: Path, trained_by: str, config: dict[str, Any]) -> None:
    """Keep how it was begun, for who goes on."""
    Disk().replace_json(out / HEAD, Head(trained_by=trained_by, folder=str(Path.cwd()), config=config))


def read_head(out: Path) -> Head | None:
    """How it was begun; None where that is not known (any more)."""
    try:
        return read_json(out / HEAD, Head, format=FORMAT)
    except (RecordError, OSError):
        return None


@contextlib.contextmanager
def refused(out: Path) -> Iterator[None]:
    """Within, a training is made ready: one that is refused then leaves what it found, and the lessons that it made.

    For whoever is `alone` in `out`.
    """
    file = out / HEAD
    before = file.read_bytes() if file.is_file() else None
    try:
        yield
    except InputError:
        if newest(out) is None and out.is_dir():
            file.unlink(missing_ok=True) if before is None else file.write_bytes(before)
            with contextlib.suppress(OSError):
                (out / LESSONS).rmdir()  # where it is empty
        raise


def again(out: Path) -> str:
    """How to go on, where it is known how it was begun."""
    head = read_head(out)
    return resumed(head.trained_by, out) if head is not None else "the command that began it, and --resume"
