"""Runs for reports, and a browser that looks at their pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arena.local_workers import LocalWorkers
from arena.operator import Decision, Operator, Request, Usage, WorkerContext
from arena.plan import Plan
from arena.play import describe
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from tests.record.kit import make_plan
from tests.toys import Good, kind_of

HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Thinker(Good):
    """Answers as Good does, with thoughts that are HTML and a use of tokens; some answers are no move."""

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self.told(request) for request in requests]

    def told(self, request: Request) -> Decision:
        bad = (request.match * 5 + request.tick) % 7 == 0 and not request.attempt
        answer = HOSTILE if bad else self.one(request).answer
        return Decision(answer=answer, thought=f"{HOSTILE} at tick {request.tick}", usage=Usage(11, 3))


def build(context: WorkerContext) -> Operator:
    return Thinker()


THINKER = kind_of("thinker", "tests.report.kit:build")


def thinkers(matches: int = 6, game: str = "leduc", **how: Any) -> Plan:
    return make_plan(game, [THINKER, THINKER], matches=matches, seed=4, max_reasks=1, **how)


def record(plan: Plan, out: Path, *, until: int | None = None) -> Run:
    """A complete run; with `until`, one that stopped after so many matches, without a table."""
    part = None if until is None else range(until)
    with closing(Recorder(out, describe(plan))) as recorder:
        from arena.schedule import planned

        Scheduler(
            plan, LocalWorkers(plan.entries), concurrency=2, recorder=recorder, matches=planned(plan, part=part)
        ).run()
    run = Run(out)
    if until is None:
        recorder.results(with_measures(run, run.tables()))
    return run
