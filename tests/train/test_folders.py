"""What a training says where memory runs out, wherever that is."""

from __future__ import annotations

import pytest

from arena.errors import ArenaError
from arena.train.folders import writing

LOWER = "batch (now 64)"
ON_A_CPU = (
    "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
)


@pytest.mark.parametrize(
    "error", [MemoryError(), MemoryError("malloc of size 65536 failed"), RuntimeError(ON_A_CPU)], ids=str
)
def test_what_runs_out_of_memory_says_what_to_lower_and_that_nothing_is_lost(error: Exception) -> None:
    with (
        pytest.raises(ArenaError, match=r"^out of memory.*lower batch \(now 64\)\. .*go on with --resume"),
        writing(LOWER),
    ):
        raise error


def test_what_was_told_nearer_is_told_alone() -> None:
    nearer = "out of memory on cpu in a batch of 32 answers: lower @batch= (now 32)"
    with pytest.raises(ArenaError) as caught, writing(LOWER):
        raise MemoryError(nearer)
    assert str(caught.value).startswith(f"{nearer}. What was written")
    assert LOWER not in str(caught.value)


def test_another_error_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="shapes"), writing(LOWER):
        raise RuntimeError("shapes differ")
