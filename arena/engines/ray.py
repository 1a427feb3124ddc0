"""Plays a plan on a Ray cluster: ranges of its matches, each with workers of its own on some node (extra `ray`).

What a range has played comes back match by match and is recorded here, in plan order, as in a run on one machine: the
same bytes. When a node is lost, what had not come back from it is played again. The folder is that of any run: what
stopped goes on with Ray or without.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from arena import commands, names
from arena.budget import Budget, Spending
from arena.engines.part import Chunk, Files, Order, kept_files, play_part
from arena.errors import ArenaError, InputError, RecordError
from arena.evaluate.table import ScoreTable
from arena.log import EndLine, Line, decoder
from arena.options import Option
from arena.plan import Plan
from arena.play import describe, open_recorder, open_store
from arena.plugins import require_modules
from arena.record.measured import with_measures
from arena.record.reader import Read, Run, read_tables
from arena.record.times import used_in
from arena.record.turns import TurnStore, store_of
from arena.record.writer import Recorder
from arena.supervisor.interrupts import Interrupts

OPTIONS = {
    "address": Option("str", None, "of the cluster; without it RAY_ADDRESS, or the one that runs on this machine"),
    "cpus": Option("float", 2.0, "CPUs that a range takes of a node: the arena and its workers", 0.01),
    "gpus": Option("float", 0.0, "GPUs that a range takes of a node", 0.0),
    "ranges": Option("int", None, "ranges of the plan; without it twice as many as the cluster plays at once", 1),
}
TRIES = 3  # in a row in which a range may be lost without a match that came back
POLL = 0.2  # seconds between two looks at signals
REACHED = 10.0  # seconds in which the cluster must take a connection
STOPPING = 20.0  # seconds in which ranges must stop when the run is interrupted


class Watcher:
    """Is told how the run gets on. Every method is optional."""

    def began(self, part: range, node: str) -> None:
        """The matches of a range begin on a node."""

    def over(self, lines: Sequence[Line]) -> None:
        """A match came back."""

    def told(self, text: str) -> None:
        """Something that a person should know."""


@dataclass(slots=True)
class _Range:
    """Matches that a node plays."""

    part: range
    due: int  # the next one that should come back
    node: str = ""
    lost: int = 0  # tries in a row that brought nothing
    news: bool = False  # this try brought something


def options(name: str) -> dict[str, Any]:
    """What was given as `ray@address=...@cpus=...`. InputError for an option that there is not."""
    given = names.parse(name).options
    unknown = sorted(set(given) - set(OPTIONS))
    try:
        if unknown:
            raise ValueError(f"it has no option {unknown[0]!r}; it has: {', '.join(OPTIONS)}")
        return {word: one.check(word, given.get(word, one.default)) for word, one in OPTIONS.items()}
    except ValueError as error:
        raise InputError(f"--engine {name}: {error}") from error


def run_plan(
    plan: Plan,
    out: Path,
    *,
    operators: Sequence[str] = (),
    address: str | None = None,
    cpus: float = 2.0,
    gpus: float = 0.0,
    ranges: int | None = None,
    concurrency: int | None = None,
    resume: bool = False,
    turns: bool = False,
    watcher: Watcher | None = None,
    budget: Budget | None = None,
    read: Read = read_tables,
) -> list[ScoreTable]:
    """As arena.play.run_plan, on the cluster at `address`; a program that has called ray.init keeps its cluster.

    budget: what may be spent until the run stops with a BudgetError; what nodes take within half a second more is not
    prevented.
    operators: as they were given for `plan`; needed only if one has a secret. cpus, gpus: that each range takes.
    concurrency: matches at once in each range; None: what is usual on the node.
    read: reads the run once all is played.

    InputError for a plan that cannot be played in ranges, or a cluster that is not there or has no room for one.
    ArenaError when a range fails, or is lost `TRIES` times without a match. What came back until then is in `out`.
    """
    head = describe(plan)
    _check(plan)
    require_modules("--engine ray", ["ray"], "ray")
    with ExitStack() as stack:
        slots = stack.enter_context(_cluster(address, cpus, gpus))
        interrupts = stack.enter_context(Interrupts())  # after Ray, which takes SIGTERM for itself
        recorder = stack.enter_context(closing(open_recorder(head, out, resume)))
        store = None
        if turns or (resume and store_of(out).is_file()):
            store = stack.enter_context(closing(open_store(out, recorder, head.first)))
        spending = None
        if budget is not None:
            spending = Spending(budget, Run(out).prices(), Run(out).times() if resume else None)
        parts = _parts(recorder, plan.matches or 0, ranges or 2 * slots)
        players = _Players(recorder, store, operators, concurrency, cpus, gpus, watcher or Watcher(), spending)
        with players:
            players.play(parts, interrupts)
        recorder.settle()
        tables, times = read(Run(out))
        tables = with_measures(Run(out), tables)
        recorder.usage(times, Run(out).prices())
        recorder.results(tables)
    return tables


def _check(plan: Plan) -> None:
    """InputError for a plan that cannot be played in ranges."""
    if plan.schedule.hears:
        raise InputError(
            f"--engine ray: schedule {plan.schedule.name} hears results, so a match may depend on those before it: its "
            "matches cannot be played in ranges. Play it without --engine"
        )
    if plan.matches is None:
        raise InputError(f"--engine ray: schedule {plan.schedule.name} does not say how many matches. Give --matches")
    if plan.people:
        raise InputError("--engine ray: a person plays at one machine. Play it without --engine")
    if remote := [entry.name for entry in plan.pool if entry.at is not None]:
        raise InputError(
            f"--engine ray: {remote[0]} is a remote worker, and every range would need one of its own. Give it without "
            "@at=, so that each node starts it, or a model by the @url= of its server"
        )


def _parts(recorder: Recorder, matches: int, count: int) -> list[range]:
    """The matches that are not over, in about `count` ranges."""
    left = [number for number in range(recorder.due, matches) if not recorder.over(number)]
    size = max(1, -(-len(left) // count))
    out: list[range] = []
    for number in left:
        if out and out[-1].stop == number and len(out[-1]) < size:
            out[-1] = range(out[-1].start, number + 1)
        else:
            out.append(range(number, number + 1))
    return out


@contextlib.contextmanager
def _cluster(address: str | None, cpus: float, gpus: float) -> Iterator[int]:
    """Connects to the cluster; how many ranges it plays at once."""
    import ray

    mine = not ray.is_initialized()
    if mine:
        address = address or os.environ.get("RAY_ADDRESS") or None
        try:
            _reach(address)
            ray.init(address=address or "auto", log_to_driver=False, logging_level="error")
        except (OSError, ValueError, RuntimeError) as error:
            where = f"at {address}" if address else "on this machine, and RAY_ADDRESS names none"
            raise InputError(
                f"--engine ray: there is no Ray cluster {where} ({str(error).splitlines()[0]}). Start one with "
                "`ray start --head`, or give --engine ray@address=HOST:6379"
            ) from error
    try:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        slots = sum(_fits(node, cpus, gpus) for node in nodes)
        if not slots:
            there = ", ".join(f"{_has(node, 'CPU'):g} and {_has(node, 'GPU'):g}" for node in nodes)
            raise InputError(
                f"--engine ray: a range takes {cpus:g} CPUs and {gpus:g} GPUs, and no node of the cluster has both "
                f"(they have {there}). Give less, e.g. --engine ray@cpus=1"
            )
        yield slots
    finally:
        if mine:
            ray.shutdown()


def _reach(address: str | None) -> None:
    """OSError where nobody listens there: Ray would try for minutes, and then end this process."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACHED).close()


