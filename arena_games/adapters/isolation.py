"""Isolates foreign code that uses the global random generators or opens windows."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from arena.canonical import key


class IsolatedRandom:
    """Inside `with random.isolated():` the global generators are this object's own; outside they are untouched.

    So an environment that draws from them repeats itself by its seed and does not disturb other users of them.
    """

    def __init__(self) -> None:
        self._mine: tuple[Any, Any] | None = None

    def seed(self, seed: bytes) -> None:
        """Start again from `seed`."""
        number = int.from_bytes(key("fence", seed)[:4], "little")
        self._mine = random.Random(number).getstate(), np.random.RandomState(number).get_state()

    @contextmanager
    def isolated(self) -> Iterator[None]:
        theirs = random.getstate(), np.random.get_state()  # noqa: NPY002
        if self._mine is not None:
            _restore(self._mine)
        try:
            yield
        finally:
            self._mine = random.getstate(), np.random.get_state()  # noqa: NPY002
            _restore(theirs)


@contextmanager
def headless() -> Iterator[None]:
    """Inside this context pygame draws without a screen and plays no sound."""
    before = {name: os.environ.get(name) for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER")}
    os.environ.update(dict.fromkeys(before, "dummy"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _restore(states: tuple[Any, Any]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
