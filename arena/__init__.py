"""Seat an RL policy, a vision-language model and a person at the same game, compare them fairly, train on the play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arena.errors import MissingExtraError

__version__ = "0.1.0"

if TYPE_CHECKING:  # so that type checkers and editors see them
    from arena.export.gym import to_gymnasium as to_gymnasium
    from arena.export.zoo import to_pettingzoo as to_pettingzoo

# name -> (module, the module it needs, the extra that brings it). Imported on first use, to keep the core light.
_LAZY = {
    "to_gymnasium": ("arena.export.gym", "gymnasium", "ppo"),
    "to_pettingzoo": ("arena.export.zoo", "pettingzoo", "adapters"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'arena' has no attribute {name!r}")
    import importlib

    module, needs, extra = _LAZY[name]
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != needs:
            raise
        from arena.commands import how_to_install

        raise MissingExtraError(f"arena.{name} needs {needs}, not installed here. {how_to_install(extra)}") from error


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