def _has(node: Mapping[str, float], what: str) -> float:
    return node.get(what, 0.0)


def _fits(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """The number of ranges that a node plays at once."""
    by_cpu = int(_has(node, "CPU") / cpus)
    return min(by_cpu, int(_has(node, "GPU") / gpus)) if gpus else by_cpu


def _play(order: Order, files: Files) -> Iterator[str | Chunk]:
    """Runs on a node: its name, then what is played."""
    import ray

    yield f"{socket.gethostname()}, node {ray.get_runtime_context().get_node_id()[:8]}"
    yield from play_part(order, files)


class _Players:
    """The ranges under way. A context manager: none goes on when it is left."""

    def __init__(
        self,
        recorder: Recorder,
        store: TurnStore | None,
        operators: Sequence[str],
        concurrency: int | None,
        cpus: float,
        gpus: float,
        watcher: Watcher,
        spending: Spending | None,
    ) -> None:
        import ray

        self._ray = ray
        self._recorder = recorder
        self._store = store
        self._operators = tuple(operators)
        self._concurrency = concurrency
        self._watcher = watcher
        self._spending = spending
        # What is lost is sent out again here, without the matches that came back.
        how = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        self._task = ray.remote(_play).options(num_returns="streaming", **how)
        self._running: dict[Any, _Range] = {}
        run = Run(recorder.folder)
        self._head, self._files = run.head, ray.put(kept_files(run))

    def __enter__(self) -> _Players:
        return self

    def __exit__(self, *exc: object) -> None:
        for force in (False, True):
            for stream in self._running:
                self._cancel(stream, force)
            until = time.monotonic() + STOPPING
            while self._running and time.monotonic() < until:
                for stream in self._ready():
                    try:
                        self._ray.get(next(stream))
                    except (StopIteration, self._ray.exceptions.RayError):
                        del self._running[stream]

    def _cancel(self, stream: Any, force: bool) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError, ValueError):  # it has ended
            self._ray.cancel(stream, force=force)

    def play(self, parts: Iterable[range], interrupts: Interrupts) -> None:
        """Play these matches. KeyboardInterrupt after a signal."""
        for part in parts:
            self._send(_Range(part, part.start))
        while self._running:
            interrupts.check()
            if self._spending is not None:
                self._spending.check()
            for stream in self._ready():
                self._take(stream, self._running[stream])

    def _ready(self) -> list[Any]:
        """The streams that have something, or have ended."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=POLL)
        return list(ready)

    def _send(self, one: _Range) -> None:
        order = Order(
            head=msgspec.structs.replace(self._head, part=(one.due, one.part.stop)),
            operators=self._operators,
            concurrency=self._concurrency,
            turns=self._store is not None,
        )
        self._running[self._task.remote(order, self._files)] = one

    def _take(self, stream: Any, one: _Range) -> None:
        """The next that a range has to say."""
        try:
            said = self._ray.get(next(stream))
        except StopIteration:
            del self._running[stream]
            self._lost(one, "it ended early")
            return
        except self._ray.exceptions.RayTaskError:  # a bug, which would come again
            raise
        except self._ray.exceptions.RayError as error:
            self._cancel(stream, force=True)
            del self._running[stream]
            self._lost(one, str(error).splitlines()[0])
            return
        if isinstance(said, str):
            one.node = said
            self._watcher.began(range(one.due, one.part.stop), said)
            return
        self._record(one, said)
        if not said.over:
            return
        del self._running[stream]
        for name, printed in said.printed.items():
            self._keep(name, printed)
        if said.failure is not None:
            kind = InputError if said.exit_code == InputError.exit_code else ArenaError
            raise kind(f"{one.node}: {said.failure}")
        if one.due < one.part.stop:
            self._lost(one, "it ended early")

    def _record(self, one: _Range, chunk: Chunk) -> None:
        recorder = self._recorder
        times = chunk.timing.splitlines(keepends=True)
        recorder.timings(times)
        if self._spending is not None:
            for operator, usage in used_in(times):
                self._spending.used(operator, usage)
        for operator, several in chunk.facts.items():
            for said in several:
                recorder.facts(operator, said)
        lines: list[Line] = []
        for text in chunk.log.splitlines():
            lines.append(decoder.decode(text))
            if not isinstance(lines[-1], EndLine):
                continue
            match = lines[-1].match
            if match != one.due:
                raise RecordError(f"{one.node} sent match {match} where match {one.due} was due")
            if self._store is not None:
                self._store.put(match, chunk.turns.get(match))
            recorder.journal(match, lines)
            recorder.end(match)
            self._watcher.over(lines)
            lines = []
            one.due, one.news = one.due + 1, True

    def _keep(self, name: str, printed: bytes) -> None:
        folder = self._recorder.folder / "workers"
        with contextlib.suppress(OSError):  # nothing depends on it
            folder.mkdir(exist_ok=True)
            (folder / name).write_bytes(printed)

    def _lost(self, one: _Range, why: str) -> None:
        """Send out again what did not come back of a range."""
        where = one.node or "a node"
        one.lost = 1 if one.news else one.lost + 1
        one.news, one.node = False, ""
        rest = f"matches {one.due} to {one.part.stop - 1}"
        if one.due >= one.part.stop:
            return
        if one.lost >= TRIES:
            raise ArenaError(
                f"{rest} were lost {TRIES} times in a row, the last time on {where}: {why} What came back is kept; go "
                f"on with: {commands.arena('play', '--resume', self._recorder.folder, '--engine', 'ray')}"
            )
        self._watcher.told(f"{where} was lost ({why}): {rest} are played again")
        self._send(one)
