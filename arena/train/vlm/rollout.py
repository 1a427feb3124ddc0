"""Rollouts: the matches of one update, played as an ordinary run, and the rows that they give.

    RUN/rollouts/000012/       the run of update 12, which `arena show`, `arena verify` and `arena report` take
    RUN/rollouts/000012.rows/  its rows, match by match, until the next update begins

All chance follows from (seed, update), and what was played is kept match by match. So a rollout that was killed goes on
and gives the same rows, bit for bit, where the operators' answers do not depend on who is asked beside them.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from arena import plugins
from arena.canonical import digest, hash_path
from arena.channel import WorkerPool
from arena.errors import ArenaError, RecordError, WorkerError, sentence, some
from arena.log import MatchLine
from arena.observer import Observer
from arena.operator import OpenSeat
from arena.plan import MatchPlan, Plan
from arena.play import describe, open_recorder
from arena.record.measured import with_measures
from arena.record.reader import Run
from arena.record.writer import Recorder
from arena.replies import lacked_memory
from arena.schedule import Matches, planned
from arena.scheduler import Scheduler
from arena.train.vlm.begun import WHERE
from arena.train.vlm.curriculum import Curriculum
from arena.train.vlm.hindsight import known
from arena.train.vlm.matches import Draw, RolloutConfig, base_plan, drawn, plan_of, seat_of
from arena.train.vlm.opponents import PAST, SELF, Pool
from arena.train.vlm.progress import Progress, guarded
from arena.train.vlm.rows import BASE, Collected, Ints, MatchStat, Tokens, TokenTexts, rows_of
from arena.train.vlm.store import MatchFiles
from arena.train.vlm.workers import workers_of
from arena.turns import Episode, TurnSink


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
        """`out`: the folder of the training run. `workers`: who hosts the operators of `plan`; None: as config says.

        InputError, or a subclass, for a config that cannot be played; WorkerError when an operator cannot be started.
        """
        self.config = config
        self.version = BASE
        self._weights = ""  # digest of the weights
        self.out = out
        self.seed = seed
        self._tokens = tokens
        self._texts = TokenTexts(tokens)
        self.progress = Progress(observer)
        self.plan, self.places = base_plan(config)
        self.pool = Pool(config.pool, out / "pool")
        self.curriculum = Curriculum(config.levels, config.curriculum)
        self._head = describe(self.plan)
        self._seats = [seat_of(self.plan, game, config) for game in range(len(self.plan.games))]
        self._seated: dict[int, int] = {}  # by slot, the update of the snapshot that its worker has
        self._own = contextlib.ExitStack()
        self._workers = workers

    @property
    def workers(self) -> WorkerPool:
        """Who hosts the operators; started when they are first needed."""
        if self._workers is None:
            config, folder = self.config, self.out / "workers"
            made = workers_of(self.plan, folder, processes=config.processes, hosts=config.hosts)
            self._workers = self._own.enter_context(made)
        self.progress.workers = self._workers
        return self._workers

    def __enter__(self) -> Rollout:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the operators that were started here."""
        self._own.close()

    def state(self) -> dict[str, Any]:
        """What the next update depends on beside its weights and number, as JSON: the pool and the curriculum."""
        return {"pool": self.pool.state(), "curriculum": self.curriculum.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`. InputError when it is of other levels, or a snapshot is gone."""
        self.pool.restore(state["pool"])
        self.curriculum.restore(state["curriculum"])

    def update(self, version: str, path: Path) -> None:
        """Play with the weights in `path` from now on. WorkerError if they cannot be taken: the old ones stay."""
        self._send(0, version, path)
        self.version, self._weights = version, hash_path(path)

    def snapshot(self, update: int, path: Path) -> None:
        """After an update: keep a copy of its weights in the pool, if one is due."""
        self.pool.snapshot(update, self.version, path)

    def _send(self, number: int, version: str, path: Path) -> None:
        """New weights for the worker of an operator of the pool."""
        entries = {entry.worker_key: entry for entry in (game.operators[number] for game in self.plan.games)}
        for entry in entries.values():
            self.workers.update(entry, version, str(path))

    def play(self, update: int) -> Collected:
        """Play the matches of an update, or what is left of them; the rows of all, in the order of the plan.

        Call it once for each update, after `restore` or the update before: pool and curriculum hear its results.
        ArenaError when a row was not written by the weights of this update, when no row can be learnt from, or when
        nothing happens for longer than an answer may take.
        """
        draw = self.draw(update)
        self.forget(update)
        out = self.played(draw)
        self.hear(draw, out)
        return out

    def draw(self, update: int) -> Draw:
        """Who meets whom in an update, by the pool and the curriculum as they are now."""
        return drawn(self.places, self.config, self.pool, self.curriculum, self.seed, update)

    def forget(self, before: int) -> None:
        """Remove what is kept of the rows of updates before this one."""
        for folder in (self.out / "rollouts").glob("*.rows"):
            if int(folder.stem) < before:
                shutil.rmtree(folder)

    def folder(self, update: int) -> Path:
        """The run of an update."""
        return self.out / "rollouts" / f"{update:06d}"

    def files(self, update: int) -> MatchFiles:
        """What is kept of the rows of an update."""
        return MatchFiles(self.folder(update).with_name(f"{update:06d}.rows"))

    def kept(self, draw: Draw) -> Collected:
        """The rows of an update that was `played`. RecordError when some are gone."""
        files, out = self.files(draw.update), Collected()
        for match in range(plan_of(self.plan, draw, self.seed).matches or 0):
            found = files.get(match)
            if found is None:
                raise RecordError(f"{files.folder} lacks the rows of match {match}")
            out.add(found)
        return out

    def played(self, draw: Draw, *, watched: bool = True) -> Collected:
        """As `play`, of what was drawn; nothing hears its results. Not `watched`: the caller notices a stall."""
        for slot, snapshot in enumerate(draw.past):
            if self._seated.get(slot) != snapshot.update:
                number = self.places.of(f"{PAST} {slot}", 0)
                self._send(number, snapshot.version, self.pool.weights(snapshot))
                self._seated[slot] = snapshot.update
        plan = plan_of(self.plan, draw, self.seed)
        folder, files = self.folder(draw.update), self.files(draw.update)
        found = self._kept(self._about(plan, draw), folder, files)
        head = msgspec.structs.replace(self._head, plan=plan.spec)
        with contextlib.closing(open_recorder(head, folder, resume=True)) as recorder:
            done = Run(folder).results(recorder.due, recorder.waiting)
            matches = planned(plan, done=done)
            if not matches.over:
                self._play(plan, recorder, matches, _Sink(self.rows, files, found), watched)
            recorder.results(with_measures(Run(folder), Run(folder).tables()))
        out = Collected()
        for match in sorted(found):
            out.add(found[match])
        self._check(out, folder)
        return out

    def _play(self, plan: Plan, recorder: Recorder, matches: Matches, sink: TurnSink, watch: bool) -> None:
        workers = self.workers  # before the watchdog looks
        guard = guarded(self.progress, self.config.deadline, recorder.folder) if watch else contextlib.nullcontext()
        with guard, _threads(plan.entries[0].threads):
            Scheduler(
                plan,
                workers,
                concurrency=self.config.concurrency,
                recorder=recorder,
                observer=self.progress,
                matches=matches,
                sinks=[sink],
            ).run()

    def hear(self, draw: Draw, out: Collected) -> None:
        """The results of an update, for the pool and the curriculum."""
        past = {one.update: one for one in self.pool.snapshots}
        for match in out.matches:
            who = [self.places.who(number) for number in match.lineup]
            for seat, name in enumerate(who):
                snapshot = past.get(draw.past[int(name.split()[1])].update) if name.startswith(f"{PAST} ") else None
                if snapshot is None:
                    continue
                for mine in (at for at, other in enumerate(who) if other == SELF):
                    gain = match.returns[mine] - match.returns[seat]
                    self.pool.heard(snapshot, 0.5 + 0.5 * float(np.sign(gain)))
        levels = {match.match: match.level for match in out.matches}
        lengths: dict[int, list[int]] = {}
        for row in out.rows:
            if row.done or row.truncated:
                lengths.setdefault(levels[row.episode], []).append(row.turn + 1)
        self.curriculum.heard(lengths)

    def _about(self, plan: Plan, draw: Draw) -> str:
        """What the rows of an update follow from. Every setting counts that is not known to change no row."""
        rules = {name: value for name, value in msgspec.to_builtins(self.config).items() if name not in WHERE}
        past = [one.update for one in draw.past]
        encodes = self._tokens.encode is not None
        spec = msgspec.to_builtins(plan.spec)
        return digest(spec, self.version, self._weights, past, repr(self._seats), rules, encodes)

    def _kept(self, about: str, folder: Path, files: MatchFiles) -> dict[int, Collected]:
        """What was played of this update before, by match. What does not fit is removed, and is played anew."""
        if (folder / "run.json").is_file() and files.about == about:
            heads = [lines[0] for lines in Run(folder).played()]
            found = {line.match: files.get(line.match) for line in heads if isinstance(line, MatchLine)}
            kept = {match: rows for match, rows in found.items() if rows is not None}
            if len(kept) == len(heads):
                return kept
        shutil.rmtree(folder, ignore_errors=True)
        files.begin(about)
        return {}

    def rows(self, episode: Episode) -> Collected:
        """The rows of a match. ArenaError where its model had no memory: it does not count, and is played again."""
        self._check_memory(episode)
        lineup, number = episode.plan.lineup, episode.plan.index
        mine = [seat for seat, entry in enumerate(lineup) if entry in self.places.learners]
        trained = self.config.seats or (episode.plan.block % self.places.seats,)
        learns = mine if self.config.learn_self else [seat for seat in mine if seat in trained]
        seats = dict.fromkeys(mine, self._seats[episode.plan.game])
        prompts = None if self._tokens.encode is None else {seat: self._prompts(episode, seat) for seat in mine}
        told = known(self.plan.games[episode.plan.game], episode)
        out = rows_of(episode, seats, self._texts, learns=learns, prompts=prompts, hindsight=told)
        out.matches.append(
            MatchStat(
                match=number,
                group=episode.plan.block,
                level=episode.plan.game,
                lineup=lineup,
                returns=episode.returns,
                status=episode.status,
                ticks=episode.ticks,
            )
        )
        return out

    def _check_memory(self, episode: Episode) -> None:
        """Turns without memory are no play: they would teach what a crash costs, and their number goes by the load."""
        lineup, fixed = episode.plan.lineup, self.config.pool.fixed
        for turn in episode.turns:
            own = self.places.who(lineup[turn.request.seat]) not in fixed
            if own and (said := lacked_memory(turn.decision)) is not None:
                raise ArenaError(
                    f"{turn.operator} could not answer at tick {turn.request.tick} of match {episode.plan.index} in "
                    f"{self.out / 'rollouts'}: {sentence(said)} Where others held the memory, go on with --resume "
                    "exact; with another rollout.operator, with --resume weights-only"
                )

    def _prompts(self, episode: Episode, seat: int) -> Iterator[Ints]:
        """The prompt of each turn of a seat, as the trainer encodes it."""
        game, encode = self.plan.games[episode.plan.game], self._tokens.encode
        entry, turns = game.operators[0], [turn for turn in episode.turns if turn.request.seat == seat]
        opened = OpenSeat(
            match=episode.plan.index,
            seat=seat,
            operator=entry.name,
            card=game.facts.card(),
            views=entry.views,
            seed=b"",
            seats=episode.seats,
        )
        requests, texts = [turn.request for turn in turns], [turn.decision.raw or "" for turn in turns]
        assert entry.kind.prompts is not None
        assert encode is not None
        for messages in plugins.resolve(entry.kind.prompts)(entry.what, entry.options, opened, requests, texts):
            yield encode(messages)

    def _check(self, out: Collected, folder: Path) -> None:
        for row in out.rows:
            if len(row.response) and row.version != self.version:  # without a response the backend failed: no weights
                raise WorkerError(
                    f"turn {row.turn} of match {row.episode} in {folder} was made with the weights {row.version}, not "
                    f"with {self.version}: its worker did not take the update"
                )
        if not any(row.trainable for row in out.rows):
            reasons = [f"{count} x {reason}" for reason, count in out.dropped.most_common()]
            why = some(reasons, 3) if reasons else "no turn was played"
            raise ArenaError(f"nothing can be learnt from the matches in {folder}: {why}")


class _Sink(TurnSink):
    """Keeps the rows of every match before the log says that it is over."""

    in_order = False

    def __init__(self, rows: Callable[[Episode], Collected], files: MatchFiles, found: dict[int, Collected]) -> None:
        self._rows = rows
        self._files = files
        self._found = found

    def match_over(self, episode: Episode) -> None:
        self._keep(episode.plan.index, self._rows(episode))

    def match_void(self, plan: MatchPlan, reason: str) -> None:
        out = Collected()
        out.dropped["its match stayed unresolved"] += 1
        self._keep(plan.index, out)

    def _keep(self, match: int, rows: Collected) -> None:
        self._files.put(match, rows)
        self._found[match] = rows


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Torch computes with as many threads as the operator says: the last bits of its numbers depend on them."""
    torch = sys.modules.get("torch")
    if torch is None or count is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
