"""The compliance suite of workers: is this program, in whatever language, a worker as docs/protocol.md says?

    results = check_worker(["node", "worker.mjs"], game_class("leduc")(2))
    assert [result.name for result in results if result.status == "failed"] == []

It starts the command several times, plays the arena's part by a script, and looks at one property a check.
`arena check worker -- COMMAND...` prints what it finds.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from arena.errors import ArenaError
from arena.game import Game, Views
from arena.protocol.trace import Trace
from arena.testing.worker_bench import Bench
from arena.testing.worker_checks import GREETING, LEAVING, TALK, Check
from arena.testing.worker_checks_play import PLAY
from arena.testing.worker_checks_seats import SEATS
from arena.testing.worker_checks_wire import WIRE
from arena.testing.worker_peer import FailedError, NotTriedError

CHECKS: tuple[Check, ...] = (*GREETING, *TALK, *SEATS, *WIRE, *LEAVING, *PLAY)


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one check found."""

    name: str
    title: str
    status: Literal["passed", "failed", "skipped"]
    section: str  # of docs/protocol.md
    expected: str = ""
    came: str = ""  # what came instead; for a skipped check, why
    repair: str = ""


def check_worker(
    command: Sequence[str],
    game: Game,
    *,
    what: str | None = None,
    options: Mapping[str, Any] | None = None,
    logs: Path | None = None,
    patience: float = 30.0,
    startup: float = 300.0,
    on_result: Callable[[Result], None] | None = None,
    checks: Sequence[Check] = CHECKS,
    trace: Trace | None = None,
) -> list[Result]:
    """Run every check against `command`.

    The worker is asked about `game` (its seats and options), in all views that the game has. `what` and `options` are
    what WELCOME carries; by default the command, as `cmd:'COMMAND'` has it, and nothing. `patience`: seconds without
    any message after which an answer is given up; `startup`: those for HELLO and for STATUS ready. What it prints is
    kept in `logs`; every message is noted in `trace`.
    """
    spec = game.spec
    size = min(spec.image_sizes, key=lambda size: size[0] * size[1], default=None)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            command=command,
            game=game,
            views=Views(image=size, vector=spec.vector_shape is not None, text=spec.text),
            what=shlex.join(command) if what is None else what,
            options=dict(options or {}),
            logs=logs or Path(folder),
            patience=patience,
            startup=startup,
            trace=trace,
        )
        results: list[Result] = []
        try:
            for check in checks:
                results.append(_run(check, bench, results))
                if on_result is not None:
                    on_result(results[-1])
        finally:
            bench.drop()
    return results


def _run(check: Check, bench: Bench, before: Sequence[Result]) -> Result:
    head = {"name": check.name, "title": check.title, "section": check.section}
    needed = {"ready", *check.needs} if check not in GREETING else set(check.needs)
    lacking = [result.title for result in before if result.name in needed and result.status != "passed"]
    if lacking:
        return Result(**head, status="skipped", came=f"needs: {lacking[0]}")
    try:
        check.run(bench)
    except NotTriedError as reason:
        return Result(**head, status="skipped", came=str(reason))
    except FailedError as failed:
        # What it may still be about to say belongs to this check, not to the next one.
        bench.drop()
        return Result(**head, status="failed", expected=failed.expected, came=failed.came, repair=check.repair)
    except ArenaError as error:
        bench.drop()
        return Result(**head, status="failed", expected="a worker that starts", came=str(error), repair=check.repair)
    return Result(**head, status="passed")
