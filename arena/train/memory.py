"""What runs out of memory says where, and which setting to lower: the trainer and the operator that plays alike."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from arena.errors import out_of_memory


@contextlib.contextmanager
def told(device: str, where: str, todo: str) -> Iterator[None]:
    """MemoryError in these words where memory runs out, Python's or torch's. Other errors stay what they are."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise MemoryError(f"out of memory on {device} in {where}: {todo}") from error
