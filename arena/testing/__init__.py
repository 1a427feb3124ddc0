"""Conformance suites for third-party plugins: `from arena.testing import GameSuite, OperatorSuite`.

Needs pytest, the extra `testing`. Modules are imported on first use.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arena.testing.game_suite import GameSuite as GameSuite
    from arena.testing.operator_suite import OperatorSuite as OperatorSuite

_WHERE = {"GameSuite": "arena.testing.game_suite", "OperatorSuite": "arena.testing.operator_suite"}
_REWRITTEN = ("game_suite", "rules", "shown", "extras", "operator_suite", "deciding", "described", "wired")


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if "pytest" in sys.modules:  # so that a failed assert says which values it compared
        wanted = [f"{__name__}.{module}" for module in _REWRITTEN]
        sys.modules["pytest"].register_assert_rewrite(*(module for module in wanted if module not in sys.modules))
    return getattr(importlib.import_module(_WHERE[name]), name)
