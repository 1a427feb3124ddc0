"""`@wrap=FILE.py:NAME`: the user's class that adapts the game to a foreign model.

```
class NAME:                                   # one object for each seat of each match
    def reset(self, seat, match): ...         # optional: the match begins
    def observation(self, seen): ...          # the view (an array) -> what the model observes (an array)
    def action(self, chosen): ...             # optional: the model's action (int) -> the game's action (int)
```

A function NAME(seen) is equivalent to a class with only `observation`. `observation` is called once a tick;
`action` is called after it for every action of the model, so that only those legal in the game are considered.
"""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arena.errors import InputError
from arena.files import Source
from arena_operators.ppo.kind import split_wrap

Array = npt.NDArray[Any]


class Wrap:
    """Calls the user's class. Its errors are reported with the method, the arguments and the line of the file."""

    def __init__(self, given: str) -> None:
        """`given` is FILE.py:NAME. Raises InputError if the file has no NAME, ValueError if the file raises."""
        self._given = given
        self._path, name = split_wrap(given)
        called = f"arena_wrap_{self._path.stem}"
        spec = importlib.util.spec_from_file_location(called, self._path, loader=Source(called, str(self._path)))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        self._call("the file", spec.loader.exec_module, module)
        made = getattr(module, name, None)
        if isinstance(made, type) and not callable(getattr(made, "observation", None)):
            raise InputError(f"ppo@wrap={given}: class {name} has no method observation(self, seen)")
        if not callable(made):
            raise InputError(f"ppo@wrap={given}: {self._path} has no class or function {name!r}")
        self._made: Callable[..., Any] = made
        self.maps_actions = isinstance(made, type) and callable(getattr(made, "action", None))

    def open(self, seat: int, match: int) -> Any:
        """Makes the object of one seat of one match."""
        if not isinstance(self._made, type):
            return self._made
        one = self._call(f"{self._made.__name__}()", self._made)
        if callable(getattr(one, "reset", None)):
            self._call(f"reset({seat}, {match})", one.reset, seat, match)
        return one

    def observation(self, one: Any, seen: Array) -> Array:
        """The model's observation for the game's observation `seen`."""
        observe = one.observation if isinstance(self._made, type) else one
        what = f"observation of {seen.dtype} {seen.shape}"
        out: Array = self._call(what, lambda: np.asarray(observe(seen)))
        return out

    def targets(self, one: Any, actions: int, offered: int) -> list[int]:
        """The game's action, below `offered`, for each of the model's `actions`."""
        if not self.maps_actions:
            return list(range(actions))
        out = [self._call(f"action({chosen})", one.action, chosen) for chosen in range(actions)]
        for chosen, target in enumerate(out):
            if isinstance(target, bool) or not isinstance(target, (int, np.integer)) or not 0 <= target < offered:
                raise ValueError(
                    f"ppo@wrap={self._given}: action({chosen}) gives {target!r}; expected an action of the game, "
                    f"an int from 0 to {offered - 1}"
                )
        return [int(target) for target in out]

    def _call(self, what: str, call: Callable[..., Any], *values: Any) -> Any:
        try:
            return call(*values)
        except Exception as error:  # boundary: the user's file
            lines = [
                at.lineno
                for at in traceback.extract_tb(error.__traceback__)
                if Path(at.filename).resolve() == self._path.resolve()
            ]
            where = f", line {lines[-1]}" if lines else ""
            raise ValueError(f"ppo@wrap={self._given}: {what} raised {type(error).__name__}: {error}{where}") from error
