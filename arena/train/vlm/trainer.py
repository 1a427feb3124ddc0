"""Trains a model from arena play: each update plays matches, learns from their turns, and gives the model its weights.

    OUT/vlm.json        what is trained, and with which settings
    OUT/metrics.jsonl   a line an update, equal bit for bit in equal runs; OUT/timing.jsonl: seconds, turns/s
    OUT/checkpoints/    everything that training goes on from; OUT/weights/: what the sampler loads
    OUT/rollouts/       the newest rollouts, runs like any other; OUT/rows/: their turns (Parquet); OUT/tb/: TensorBoard
    OUT/evaluations/    the runs of the evaluations between

All chance of an update follows from (seed, update), and a checkpoint is whole, so a training that was killed and goes
on gives the same metrics, bit for bit, as one that was not.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal, Protocol

from arena.canonical import generator, key
from arena.errors import InputError, sentence, some
from arena.observer import Observer
from arena.plan import Plan
from arena.train.folders import writing
from arena.train.runs import passed_over, torch_threads
from arena.train.vlm import begun, canary, checkpoints, collapse, engines, evaluations, lines, ready, thoughts, told
from arena.train.vlm.ahead import Ahead
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.collapse import MOST, UNPARSED
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.engine import Engine
from arena.train.vlm.folder import Files
from arena.train.vlm.guided import Guide, speller
from arena.train.vlm.learning import Learner, Metrics
from arena.train.vlm.lines import METRICS
from arena.train.vlm.local import LocalEngine
from arena.train.vlm.measures import of_rows, win_rates
from arena.train.vlm.rollout import Rollout
from arena.train.vlm.rows import Collected, Tokens
from arena.train.vlm.samples import samples
from arena.train.vlm.stages import StageSwitcher
from arena.train.vlm.store import RowStore
from arena.train.vlm.workers import sharing

Resume = Literal["no", "exact", "weights-only"]


class Shown(Protocol):
    """Who is told how training goes."""

    def doing(self, what: str) -> None: ...
    def updated(self, update: int, metrics: Metrics, seconds: Metrics) -> None: ...


class Trainer:
    """One training. Use as a context manager; `run` does all updates that are missing."""

    def __init__(
        self,
        config: VlmConfig,
        out: Path,
        *,
        resume: Resume = "no",
        engine: Engine | None = None,
        tokens: Tokens | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`engine`, `tokens`: instead of those that `config` names.

        InputError, or a subclass, for a config that cannot be trained, or a folder that does not fit `resume`.
        """
        asked = ready.check(config)  # before GPUs are claimed: then those that serve cannot be seen
        self.files = Files(out)
        with contextlib.ExitStack() as held, self.files.refused(held), contextlib.ExitStack() as opened:
            opened.enter_context(asked.placement.claimed())
            opened.enter_context(sharing(out))
            self._loaded = opened.enter_context(passed_over())
            self.files.begin(asked, resume)
            config = ready.placed(asked)
            self.config, self.out = config, out
            opened.callback(self.files.close)
            if resume == "no":
                self.files.show(config)
            if engine is None:
                engine, tokens = engines.make(config, out / "weights")
            assert tokens is not None
            opened.callback(engine.close)
            self.engine, self.tokens = engine, tokens
            self.learner = Learner(config, engine, RoleBaselines())
            self.store = RowStore(out)
            self.done = 0  # updates
            if config.staleness:
                self.rollout: Rollout | Ahead = Ahead(
                    config.rollout,
                    out,
                    tokens,
                    seed=config.seed,
                    staleness=config.staleness,
                    processes=config.processes,
                    until=config.updates,
                )
                plan, self.who = self.rollout.rollout.plan, self.rollout.rollout.places.who
            else:
                self.rollout = Rollout(config.rollout, out, tokens, seed=config.seed, observer=observer)
                plan, self.who = self.rollout.plan, self.rollout.places.who
            opened.callback(self.rollout.close)
            self.learner.vector_shape = plan.games[0].facts.spec.vector_shape
            self.truths = thoughts.truths(plan.games)
            self.options = plan.games[0].operators[0].options  # of the one that plays
            usual = "float32" if self.options.get("device") == "cpu" else "bfloat16"
            self.sampler_dtype = str(self.options.get("dtype") or usual)
            self.canary: canary.Canary | None = None  # of the newest weights
            self.learner.guide = self._guide(plan)
            self._lost: list[int] = []  # updates whose metrics somebody removed
            self._anew = resume != "no" and self.files.newest() is None
            if resume != "no":
                weights_of = self._restore(resume)
                self.files.show(config)  # a board begins a run of its own here, and a refused training leaves nothing
                self.files.goes_on(asked, weights_of)
                self._lost = self.files.cut(self.done, others=weights_of is not None)
            held.push(opened.pop_all())
            self._opened = held.pop_all()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the operators, the log and the engine."""
        self._opened.close()

    def run(self, shown: Shown | None = None) -> None:
        """All updates up to `config.updates`, each with its metrics, checkpoint and evaluation."""
        config, first = self.config, self.done
        if shown is not None and self._anew:
            shown.doing(f"{self.out} has no checkpoint: it begins anew")
        if shown is not None and self._lost:
            shown.doing(
                f"{self.out / METRICS} has no whole line of update {some(map(str, self._lost))}: what they measured is "
                "lost, and the training goes on after them"
            )
        if shown is not None and first >= config.updates:
            shown.doing(f"all {config.updates:,} updates are done; --set updates=N trains further")
        collapsed = ""  # what was told of it
        with torch_threads(config.threads):
            while self.done < config.updates:
                update, seconds = self.done, Metrics()
                early = shown if update == first else None  # there is no line of an update yet
                if early is not None:
                    early.doing(f"playing {config.rollout.matches:,} matches")
                with _timed(seconds, "rollout"):
                    found = self.rollout.play(update)
                if shown is not None and found.dropped:
                    reasons = some([f"{count} x {reason}" for reason, count in found.dropped.most_common()], 3)
                    shown.doing(f"update {update + 1}: turns that are not learnt from: {reasons}")
                if update == first:  # now a server that the rollout has started is there to be asked
                    with _timed(seconds, "evaluation"):
                        self._evaluate_start(shown)
                metrics = of_rows(found, update) | win_rates(found.matches, self.who)
                metrics |= thoughts.score(found.rows, self.tokens, self.truths).metrics()
                with _timed(seconds, "store"):
                    self.store.append(update, found.rows, found.images)
                if early is not None:
                    early.doing(f"learning from {len(found.rows):,} turns")
                with _timed(seconds, "learn"):
                    metrics |= self.learner.learn(update, found.rows, found.images)
                if config.samples_every and update % config.samples_every == 0:
                    with _timed(seconds, "samples"):
                        self._show(update, found)
                if early is not None:
                    early.doing("giving the new weights to the one that plays")
                with _timed(seconds, "weights"):
                    self._give(update + 1)
                self.done += 1
                with _timed(seconds, "evaluation"):
                    metrics |= self._evaluated(shown)
                self.files.log(self.done, metrics)
                if shown is not None and not collapsed and metrics[UNPARSED] > MOST:
                    collapsed = collapse.sentence(lines.read(self.out / METRICS), config.learn.learning_rate)
                    shown.doing(collapsed)
                with _timed(seconds, "checkpoint"):
                    last = self.done == config.updates
                    if last or self.done % config.checkpoint_every == 0:
                        self._save()
                    self.files.tidy(self.done, config)
                total = sum(seconds.values())
                turns = metrics["rollout/turns"]
                written = turns * metrics["response_length/mean"]
                read = turns * metrics["prompt_length/mean"]
                seconds |= {"total": total, "turns_per_second": turns / total, "turns": turns}
                seconds |= {"tokens": written + read, "tokens_per_second": (written + read) / total}
                seconds["generated_per_second"] = written / max(seconds["rollout"], 1e-9)
                if isinstance(self.rollout, Ahead):
                    seconds["ahead/in_play"], seconds["ahead/empty"] = self.rollout.in_play()
                self.files.timed(self.done, metrics, seconds)
                if shown is not None:
                    shown.updated(self.done, metrics, seconds)
                if update == first:
                    self._loaded()

    def _show(self, update: int, found: Collected) -> None:
        chance = generator(key("samples", self.config.seed, update))
        count = self.config.samples
        shown = samples(found.rows, self.learner.judged, found.images, self.tokens, self.truths, count, chance)
        self.files.sample(update + 1, shown)

    def _guide(self, plan: Plan) -> Guide | None:
        if not self.config.thoughts.corrector:
            return None
        if not isinstance(self.engine, LocalEngine):
            raise InputError("thoughts.corrector: this engine gives no tokenizer, which true statements are written by")
        return Guide(
            self.config.thoughts,
            self.truths,
            thoughts.solvers(plan.games),
            games=[game.facts.spec.id for game in plan.games],
            store=self.store,
            tokens=self.tokens,
            spell=speller(self.engine.learner.tokenizer),
            seed=self.config.seed,
        )

    def _give(self, update: int) -> None:
        """The sampler gets the weights of after `update` updates."""
        version = f"pi_v{update}"
        path = self._sampler(version)
        self.rollout.update(version, path)
        self.rollout.snapshot(update, path)

    def _sampler(self, version: str) -> Path:
        """Write the weights for the sampler, and the canary: what they say of a fixed text."""
        before = self.canary or canary.again(self.out / "weights" / version, version)
        path = self.engine.sampler_weights(version)
        if isinstance(self.engine, LocalEngine):
            text, how = canary.fixed(self.engine.learner.tokenizer), self.engine.config
            self.canary = canary.write(
                path,
                version,
                canary.scorer(self.engine),
                text,
                self.engine.likeliest(canary.prompts(text)),
                dtype=canary.coarsest(str(how.dtype), self.sampler_dtype),
                temperature=how.temperature,
                before=before,
                base=how.mode == "lora",
            )
        return path

    def _evaluate_start(self, shown: Shown | None) -> None:
        """What is to be compared with later. No line of the metrics: those are of updates.

        Who goes on with other evaluations than this training began with has it played as they are now.
        """
        of = evaluations.of_rollouts(self.config)
        if not self.config.evaluation.every or (self.done and evaluations.start_played(of, self.out)):
            return
        if shown is not None:
            anew = "the model as it was before training, in matches as they are set now"
            shown.doing(f"evaluating {anew if self.done else 'before the first update'}")
        scores = evaluations.play(of, self.out, 0, None)
        self.files.evaluated(0, scores)
        if shown is not None:
            for sentence in told.use(self.out, 0):
                shown.doing(sentence)

    def _evaluated(self, shown: Shown | None) -> Metrics:
        how = self.config.evaluation
        due = how.every and (self.done % how.every == 0 or self.done == self.config.updates)
        if not due:
            return Metrics()
        if shown is not None:
            shown.doing(f"evaluating after update {self.done}")
        of = evaluations.of_rollouts(self.config)
        return evaluations.play(of, self.out, self.done, self.out / "weights" / f"pi_v{self.done}")

    def _save(self) -> None:
        state = {
            "rollout": self.rollout.state(),
            "baselines": self.learner.baselines.state(),
            "shapes": self.learner.shapes,
            "stages": None if self.learner.stages is None else asdict(self.learner.stages),
        }
        checkpoints.write(self.files.checkpoint(self.done), self.engine, self.learner.critic, state)

    def _restore(self, resume: Resume) -> int | None:
        """Go on from the newest checkpoint; with `weights-only` from its weights alone, and then its update is given.

        A training that went on so, and was stopped before it had a checkpoint of its own, goes on so again.
        """
        path = self.files.newest()
        if path is None:
            if resume == "weights-only":
                raise InputError(f"{self.out} has no checkpoint to take weights from")
            return None
        alone = resume == "weights-only" or self.files.weights_of() is not None
        state = checkpoints.read(path, self.engine, weights_only=alone, ahead=bool(self.config.staleness))
        self.done = int(path.name)
        if not alone:
            self.learner.baselines = RoleBaselines(state=state["baselines"])
            if state["shapes"] is not None:
                self.learner.shapes = {name: tuple(shape) for name, shape in state["shapes"].items()}
                self.learner.critic = checkpoints.critic(path, self.config, self.learner.shapes)
            if state["stages"] is not None:
                self.learner.stages = StageSwitcher(**state["stages"])
            self.rollout.restore(state["rollout"])
        version = f"pi_v{self.done}"
        self.rollout.update(version, self._sampler(version))
        return self.done if alone else None


def main(config: VlmConfig, out: Path, *, resume: Resume = "no", shown: Shown | None = None) -> Path:
    """Train; returns the folder, which `arena export model` takes. ArenaError, also where a file cannot be written."""
    values = (
        ("rollout.matches", config.rollout.matches),
        ("model.tokens", config.model.tokens),
        ("critic.batch", config.critic.batch),
    )
    lower = " or ".join(f"{name} (now {value})" for name, value in values)
    with Trainer(config, out, resume=resume) as trainer, writing(lower):
        try:
            trainer.run(shown)
        except InputError as error:  # of a function of the user's, which nobody could try before
            raise InputError(
                f"{sentence(error)} What was finished is kept: mend it, and go on with {begun.again(out)}"
            ) from error
    return out


@contextlib.contextmanager
def _timed(seconds: Metrics, name: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
