"""A fence around foreign code that may use the global random generators."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from arena.canonical import key


class Fence:
    """Inside `with fence.inside():` the global generators are this fence's own; outside they are untouched.

    So an environment that draws from them repeats by its seed, and shifts nobody else's chance.
    """

    def __init__(self) -> None:
        self._mine: tuple[Any, Any] | None = None

    def seed(self, seed: bytes) -> None:
        """Start anew, from `seed`."""
        number = int.from_bytes(key("fence", seed)[:4], "little")
        self._mine = random.Random(number).getstate(), np.random.RandomState(number).get_state()

    @contextmanager
    def inside(self) -> Iterator[None]:
        theirs = random.getstate(), np.random.get_state()  # noqa: NPY002
        if self._mine is not None:
            _restore(self._mine)
        try:
            yield
        finally:
            self._mine = random.getstate(), np.random.get_state()  # noqa: NPY002
            _restore(theirs)


def _restore(states: tuple[Any, Any]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
