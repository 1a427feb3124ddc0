"""How much of a training's time is generation and learning: turns/s end to end as a ratio to both alone, in one run.

    python scripts/bench/train.py [--preset sidescroller-nano] [--updates 3] [--set rollout.matches=8] [--json FILE]

end to end: whole updates of `arena train vlm` without evaluations. The first one is left out: it loads and compiles.
generation alone: after each rollout the operator's own backend gets its very requests again, with the same weights and
      nothing kept: no game, no log. They come in the waves that they came in, since the next turn of a match cannot be
      asked before this one is answered. Every answer must be the one that was played, token by token.
update alone: the engine's calls of those updates (scores, gradients, steps), timed where they are made.
ratio: (generation alone + update alone) / end to end, for as many turns. 1: the trainer itself costs nothing.
at_once: the same with all requests of a rollout asked at once, so that no row of the model is ever idle. No trainer
      that waits for its turns gets there.
model: the same with generation as it was timed in the rollouts: how long the model is at work.

Then where the rest goes: `lanes` is what generation takes longer in the rollout than all at once, because rows are idle
while matches end; `game_and_rows` is the rest of the rollout (rules, pictures, log, rows);
`critic_and_rows` that of learning; and storing rows, giving weights, checkpoints. By processor time, and by the clock,
which on a busy machine measures the neighbours too. Operators must be in the trainer's process.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from arena.train.vlm import config
from arena.train.vlm.learning import Learner
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import BASE, Collected
from arena.train.vlm.store import RowStore
from arena.train.vlm.trainer import Trainer
from arena_operators.vlm.backend import ModelAnswer, ModelRequest
from arena_operators.vlm.embedded import TransformersBackend

CLOCKS: Mapping[str, Callable[[], float]] = {"processor": time.process_time, "clock": time.perf_counter}
CALLS = (
    (RowStore, "append", "store"),
    (Learner, "learn", "learn"),
    (LocalEngine, "forward_backward", "engine"),
    (LocalEngine, "optim_step", "engine"),
    (Trainer, "_give", "weights"),
    (Trainer, "_save", "checkpoint"),
)
WITHIN = {"engine": "learn"}  # what counts as a part only inside another: the canary scores, and nothing is learnt
OPEN: defaultdict[str, int] = defaultdict(int)  # calls of each part that have not returned
Spent = dict[str, defaultdict[str, float]]  # seconds of each part, by clock


@contextmanager
def timed(spent: Spent, part: str) -> Iterator[None]:
    """Adds the seconds inside to a part."""
    began = {name: clock() for name, clock in CLOCKS.items()}
    try:
        yield
    finally:
        for name, clock in CLOCKS.items():
            spent[name][part] += clock() - began[name]


@contextmanager
def watching(spent: Spent) -> Iterator[None]:
    """Times every call of `CALLS`."""
    with ExitStack() as stack:
        for owner, method, part in CALLS:
            stack.enter_context(mock.patch.object(owner, method, _timed(getattr(owner, method), spent, part)))
        yield


def _timed(call: Callable[..., Any], spent: Spent, part: str) -> Callable[..., Any]:
    def watched(*given: Any, **named: Any) -> Any:
        inside = WITHIN.get(part, "")
        if inside and not OPEN[inside]:
            return call(*given, **named)
        OPEN[part] += 1
        try:
            with timed(spent, part):
                return call(*given, **named)
        finally:
            OPEN[part] -= 1

    return watched


class Listener:
    """Hears what the backend is asked and answers, and times it."""

    def __init__(self, spent: Spent) -> None:
        self.spent = spent
        self.asked: list[tuple[ModelRequest, ModelAnswer]] = []
        self.waves: list[int] = []  # how many of them came in each
        self.backend: TransformersBackend | None = None
        self._generate = TransformersBackend.generate  # unheard

    @contextmanager
    def listening(self) -> Iterator[None]:
        """To every backend in this process."""
        generate, check_fits, mine = self._generate, TransformersBackend.check_fits, self

        def heard(backend: TransformersBackend, requests: Sequence[ModelRequest]) -> Iterator[tuple[int, ModelAnswer]]:
            mine.backend = backend
            mine.waves.append(len(requests))
            answers = generate(backend, requests)
            while True:
                with timed(mine.spent, "generation"):
                    found = next(answers, None)
                if found is None:
                    return
                mine.asked.append((requests[found[0]], found[1]))
                yield found

        with (
            mock.patch.object(TransformersBackend, "generate", heard),
            mock.patch.object(TransformersBackend, "check_fits", _timed(check_fits, self.spent, "generation")),
            mock.patch.object(Rollout, "play", self._playing(Rollout.play)),
        ):
            yield

    def _playing(self, play: Callable[[Rollout, int], Collected]) -> Callable[[Rollout, int], Collected]:
        """Every rollout, and then its requests again."""

        def played(rollout: Rollout, update: int) -> Collected:
            self.asked.clear()
            self.waves.clear()
            with timed(self.spent, "rollout"):
                out = play(rollout, update)
            if rollout.version != BASE:
                with timed(self.spent, "again"):
                    weights = rollout.out / "weights" / rollout.version
                    self._again(weights, "alone", self.waves)
                    self._again(weights, "at_once", [len(self.asked)])
            return out

        return played

    def _again(self, weights: Path, part: str, waves: Sequence[int]) -> None:
        """Asks the same in these waves, with nothing else to do. ValueError where an answer is another one."""
        if self.backend is None:
            raise SystemExit(
                "no turn was answered in this process: leave rollout.processes and backends of servers out"
            )
        asked = tuple(self.asked)
        self.backend.update(str(weights))  # and forget what was kept
        answers: list[tuple[int, ModelAnswer]] = []
        with timed(self.spent, part):
            for wave in waves:
                begin = len(answers)
                requests = [request for request, _ in asked[begin : begin + wave]]
                answers += [(begin + at, answer) for at, answer in self._generate(self.backend, requests)]
        for at, answer in answers:
            then = asked[at][1].tokens
            assert then is not None
            assert answer.tokens is not None
            if not np.array_equal(then, answer.tokens):
                raise ValueError(
                    f"turn {at} was answered {then.tolist()} in the rollout and {answer.tokens.tolist()} alone"
                )


def shares(turns: float, spent: Mapping[str, float]) -> dict[str, float]:
    """Ratio, rates, and shares of the whole time, by one clock. `spent`: seconds of each part of so many turns."""
    whole, lone, busy = spent["all"] - spent["again"], spent["alone"], spent["at_once"]
    named = sum(spent[part] for part in ("rollout", "store", "learn", "weights", "checkpoint"))
    return {
        "ratio": (lone + spent["engine"]) / whole,
        "at_once": (busy + spent["engine"]) / whole,
        "model": (spent["generation"] + spent["engine"]) / whole,
        "turns_per_second": turns / whole,
        "generation_alone_turns_per_second": turns / lone,
        "update_alone_turns_per_second": turns / spent["engine"],
        "generation": busy / whole,
        "engine": spent["engine"] / whole,
        "lanes": (spent["generation"] - busy) / whole,
        "game_and_rows": (spent["rollout"] - spent["generation"]) / whole,
        "critic_and_rows": (spent["learn"] - spent["engine"]) / whole,
        **{part: spent[part] / whole for part in ("store", "weights", "checkpoint")},
        "other": (whole - named) / whole,
    }


def measure(asked: config.VlmConfig, folder: Path) -> dict[str, Any]:
    """Train, and ask again after each rollout. `ratios`: of each update: how much is chance shows in them."""
    spent: Spent = {name: defaultdict(float) for name in CLOCKS}
    turns: list[float] = []
    found: list[dict[str, dict[str, float]]] = []  # of each update, seconds of each part by clock

    class Shown:
        def doing(self, what: str) -> None:
            pass

        def updated(self, update: int, metrics: Mapping[str, float], seconds: Mapping[str, float]) -> None:
            turns.append(metrics["rollout/turns"])

    with Trainer(replace(asked, updates=1), folder) as trainer, Listener(spent).listening(), watching(spent):
        trainer.run()
        for number in range(2, asked.updates + 1):
            trainer.config = replace(asked, updates=number)
            for parts in spent.values():
                parts.clear()
            with timed(spent, "all"):
                trainer.run(Shown())
            found.append({name: dict(parts) for name, parts in spent.items()})
    out: dict[str, Any] = {"updates": len(turns), "turns": sum(turns)}
    for name in CLOCKS:
        whole = {part: sum(one[name][part] for one in found) for part in found[0][name]}
        ratios = [shares(count, one[name])["ratio"] for count, one in zip(turns, found, strict=True)]
        out[name] = {**shares(sum(turns), whole), "ratios": ratios}
    return out


def main() -> None:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--preset", default="sidescroller-nano")
    parse.add_argument("--updates", type=int, default=3)
    parse.add_argument("--set", action="append", default=[])
    parse.add_argument("--json", type=Path)
    given = parse.parse_args()
    if given.updates < 2:
        parse.error(f"--updates {given.updates}: expected at least 2, since the first is left out")
    asked = config.load(
        given.preset, None, (f"updates={given.updates}", "evaluation.every=0", "critic.warmup=0", *given.set)
    )
    with tempfile.TemporaryDirectory() as folder:
        found = {"preset": given.preset, "set": given.set, **measure(asked, Path(folder) / "run")}
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
