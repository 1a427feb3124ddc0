"""The compliance suite of workers: checks whether a program, in any language, follows docs/protocol.md.

    found = check_worker(["node", "worker.mjs"], game_class("leduc")(2))
    assert [finding for finding in found if finding.state == "fails"] == []

It starts the command several times, plays the arena's part by a script, and looks at one property a check.
`arena check worker -- COMMAND...` prints what it finds.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.errors import ArenaError
from arena.game import Game, Views
from arena.protocol.trace import Trace
from arena.testing.checking import Finding
from arena.testing.worker_bench import Bench
from arena.testing.worker_checks import GREETING, LEAVING, TALK, Check
from arena.testing.worker_checks_play import PLAY
from arena.testing.worker_checks_seats import SEATS
from arena.testing.worker_checks_wire import WIRE
from arena.testing.worker_peer import FailedError, NotTriedError

CHECKS: tuple[Check, ...] = (*GREETING, *TALK, *SEATS, *WIRE, *LEAVING, *PLAY)


def check_worker(command: Sequence[str], game: Game, **how: Any) -> list[Finding]:
    """Run every check against `command`: what `worker_findings` yields."""
    return list(worker_findings(command, game, **how))


def worker_findings(
    command: Sequence[str],
    game: Game,
    *,
    what: str | None = None,
    options: Mapping[str, Any] | None = None,
    logs: Path | None = None,
    patience: float = 30.0,
    startup: float = 300.0,
    on_start: Callable[[str], None] = lambda text: None,
    checks: Sequence[Check] = CHECKS,
    trace: Trace | None = None,
) -> Iterator[Finding]:
    """Run every check against `command`, and yield as it goes.

    The worker is asked about `game` (its seats and options), in all views that the game has. `what` and `options` are
    what WELCOME carries; by default the command, as `cmd:'COMMAND'` has it, and nothing. `patience`: seconds without
    any message after which an answer is given up; `startup`: those for HELLO and for STATUS ready. What it prints is
    kept in `logs`; every message is noted in `trace`. `on_start` is told each property before it is checked.
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
        found: list[Finding] = []
        try:
            for check in checks:
                on_start(check.title)
                found.append(_run(check, bench, found))
                yield found[-1]
        finally:
            bench.drop()


def _run(check: Check, bench: Bench, before: Sequence[Finding]) -> Finding:
    needed = {"ready", *check.needs} if check not in GREETING else set(check.needs)
    lacking = [one.property for one in before if one.test in needed and one.state != "passes"]
    if lacking:
        return Finding(check.name, check.title, "not tested", f"needs: {lacking[0]}")
    try:
        check.run(bench)
    except NotTriedError as reason:
        return Finding(check.name, check.title, "not tested", str(reason))
    except FailedError as failed:
        why = f"expected {failed.expected}\ncame {failed.came}"
    except ArenaError as error:
        why = f"expected a worker that starts\ncame {error}"
    else:
        return Finding(check.name, check.title, "passes")
    # Messages that are still to come belong to this check, not to the next one.
    bench.drop()
    return Finding(check.name, check.title, "fails", why, f"docs/protocol.md, section {check.section}", check.repair)
