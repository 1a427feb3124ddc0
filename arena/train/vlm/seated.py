"""The operator that plays with what was trained. There is no torch here."""

from __future__ import annotations

from dataclasses import replace

from arena.names import parse

OF_TRAINING = ("adapter", "revision", "temperature", "lora", "lora_rank", "lora_kept", "lora_targets", "reload")
# Options of what is trained that are merged into its weights, or of how it explored and got new ones.


def seated(trained: str, what: str, **more: str) -> str:
    """The operator by its name: `trained`, which was, with the model `what`, asked as it was in training."""
    name = parse(trained)
    kept = {option: value for option, value in name.options.items() if option not in OF_TRAINING}
    return str(replace(name, what=what, options=kept | more))
