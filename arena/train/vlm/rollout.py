"""Rollouts: the matches of one update, played as an ordinary run, and the rows that they give.

    RUN/rollouts/000012/       the run of update 12, which `arena show`, `arena verify` and `arena report` take
    RUN/rollouts/000012.rows/  its rows, match by match, until the next update begins

All chance follows from (seed, update), and what was played is kept match by match. So a rollout that was killed goes on
and gives the same rows, bit for bit, where the operators' answers do not depend on who is asked beside them.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from arena import names, plugins
from arena.canonical import digest, generator, hash_file, key
from arena.channel import WorkerPool
from arena.errors import ArenaError, InputError, WorkerError
from arena.evaluate.listed import Listing, listed
from arena.evaluate.schedules import find
from arena.lineup import find_game, resolve
from arena.local_workers import LocalWorkers
from arena.log import MatchLine
from arena.observer import Observer
from arena.plan import Entry, Limits, MatchPlan, Plan, PlanSpec
from arena.play import describe, open_recorder
from arena.record.reader import Run
from arena.schedule import planned
from arena.scheduler import Scheduler
from arena.train.vlm.rows import BASE, Collected, Fault, MatchStat, Seat, Tokens, TokenTexts, rows_of
from arena.train.vlm.store import MatchFiles
from arena.turns import Episode, TurnSink


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """What is played for every update."""

    levels: tuple[str, ...]  # names of games; several are drawn from by the curriculum
    operator: str = "vlm"  # that is trained
    matches: int = 64  # an update; more than `concurrency` keep the model busy until near the end
    group: int = 1  # matches with the same start, line-up and seats: they differ in the operators' own chance
    concurrency: int = 64
    trained: tuple[int, ...] = ()  # seats of the trained operator; (): one seat of a match, in turn
    max_ticks: int | None = None  # a match that takes longer is cut: truncated
    deadline: float = 120.0  # seconds for an answer
    fault: Fault = "ends"  # a turn that was not parsed ends its episode, or "costs" reward and play goes on
    fault_reward: float = 0.0  # added to the reward of such a turn


class Rollout:
    """Plays the updates of one training run. Use as a context manager, or `close` it."""

    def __init__(
        self,
        config: RolloutConfig,
        out: Path,
        tokens: Tokens,
        *,
        seed: int = 0,
        workers: WorkerPool | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`out`: the folder of the training run. `workers`: who hosts the operators, of `plan.entries`; None: this

        process. InputError, or a subclass, for a config that cannot be played.
        """
        self.config = config
        self.version = BASE
        self._weights = ""  # digest of the weights
        self._out = out
        self._seed = seed
        self._texts = TokenTexts(tokens)
        self._observer = observer
        self.plan = _plan(config)  # of every update but for its seed and line-ups
        self._head = describe(self.plan)
        self._seats = [
            {entry: _seat(self.plan, game, entry, config) for entry in self.learners} for game in self.levels
        ]
        self._own = contextlib.ExitStack()
        self.workers = workers or self._own.enter_context(LocalWorkers(self.plan.entries))

    def __enter__(self) -> Rollout:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the operators that were started here."""
        self._own.close()

    @property
    def levels(self) -> range:
        """The games of the plan, by number."""
        return range(len(self.plan.games))

    @property
    def learners(self) -> range:
        """The entries of the pool, by number, that play with the current weights."""
        return range(self.plan.games[0].facts.seats)

    def update(self, version: str, path: Path) -> None:
        """Play with the weights in `path` from now on. WorkerError if they cannot be taken: the old ones stay."""
        entries = {game.operators[0].worker_key: game.operators[0] for game in self.plan.games}
        for entry in entries.values():
            self.workers.update(entry, version, str(path))
        self.version, self._weights = version, _digest(path)

    def play(self, update: int) -> Collected:
        """Play the matches of an update, or what is left of them; the rows of all, in the order of the plan.

        ArenaError when a row was not written by the weights of this update, or when no row can be learnt from.
        """
        plan = self.planned(update)
        folder = self._out / "rollouts" / f"{update:06d}"
        files = MatchFiles(folder.with_name(f"{update:06d}.rows"))
        self._clear(update)
        found = self._kept(plan, folder, files)
        sink = _Sink(self, plan, files, found)
        head = msgspec.structs.replace(self._head, plan=plan.spec)
        with contextlib.closing(open_recorder(head, folder, resume=True)) as recorder:
            done = Run(folder).results(recorder.due, recorder.waiting)
            matches = planned(plan, done=done)
            if not matches.over:
                Scheduler(
                    plan,
                    self.workers,
                    concurrency=self.config.concurrency,
                    recorder=recorder,
                    observer=self._observer,
                    matches=matches,
                    sinks=[sink],
                ).run()
            recorder.results(Run(folder).tables())
        out = Collected()
        for match in sorted(found):
            out.add(found[match])
        self._check(out, folder)
        return out

    def planned(self, update: int) -> Plan:
        """The plan of an update."""
        chance = generator(key("rollout", self._seed, update))
        seats = self.plan.games[0].facts.seats
        listings = []
        for _ in range(self.config.matches // self.config.group):
            level = int(chance.integers(len(self.plan.games)))
            listings.append(Listing(level, tuple(range(seats)), self.config.group))
        name = listed(listings)
        schedule = find(name, self.plan.schedule.setting)
        seed = int.from_bytes(key("train", self._seed, update)[:7], "big")
        return replace(self.plan, schedule=schedule, seed=seed, matches=schedule.matches)

    def _kept(self, plan: Plan, folder: Path, files: MatchFiles) -> dict[int, Collected]:
        """What was played of this update before, by match. What does not fit is removed, and is played anew."""
        about = digest(msgspec.to_builtins(plan.spec), self.version, self._weights, repr(self._seats))
        if (folder / "run.json").is_file() and files.about == about:
            heads = [lines[0] for lines in Run(folder).played()]
            found = {line.match: files.get(line.match) for line in heads if isinstance(line, MatchLine)}
            kept = {match: rows for match, rows in found.items() if rows is not None}
            if len(kept) == len(heads):
                return kept
        shutil.rmtree(folder, ignore_errors=True)
        files.begin(about)
        return {}

    def _clear(self, update: int) -> None:
        """Remove the rows of other updates: the caller has them."""
        for folder in (self._out / "rollouts").glob("*.rows"):
            if folder.name != f"{update:06d}.rows":
                shutil.rmtree(folder)

    def rows(self, plan: Plan, episode: Episode) -> Collected:
        """The rows of a match."""
        lineup = episode.plan.lineup
        seats = {
            seat: self._seats[episode.plan.game][entry] for seat, entry in enumerate(lineup) if entry in self.learners
        }
        out = rows_of(episode, seats, self._texts)
        out.matches.append(
            MatchStat(
                match=episode.plan.index,
                group=episode.plan.block,
                level=episode.plan.game,
                lineup=lineup,
                returns=episode.returns,
                status=episode.status,
                ticks=episode.ticks,
            )
        )
        return out

    def _check(self, out: Collected, folder: Path) -> None:
        for row in out.rows:
            if row.version != self.version:
                raise WorkerError(
                    f"turn {row.turn} of match {row.episode} in {folder} was made with the weights {row.version}, not "
                    f"with {self.version}: its worker did not take the update"
                )
        if not any(row.trainable for row in out.rows):
            why = (
                ", ".join(f"{count} x {reason}" for reason, count in out.dropped.most_common()) or "no turn was played"
            )
            raise ArenaError(f"nothing can be learnt from the matches in {folder}: {why}")


class _Sink(TurnSink):
    """Keeps the rows of every match before the log says that it is over."""

    in_order = False

    def __init__(self, rollout: Rollout, plan: Plan, files: MatchFiles, found: dict[int, Collected]) -> None:
        self._rollout = rollout
        self._plan = plan
        self._files = files
        self._found = found

    def match_over(self, episode: Episode) -> None:
        self._keep(episode.plan.index, self._rollout.rows(self._plan, episode))

    def match_void(self, plan: MatchPlan, reason: str) -> None:
        out = Collected()
        out.dropped["its match stayed unresolved"] += 1
        self._keep(plan.index, out)

    def _keep(self, match: int, rows: Collected) -> None:
        self._files.put(match, rows)
        self._found[match] = rows


def _plan(config: RolloutConfig) -> Plan:
    """The plan of every update: its games and its pool."""
    if not config.levels:
        raise InputError("a rollout plays at least one game: levels=()")
    if config.matches < 1 or config.group < 1 or config.matches % config.group:
        raise InputError(
            f"matches={config.matches} an update in groups of {config.group}: expected a multiple of the group"
        )
    limits = Limits(max_ticks=config.max_ticks, deadline=config.deadline)
    games = [_game(name, limits) for name in config.levels]
    counts = {seats for _, seats in games}
    if len(counts) > 1:
        raise InputError(f"levels have {', '.join(map(str, sorted(counts)))} seats: all must have the same number")
    operators = (config.operator,) * max(counts)
    first = listed([Listing(0, tuple(range(max(counts))))])
    spec = PlanSpec(
        games=tuple(name for name, _ in games), operators=operators, schedule=first, limits=limits, mirror=False
    )
    plan = resolve(spec)
    for entry in plan.entries[: max(counts)]:
        _check_operator(entry)
    return plan


def _game(given: str, limits: Limits) -> tuple[str, int]:
    """The name of a game that says its seats (without `seats=` the fewest that it takes), and their number."""
    name = names.parse(given)
    if "seats" not in name.options:
        if plugins.is_foreign(name.base):
            raise InputError(f"game {given!r} is not one of ours: say its seats, e.g. {given}@seats=2")
        fewest = plugins.game_class(name.base).spec.seats[0]
        name = replace(name, options={**name.options, "seats": str(fewest)})
    return str(name), find_game(str(name), 1, limits).game.seats


def _check_operator(entry: Entry) -> None:
    """InputError for an operator whose turns cannot be learnt from."""
    options = entry.options
    if options.get("temperature") == 0:
        raise InputError(f"operator {entry.given!r} always writes the likeliest token: training needs @temperature=1")
    for name in ("decide", "tools"):
        if options.get(name):
            raise InputError(f"operator {entry.given!r} cannot be trained with @{name}=: leave it out")


def _seat(plan: Plan, game: int, entry: int, config: RolloutConfig) -> Seat:
    one, facts = plan.games[game].operators[entry], plan.games[game].facts
    return Seat(
        history=int(one.options.get("history") or 0) if one.options.get("history_pictures") else 0,
        pictures=one.views.image is not None,
        vector_scale=facts.spec.vector_scale,
        fault=config.fault,
        fault_reward=config.fault_reward,
    )


def _digest(path: Path) -> str:
    """Of the weights in a file or folder."""
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    return digest([[one.name, hash_file(one)] for one in files])
