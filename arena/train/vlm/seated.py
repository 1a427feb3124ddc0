"""The operator that plays with what was trained. There is no torch here."""

from __future__ import annotations

from dataclasses import replace

from arena.names import parse

MERGED, EXPLORED = ("adapter", "revision"), ("temperature",)
SERVED = ("backend", "url", "key", "model", "in_flight", "device", "gpus", "tensor_parallel", "invariant")
GOT = ("lora", "lora_rank", "lora_kept", "lora_targets", "reload")
OF_TRAINING = {*MERGED, *EXPLORED, *SERVED, *GOT}
# Options of what is trained that are in its weights by now, or of how it explored, where it was served, and how it got
# new weights there.


def seated(trained: str, what: str, **more: str) -> str:
    """The operator by its name: `trained`, which was, with the model `what`, asked as it was in training."""
    name = parse(trained)
    kept = {option: value for option, value in name.options.items() if option not in OF_TRAINING}
    return str(replace(name, what=what, options=kept | more))
