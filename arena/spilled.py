"""Numbers of a long run in temporary files, so that memory does not grow with its matches."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MOST = 8192  # numbers that are kept in memory


class Spilled:
    """Numbers of one type code of `array`, in the order in which they came.

    The first MOST stay in memory. Where there are more, they go to a temporary file without a name (in TMPDIR), which
    is gone with the last array of `values`.
    """

    def __init__(self, code: str) -> None:
        self._last = array(code)
        self._file: IO[bytes] | None = None

    def append(self, value: float) -> None:
        self.extend((value,))

    def extend(self, values: Iterable[float]) -> None:
        self._last.extend(values)  # type: ignore[arg-type]
        if len(self._last) >= MOST:
            self._write()

    def values(self) -> npt.NDArray[Any]:
        """All numbers, to be read only; of a file they are mapped, and the system loads and drops them as it needs."""
        if self._file is None:
            return np.array(self._last)
        self._write()
        self._file.flush()
        return np.asarray(np.memmap(self._file, self._last.typecode, "r"))

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="arena-")  # noqa: SIM115 (it lives as long as this)
        self._last.tofile(self._file)
        del self._last[:]
