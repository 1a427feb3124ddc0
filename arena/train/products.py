"""In which numbers a device multiplies fast. There is no torch here, so that a config is read at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from arena.errors import InputError

Dtype = Literal["float32", "bfloat16"]
DTYPES: tuple[Dtype, ...] = ("float32", "bfloat16")
AUTO = "auto"
CPUINFO = Path("/proc/cpuinfo")
X86, ARM = {"avx512_bf16", "amx_bf16"}, {"bf16"}  # the kernel's names of instructions that multiply bfloat16


def usual(device: str) -> Dtype:
    """What to multiply in on a device of torch: bfloat16 on a GPU, and on a CPU that has instructions for it.

    Another CPU takes bfloat16 apart for each product, and takes many times as long as for float32.
    """
    return "bfloat16" if device.partition(":")[0] != "cpu" or _here() else "float32"


def settled(dtype: str, device: str = "cpu") -> Dtype:
    """What a setting is on this machine: `auto` is what is usual. InputError for a name that there is not."""
    if dtype == AUTO:
        return usual(device)
    for one in DTYPES:
        if dtype == one:
            return one
    raise InputError(f"dtype={dtype!r}: expected {' or '.join((AUTO, *DTYPES))}")


@cache
def _here() -> bool:
    return multiplies(CPUINFO.read_text(encoding="utf-8")) if CPUINFO.exists() else False


def multiplies(cpuinfo: str) -> bool:
    """Whether the processors that Linux describes so have instructions for products of bfloat16."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    known = {name.strip(): set(words.split()) for name, _, words in lines}
    return bool(known.get("flags", set()) & X86 or known.get("Features", set()) & ARM)
