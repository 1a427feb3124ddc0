"""The checks of a worker in whole matches, by the arena's own scheduler. See arena/testing/worker_suite.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

from arena.errors import ArenaError
from arena.evaluate.schedules import one_table
from arena.operator import OperatorKind
from arena.plan import Entry, Limits
from arena.play import run_plan
from arena.record.reader import Run
from arena.testing.worker_bench import Bench
from arena.testing.worker_checks import check
from arena.testing.worker_peer import FailedError, NotTriedError

MATCHES = 8


@check("4, 5", "answers", "once", "echo", "session", "legal", "closed")
def plays(bench: Bench) -> None:
    """Plays 8 matches in every seat, four at once.

    In every seat, several matches at once.

    Repair: see what the log of a run says: arena play --operators "cmd:'COMMAND'" ....
    """
    with tempfile.TemporaryDirectory() as folder:
        _play(bench, Path(folder) / "run", concurrency=4)


@check("5 rules 3 and 4, 7", "plays")
def repeats(bench: Bench) -> None:
    """Same seeds, same answers, whatever is asked together.

    Repair: let chance come from OPEN's `seed`, the tick and the attempt only; else say determinism `none` in HELLO.
    """
    if bench.hello is None or bench.hello.determinism != "deterministic":
        said = bench.hello.determinism if bench.hello else "nothing"
        raise NotTriedError(f"HELLO says determinism {said!r}: nothing is promised")
    with tempfile.TemporaryDirectory() as folder:
        logs = [_play(bench, Path(folder) / str(number), concurrency=number) for number in (MATCHES, 1)]
    for number, (one, two) in enumerate(zip(*logs, strict=True), 1):
        if one != two:
            raise FailedError(
                f"the same answers with {MATCHES} matches at once and one by one",
                f"line {number} of the log differs:\n{one[:300]}\n{two[:300]}",
            )


def _play(bench: Bench, out: Path, concurrency: int) -> list[str]:
    """The lines of the log. FailedError for a fault, a void, or an answer that matched no question."""
    bench.drop()
    kind = OperatorKind(
        name="checked",
        summary="",
        target="",
        views=lambda spec, what, options: bench.views,
        command=lambda what, options: bench.command,
    )
    game = bench.game
    lineup = tuple(
        Entry(f"checked#{slot + 1}", kind, bench.what, bench.options, "checked", bench.views)
        for slot in range(game.seats)
    )
    limits = Limits(max_ticks=200, deadline=bench.patience, retries=0)
    plan = one_table(game, game.spec.id, lineup, seed=1, matches=MATCHES, limits=limits)
    what = f"{MATCHES} matches of {game.spec.id} without a fault"
    try:
        [table] = run_plan(plan, out, concurrency=concurrency, trace=bench.trace)
    except ArenaError as error:
        raise FailedError(what, str(error)) from None
    timing = "".join(path.read_text(encoding="utf-8") for path in sorted(out.glob("timing-*.jsonl"))).splitlines()
    odd = [line for line in timing if any(f'"type":"{kind}"' in line for kind in ("void", "dropped", "error", "died"))]
    faults = {fault: n for row in table.rows for fault, n in row.faults.items()}
    if faults or odd or any(row.unresolved for row in table.rows):
        told = ", ".join(f"{n} {fault}" for fault, n in sorted(faults.items()))
        raise FailedError(what, "; ".join([*([f"faults: {told}"] if told else []), *odd[:3]]))
    return [
        line
        for shard in sorted(Run(out).folder.glob("log-*.jsonl"))
        for line in shard.read_text(encoding="utf-8").splitlines()
    ]


PLAY = (plays, repeats)
