"""Why the folder of a training, or a checkpoint in it, is no model that can be seated, and what to do instead.

There is no torch here.
"""

from __future__ import annotations

from pathlib import Path

from arena import commands
from arena.record.training import HEAD as PPO
from arena.train.vlm import begun, sft_facts

STATES = ("", "state", "engine")  # where a checkpoint has the engine's state, and a state itself


def why(folder: Path) -> str | None:
    """What is said of `folder` behind its name; None for one that is no training, no checkpoint and no bare weights."""
    if (folder / PPO).is_file():
        return f"is a training of `arena train ppo`, and plays as it is: ppo:{folder}"
    if (folder / begun.HEAD).is_file():
        return f"is a training, and no model: {_of_arena(folder)}"
    if sft_facts.newest(folder) is not None or (folder / sft_facts.HEAD).is_file():
        return f"is a training, and no model: {_of_chats(folder)}"
    if (trained := exported(folder)) == folder:
        return f"is a checkpoint, and no model: {_exported(folder)} makes one of it"
    if trained is not None:
        return f"is what a training gives its sampler, without words: {_exported(trained)} makes a model"
    return None


def exported(folder: Path) -> Path | None:
    """What `arena export` takes of a folder: itself, a training or a checkpoint; of bare weights of one the training.

    None for any other.
    """
    if (folder / begun.HEAD).is_file() or sft_facts.newest(folder) is not None:
        return folder
    if any((folder / at / begun.STATE).is_file() for at in STATES):
        return folder
    weights = all((folder / one).is_file() for one in (begun.WEIGHTS, "config.json"))
    return folder.parent.parent if weights and not list(folder.glob("tokenizer*")) else None


def _of_arena(folder: Path) -> str:
    """Of `arena train vlm`."""
    states = list(folder.glob("checkpoints/[0-9]*/engine"))
    if any((state / begun.SERVED).is_file() for state in states):
        return (
            "it was trained on a server of the Tinker API, which has its checkpoints. The newest folder in "
            f"{folder / 'weights'} is what was trained, an adapter that plays as vlm:MODEL@adapter=FOLDER"
        )
    if not states:
        return f"no update of this training was finished yet. Go on with: {begun.again(folder)}"
    return (
        f"{_exported(folder)} makes one of its newest checkpoint, and says how far it was trained. Then name DIR "
        "in its place"
    )


def _of_chats(folder: Path) -> str:
    """Of `arena train sft`."""
    if (model := sft_facts.operator(folder)) is not None:
        return f"{model} seats it"
    if (found := sft_facts.newest(folder)) is None:
        return f"it has no checkpoint. Go on with: {sft_facts.again(folder)}"
    facts = sft_facts.read_facts(found)
    return (
        f"it has {facts.step} of {facts.config['steps']} updates. Go on with: {sft_facts.again(folder)}; or "
        f"{_exported(folder)} makes one of its newest checkpoint"
    )


def _exported(folder: Path) -> str:
    return commands.arena("export", "model", str(folder), "DIR")
