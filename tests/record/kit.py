"""Runs recorded without processes, and hands that change what they recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from arena import plugins
from arena.game import Views
from arena.local_workers import LocalWorkers
from arena.operator import OperatorKind
from arena.plan import Plan
from arena.play import describe
from arena.record.head import Head
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.scheduler import Scheduler
from tests.toys import GOOD, Turns, plan_of

Line = dict[str, Any]


def make_plan(game: str = "leduc", kinds: Sequence[OperatorKind] = (GOOD, GOOD), **how: Any) -> Plan:
    views = how.pop("views", Views(image=(128, 128), vector=True, text=True))
    return plan_of(plugins.game_class(game), kinds, views=views, **how)


def record(plan: Plan, out: Path, *, concurrency: int = 3) -> Run:
    """Play in this process and write a run folder."""
    recorder = Recorder(out, describe(plan))
    Scheduler(plan, LocalWorkers(plan.entries), concurrency=concurrency, recorder=recorder).run()
    recorder.close()
    run = Run(out)
    recorder.results(with_measures(run, run.tables()))
    return run


def head_of(*names: str, matches: int = 5, returns: tuple[float, float] | None = None, mirror: bool = True) -> Head:
    """run.json of operators of these names."""
    head = describe(plan_of(Turns, [GOOD] * len(names), matches=matches, mirror=mirror))
    named = [msgspec.structs.replace(one, name=name) for one, name in zip(head.games[0].operators, names, strict=True)]
    game = msgspec.structs.replace(head.games[0], operators=tuple(named), returns=returns)
    return msgspec.structs.replace(head, games=(game,))


def read(folder: Path) -> list[Line]:
    return [json.loads(text) for text in (folder / "log-000.jsonl").read_text().splitlines()]


def write(folder: Path, lines: Sequence[Line]) -> None:
    (folder / "log-000.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def by_match(lines: Sequence[Line]) -> list[list[Line]]:
    out: list[list[Line]] = []
    for line in lines:
        if line["type"] == "match":
            out.append([])
        out[-1].append(line)
    return out


def edit(folder: Path, match: int, kind: str, change: Callable[[Line], None], tick: int | None = None) -> None:
    """Change the first line of this kind (and tick) in one match."""
    matches = by_match(read(folder))
    line = next(x for x in matches[match] if x["type"] == kind and (tick is None or x["tick"] == tick))
    change(line)
    write(folder, [line for lines in matches for line in lines])
