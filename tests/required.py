"""Skips that must not be: where ARENA_TEST_REQUIRE=chromium,node is set, a test that misses one of them fails.

A word of that list stands for the skips whose reason has it; `import` for those of a package that is not installed
("could not import ..."). Without the variable everything is skipped as usual: whoever has no browser still has tests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

VARIABLE = "ARENA_TEST_REQUIRE"


def missed(report: Any) -> str:
    """What must be here and is not, by the reason of a skip; "" where that is none."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return ""
    words = set(re.findall(r"\w+", str(report.longrepr[2]).lower()))
    required = [name.strip().lower() for name in os.environ.get(VARIABLE, "").split(",")]
    return next((name for name in required if name in words), "")


def _judge(report: Any) -> None:
    if name := missed(report):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr[2]}\n{VARIABLE} says that {name} must be here: this may not be skipped"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    outcome: Any = yield
    _judge(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    outcome: Any = yield
    _judge(outcome.get_result())
