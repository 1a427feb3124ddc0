"""Canonical bytes, hashes and seeds. Nothing here depends on the platform, on dict order or on `hash()`.

Every seed in the arena is `key(label, ...)`: 16 bytes of blake2b over the canonical MessagePack of its parts,
so that a foreign worker can compute the same keys (docs/protocol.md).
"""

from __future__ import annotations

import hashlib
import operator
import os
from pathlib import Path
from typing import Any, SupportsIndex

import msgspec
import numpy as np
import numpy.typing as npt

from arena.errors import InputError

LARGEST = 2**63 - 1  # largest integer in records and messages, seeds included
_encoder = msgspec.msgpack.Encoder(order="sorted")


def canonical(value: Any) -> bytes:
    """MessagePack of `value` with map keys in sorted order; numbers, strings, bytes, lists, maps only."""
    return _encoder.encode(value)


def digest(*parts: Any) -> str:
    """32 hex digits of blake2b over the canonical bytes of `parts`."""
    return hashlib.blake2b(canonical(parts), digest_size=16).hexdigest()


def key(label: str, *parts: Any) -> bytes:
    """A 16-byte seed for one purpose (`label`) and one set of coordinates (`parts`)."""
    return hashlib.blake2b(canonical([label, *parts]), digest_size=16).digest()


def whole_seed(seed: SupportsIndex) -> int:
    """Returns a user's seed as an int; NumPy integers are accepted. Raises InputError unless it is in 0..LARGEST."""
    number = operator.index(seed)
    if not 0 <= number <= LARGEST:
        raise InputError(f"seed {number}: expected a whole number from 0 to {LARGEST} (2**63 - 1)")
    return number


def generator(seed: bytes) -> np.random.Generator:
    """Returns a new NumPy generator (PCG64), seeded by all 16 bytes of `seed`."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(seed, "little")))


def hash_array(array: npt.NDArray[Any]) -> str:
    """32 hex digits over dtype, shape and little-endian C-order bytes of `array`."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    state = hashlib.blake2b(canonical([little.dtype.str, list(little.shape)]), digest_size=16)
    state.update(little.data if little.size else b"")
    return state.hexdigest()


def hash_file(path: Path) -> str:
    """32 hex digits over the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def is_recordable(name: str) -> bool:
    """Whether the name of a file can stand in hashes and records: some file systems take any bytes, these UTF-8."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def check_recordable(path: Path) -> None:
    """InputError for a file whose name is not `is_recordable`."""
    if not is_recordable(path.name):
        shown = os.fsencode(path.name)
        raise InputError(f"{path.parent}: the name {shown!r} is not UTF-8. Rename it, or move it away")


def files_in(folder: Path) -> dict[str, str]:
    """The hash of every file in a folder, by name. Hidden ones and folders in it do not count.

    InputError for a name that cannot be recorded.
    """
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in found:
        check_recordable(path)
    return {path.name: hash_file(path) for path in found}


def hash_path(path: Path) -> str:
    """`hash_file` of a file; of a folder, 32 hex digits over `files_in` it."""
    return digest(files_in(path)) if path.is_dir() else hash_file(path)
