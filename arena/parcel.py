"""An object on its way between two processes of ours, through a file: its arrays are mapped there, not copied."""

from __future__ import annotations

import mmap
import pickle
from typing import IO, Any

ALIGNED = 64  # bytes: where an array may begin
LENGTH = 8  # bytes at the end of the file: of the pickle before them


def pack(value: Any, file: IO[bytes]) -> None:
    """Writes `value` into the empty `file`, arrays first."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    sizes = []
    for buffer in buffers:
        with buffer.raw() as raw:
            file.write(raw)
            file.write(bytes(-raw.nbytes % ALIGNED))
            sizes.append(raw.nbytes)
    head = pickle.dumps((sizes, pickled))
    file.write(head + len(head).to_bytes(LENGTH, "little"))
    file.flush()


def unpack(file: IO[bytes]) -> Any:
    """What `pack` wrote. Its arrays are to be read only; the system loads and drops them as it needs.

    Only of a file that none but a process of ours could write: a pickle can run anything.
    """
    data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    end = len(data) - LENGTH
    sizes, pickled = pickle.loads(data[end - int.from_bytes(data[end:], "little") : end])
    buffers, at = [], 0
    for size in sizes:
        buffers.append(data[at : at + size])
        at += size + -size % ALIGNED
    return pickle.loads(pickled, buffers=buffers)
