"""Batches of rows without a game, for what is computed from rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from arena.train.vlm.rows import Row

NONE = np.zeros(0, np.int32)


def row(**given: Any) -> Row:
    tokens = given.pop("tokens", 2)
    return Row(
        **{
            **dict(episode=0, game="toy", role="seat0", seat=0, turn=0, group=0, thought=0, version="base"),
            **dict(prompt=NONE, response=np.arange(tokens, dtype=np.int32), mu=-np.ones(tokens, np.float32)),
            **given,
        }
    )


def episode(rewards: Sequence[float], number: int = 0, *, cut: bool = False, **given: Any) -> list[Row]:
    """One seat's turns with these rewards; `cut`: it was truncated. A list in `given` has a value for each turn."""
    last = len(rewards) - 1
    out = []
    for turn, reward in enumerate(rewards):
        own = {key: value[turn] if isinstance(value, list) else value for key, value in given.items()}
        end = dict(done=turn == last and not cut, truncated=turn == last and cut)
        out.append(row(episode=number, turn=turn, reward=reward, **{**end, **own}))
    return out


def outcomes(*returns: float, group: int = 0) -> list[Row]:
    """Episodes of one turn."""
    return [one for number, gained in enumerate(returns) for one in episode([gained], number, group=group)]


small = st.floats(-10, 10, width=32)


@st.composite
def batches(draw: st.DrawFn) -> list[Row]:
    """Rows of some episodes: cut ones, turns without reward, turns that were not parsed, rows not learnt from."""
    out = []
    for number in range(draw(st.integers(1, 5))):
        rewards = draw(st.lists(st.one_of(st.just(0.0), small), min_size=1, max_size=6))
        each = {name: [draw(st.booleans()) for _ in rewards] for name in ("parsed", "trainable")}
        tokens = [draw(st.integers(0, 4)) for _ in rewards]
        out += episode(
            rewards,
            number,
            cut=draw(st.booleans()),
            group=number // 2,
            role=f"seat{number % 2}",
            tokens=tokens,
            parsed=each["parsed"],
            trainable=[flag and bool(count) for flag, count in zip(each["trainable"], tokens, strict=True)],
        )
    return out
