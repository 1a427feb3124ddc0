"""Leagues as an audit reads them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from arena.analysis.audit_facts import Facts
from arena.analysis.outcomes import Outcomes
from arena.plan import PlanSpec
from arena.record.head import Head
from scripts.eval.leagues import league

margins = partial(league, wins=False, ties=0.0, seat=(), luck=1.0, taste=0.0)  # returns are points, not wins


def facts(outcomes: Outcomes, **how: Any) -> Facts:
    """What an audit reads of such a league."""
    head = Head(
        plan=PlanSpec(games=("league",), operators=outcomes.operators), arena="", protocol="", python="", people=False,
        games=outcomes.games,
    )  # fmt: skip
    base: dict[str, Any] = dict(starts=outcomes.block.astype(np.uint64), answers={}, rerun=None)
    return Facts(head, outcomes, **(base | how))
