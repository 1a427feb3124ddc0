"""Runs pytest on one test file and writes what it finds as lines of JSON: `python -m arena.testing.reporting`.

Arguments: the test file, a descriptor to write to, seconds that one test may take, the folder of the plugin's code.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

import pytest

LONGEST = 1200  # most characters of a reason
PYTEST_HINT = "Use -v to get more diff"  # of no use here: `arena check` has no such option
OURS = Path(__file__).parents[1]  # the folder of the arena itself


class Reporter:
    """The pytest plugin."""

    def __init__(self, out: IO[str], limit: float, code: str) -> None:
        self._out = out
        self._limit = limit
        self._code = Path(code).resolve() if code else None
        self._told: set[str] = set()  # reasons that were reported

    def _tell(self, **event: Any) -> None:
        print(json.dumps(event), file=self._out, flush=True)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """The suite itself cannot be loaded."""
        if report.failed:
            self._tell(event="broken", why=str(report.longrepr)[-LONGEST:])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Before and around each test."""
        self._tell(event="start", test=item.name, property=described(item)[0])
        with within(self._limit):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """After each test."""
        report = yield
        if call.when == "call" or report.failed:
            title, repair = described(item)
            state, why, where = "passes", "", ""
            if report.skipped:
                assert isinstance(report.longrepr, tuple)
                state, why = "not tested", str(report.longrepr[2]).removeprefix("Skipped: ")
            elif call.excinfo is not None:
                state, why, where = "fails", reason(call.excinfo), self._where(call.excinfo)
                # A bug that breaks several properties is reported as one failure.
                if why in self._told:
                    state, why, where = "not tested", f"the same as above comes in the way: {why}", ""
                else:
                    self._told.add(why)
            if state != "fails":
                repair = ""
            self._tell(
                event="finding", test=item.name, property=title, state=state, why=why, where=where, repair=repair
            )
        return report

    def _where(self, found: pytest.ExceptionInfo[BaseException]) -> str:
        """The innermost line in the plugin's code."""
        for entry in reversed(found.traceback):
            path = Path(str(entry.path))
            if self._code is not None and self._code in path.parents and OURS not in path.parents:
                return f"{path}, line {entry.lineno + 1}, in {entry.name}"
        return ""


def described(item: pytest.Item) -> tuple[str, str]:
    """(property, repair) as the test's docstring gives them."""
    text = inspect.getdoc(item.function) or item.name  # type: ignore[attr-defined]
    head, _, repair = text.partition("Repair:")
    return head.strip().splitlines()[0].rstrip("."), " ".join(repair.split())


def judged(found: pytest.ExceptionInfo[BaseException]) -> bool:
    """The suite's own message, or the exception that the plugin raised."""
    return found.errisinstance(AssertionError) or found.errisinstance(pytest.fail.Exception)


def reason(found: pytest.ExceptionInfo[BaseException]) -> str:
    """The exception in words: an assertion without its class, anything else with it."""
    text = "\n".join(line for line in str(found.value).splitlines() if line.strip() != PYTEST_HINT).strip()
    name = found.type.__name__
    if judged(found):
        message, _, compared = text.partition("\nassert ")
        text = message if compared and not message.startswith("assert ") else text
        return text[:LONGEST] or "an assertion does not hold"
    return (f"{name}: {text}" if text else name)[:LONGEST]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises AssertionError if the body takes longer than `seconds`."""

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it was not done after {seconds:g} s, and was stopped")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main(argv: list[str]) -> int:
    """pytest's exit code: 0 and 1 are results, anything else is a suite that cannot be run."""
    _, test, descriptor, limit, code = argv
    os.set_inheritable(int(descriptor), False)
    with os.fdopen(int(descriptor), "w", encoding="utf-8") as out:
        folder = str(Path(test).parent)
        # Nothing of the user's own pytest settings: the same checks everywhere.
        options = ["-q", "--tb=short", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        return int(pytest.main([test, *options], plugins=[Reporter(out, float(limit), code)]))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
