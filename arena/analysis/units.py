"""Which blocks count as one: those of one person, and, in a game without chance, those that went the same way."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from arena.analysis.outcomes import Outcomes
from arena.evaluate.clusters import joined

Units = npt.NDArray[np.uint64]


def units(
    outcomes: Outcomes,
    block: npt.NDArray[np.intp],
    about: Collection[int] = (),
    played: npt.NDArray[np.bool_] | None = None,
) -> Units | None:
    """A number for each block, equal for those that count as one; None: each counts for itself.

    block: of each match its block, numbered from 0 on without gaps. about: operators whom the estimate is about.
    played: matches that it is made of, by default all.
    """
    clusters = people(outcomes, block, about, played)
    return courses(outcomes, block) if clusters is None else clusters


def people(
    outcomes: Outcomes,
    block: npt.NDArray[np.intp],
    about: Collection[int] = (),
    played: npt.NDArray[np.bool_] | None = None,
) -> Units | None:
    """As `units`, of the people who sat there: each group has the number of the first of them in the pool.

    None: no two people, or groups of them, whom the estimate is not `about`. See arena/evaluate/clusters.py.
    """
    others = sorted(outcomes.people - set(about))
    if not others or not len(outcomes):
        return None
    blocks = int(block.max()) + 1
    there = np.zeros((blocks, len(others)), bool)
    for slot, who in enumerate(others):
        sat = (outcomes.lineup == who).any(axis=1)
        there[block[sat if played is None else sat & played], slot] = True
    groups = joined(frozenset(np.flatnonzero(row).tolist()) for row in np.unique(there[there.any(axis=1)], axis=0))
    if len(groups) < 2:
        return None
    out = len(outcomes.operators) + np.arange(blocks, dtype=np.uint64)
    for group in groups:
        out[there[:, sorted(group)].any(axis=1)] = others[min(group)]
    return out


def courses(outcomes: Outcomes, block: npt.NDArray[np.intp]) -> Units | None:
    """How each block went, as one number: equal for blocks whose matches went the same ways.

    None for a game with chance: a deal that comes again is another draw, and counts.
    """
    if not len(outcomes) or all(outcomes.games[index].seeded for index in np.unique(outcomes.game)):
        return None
    out = np.zeros(int(block.max()) + 1, np.uint64)
    np.add.at(out, block, outcomes.course)  # wraps around: the order of a block's matches says nothing
    return out
