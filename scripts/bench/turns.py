"""Turns: what does it cost that a sink gets them?

    python scripts/bench/turns.py [--matches 2000] [--ticks 8] [--prompt 150] [--answer 20]

Plays matches of a no-op game of two seats. Its operators answer with so many token ids and log-probabilities where they
are asked for: to no sink, to one that drops what it gets, and to the side store. In one process; questions and answers
are encoded and decoded as on the wire. Microseconds of processor time a decision, and the ratio to no sink.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from arena.evaluate.schedules import one_table
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.operator import Decision, OpenSeat, Operator, Request
from arena.plan import Entry, Limits
from arena.play import describe
from arena.record.turns import TurnStore
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from arena.testing.noop import NOOP, Noop
from arena.turns import TurnSink


class Model(Operator):
    """Answers at once, as a model would."""

    def __init__(self, prompt: int, answer: int) -> None:
        ids, scores = np.arange(prompt, dtype=np.int32), np.full(answer, -0.5, np.float32)
        self._bare = Decision(answer=0)
        self._whole = Decision(answer=0, prompt_tokens=ids, tokens=ids[:answer], logprobs=scores)
        self._tokens = False

    def open(self, seats: Sequence[OpenSeat]) -> None:
        self._tokens = seats[0].tokens

    def act(self, requests: Sequence[Request]) -> list[Decision]:
        return [self._whole if self._tokens else self._bare for _ in requests]


def microseconds(how: str, matches: int, ticks: int, prompt: int, answer: int) -> float:
    """Of this process's time, a decision."""
    entries = tuple(Entry(f"noop#{i}", NOOP, "", {"i": i}, "noop", Views()) for i in range(2))
    plan = one_table(Noop(2), "noop", entries, matches=matches, limits=Limits(max_ticks=ticks))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "run"
        recorder = stack.enter_context(closing(Recorder(folder, describe(plan))))
        sinks: list[TurnSink] = []
        if how == "a sink":
            sinks = [TurnSink()]
        elif how == "the side store":
            sinks = [stack.enter_context(closing(TurnStore(folder)))]
        workers = stack.enter_context(LocalWorkers(entries, [lambda context: Model(prompt, answer)] * 2))
        began = time.process_time()
        Scheduler(plan, workers, concurrency=16, recorder=recorder, sinks=sinks).run()
        return (time.process_time() - began) / (matches * ticks * 2) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matches", type=int, default=2000)
    parser.add_argument("--ticks", type=int, default=8)
    parser.add_argument("--prompt", type=int, default=150)
    parser.add_argument("--answer", type=int, default=20)
    given = parser.parse_args()
    first = 0.0
    for how in ("no sink", "a sink", "the side store"):
        took = min(microseconds(how, **vars(given)) for _ in range(3))
        first = first or took
        print(f"{how:16} {took:6.1f} us a decision, ratio {took / first:.2f}")


if __name__ == "__main__":
    main()
