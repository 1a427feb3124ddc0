"""Loads what another library's files hold, all of it or not at all, and says in words why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from safetensors import SafetensorError

from arena import commands

LOADING = (  # what transformers raises for files that it cannot load
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    SafetensorError,
)


def whole(called: str, load: Callable[[], Any], faults: Sequence[str]) -> Any:
    """The model that `load` gives with transformers' report; ValueError when that names one of `faults`."""
    try:
        model, report = load()
    except LOADING as error:
        raise ValueError(f"{called} cannot be loaded: {first_line(error)}{hint(error)}") from error
    for fault in faults:
        if report.get(fault):
            names = ", ".join(str(name) for name in sorted(report[fault], key=str)[:3])
            raise ValueError(
                f"{called}: its weights do not fit its config.json ({fault.replace('_', ' ')}: {names}, ...). Such "
                "tensors would be random numbers: export or copy the model again."
            )
    return model


def hint(error: Exception) -> str:
    """The command for a package that transformers misses, in this environment; what to do where there is no network."""
    if "couldn't connect" in str(error):
        return " Where there is no way to it, copy the model's folder from where there is one, and name it: vlm:DIR."
    named = re.search(r"pip install ([\w-]+)", str(error))
    missing = "torchvision" if "torchvision" in str(error).lower() else named[1] if named is not None else None
    return "" if missing is None else f" Install it here with: {commands.pip(missing)}"


def first_line(error: Exception) -> str:
    """What an error says, in one line, cut to a length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 400 else text[:400] + " ..."


def checked(model: Any, name: str, device: str) -> Any:
    """The model on `device`, ready to answer. ValueError for weights that are no numbers."""
    model.to(device).eval()
    broken = next((name for name, values in model.named_parameters() if not values.isfinite().all()), None)
    if broken is not None:
        raise ValueError(f"{name}: its weights are damaged: {broken} holds NaN or inf; copy them again")
    return model
