"""Runs to export, with the turns as they were while they were played."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from arena.cli.export import export
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.operator import Decision, Operator, OperatorKind, Request, WorkerContext
from arena.play import describe
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.record.turns import TurnStore
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.turns import Episode, TurnSink
from tests.record.kit import make_plan
from tests.toys import Good, kind_of

VIEWS = Views(image=(128, 128), vector=True, text=True)


class Errs(Good):
    """As Good, with thoughts and tokens; every fifth answer is rubbish."""

    def one(self, r: Request) -> Decision:
        number = r.match * 1000 + r.tick * 10 + r.attempt
        answer = super().one(r).answer
        assert isinstance(answer, int)
        raw = f"I think of {number}.\nAnswer: {answer}"
        return Decision(
            answer="rubbish" if number % 5 == 0 and number % 3 else answer,
            thought=f"I think of {number}.",
            raw=raw,
            prompt_tokens=np.arange(number + 1, number + 5, dtype=np.int32),
            tokens=np.array([number + 1, 1], np.int32),
            logprobs=np.array([-0.25, -0.5], np.float32),
            finish_reason="stop",
        )


def build(context: WorkerContext) -> Operator:
    return Errs()


ERRS = kind_of("errs", "tests.exporters.kit:build")


class Kept(TurnSink):
    """The episodes as they were played."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def match_over(self, episode: Episode) -> None:
        self.episodes.append(episode)


def played(
    out: Path, game: str = "leduc", kinds: Sequence[OperatorKind] = (ERRS, ERRS), *, turns: bool = False, **how: Any
) -> list[Episode]:
    """Plays in this process and writes a run folder; its episodes, in plan order."""
    plan = make_plan(game, kinds, **{"views": VIEWS, "matches": 6, "seed": 4, **how})
    recorder, kept = Recorder(out, describe(plan)), Kept()
    store = TurnStore(out) if turns else None
    sinks = [kept] if store is None else [kept, store]
    Scheduler(plan, LocalWorkers(plan.entries), concurrency=3, recorder=recorder, sinks=sinks).run()
    recorder.close()
    if store is not None:
        store.close()
    recorder.results(with_measures(Run(out), Run(out).tables()))
    return kept.episodes


def exported(run: Path, *words: object) -> Result:
    """`arena export RUN WORDS...`, in this process; what it raises is raised."""
    return CliRunner().invoke(export, [str(run), *map(str, words)], catch_exceptions=False, standalone_mode=False)
