"""Short trainings: of everything once, at learning rate 0, and to say what a long one would take.

torch is imported where one is made, so that the command line knows what will be made before that takes its seconds.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from arena.canonical import hash_file
from arena.errors import ArenaError
from arena.figures import plural
from arena.train.vlm import evaluations, lines
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.lines import METRICS, TIMING

if TYPE_CHECKING:
    from arena.train.vlm.trainer import Shown, Trainer

FEW = 4  # matches of a trial
SIGMAS = 4.0  # standard errors that two means of equal weights may be apart


def smoke(config: VlmConfig) -> VlmConfig:
    """The config of two updates of everything, as small as it can be. InputError where that cannot be evaluated."""
    group = config.rollout.group
    matches = group * max(2, math.ceil(FEW / group))  # two starts at least: in one, a seat may never have its turn
    pool = replace(config.rollout.pool, every=1 + config.staleness)
    rollout = replace(config.rollout, matches=matches, max_ticks=min(config.rollout.max_ticks or 12, 12), pool=pool)
    least = evaluations.least_matches(evaluations.of_rollouts(config))
    evaluation = replace(config.evaluation, every=2, matches=max(2, least))
    learn = replace(config.learn, warmup=0)
    critic = replace(config.critic, warmup=0)
    short = replace(
        config, updates=2, rollout=rollout, evaluation=evaluation, learn=learn, critic=critic, checkpoint_every=1
    )
    evaluations.check(evaluations.of_rollouts(short))
    return short


def at_rate_zero(config: VlmConfig) -> VlmConfig:
    """The config of two updates that change nothing, of which the weights are kept."""
    learn = replace(config.learn, learning_rate=0.0, weight_decay=0.0, warmup=0)
    evaluation = replace(config.evaluation, every=0)
    critic = replace(config.critic, warmup=0)
    short = replace(config, updates=2, learn=learn, evaluation=evaluation, critic=critic)
    return replace(short, checkpoint_every=1, keep=2, staleness=0)  # weights older than all checkpoints are removed


def check_rate_zero(out: Path) -> list[str]:
    """What two updates at learning rate 0 showed, in sentences. ArenaError for what should not be.

    Every ratio must be exactly 1, the weights must not change, and returns may differ by chance alone.
    """
    metrics = lines.read(out / METRICS)
    learnt = [line for line in metrics if "actor/ratio_error" in line]  # the others had no row to learn from
    if not learnt:
        raise ArenaError(
            "at learning rate 0 no turn of these updates could be learnt from, so that no ratio was compared: play "
            "more (rollout.matches), or see in the rollouts why no turn can be learnt from"
        )
    wrong = [line["actor/ratio_error"] for line in learnt if line["actor/ratio_error"] != 0.0]
    if wrong:
        raise ArenaError(
            f"at learning rate 0 a ratio differs from 1 (by {max(wrong):.3g} in the mean of an update): the trainer "
            "does not score a row as it did before the update"
        )
    files = [sorted((out / "weights" / f"pi_v{number}").glob("*.safetensors")) for number in (1, 2)]
    for number, found in enumerate(files, 1):
        if not found:
            raise ArenaError(
                f"{out / 'weights' / f'pi_v{number}'} holds no weights, so that nothing was compared: do it again with "
                "another --out"
            )
    before, after = ([hash_file(path) for path in of] for of in files)
    if before != after:
        raise ArenaError("at learning rate 0 the weights changed")
    first, second = metrics
    apart = abs(first["reward/mean"] - second["reward/mean"])
    allowed = SIGMAS * math.hypot(first["reward/stderr"], second["reward/stderr"])
    if apart > allowed:
        raise ArenaError(
            f"at learning rate 0 the mean return went from {first['reward/mean']:.4g} to {second['reward/mean']:.4g}, "
            f"more than chance allows ({allowed:.3g})"
        )
    return [
        f"every ratio is exactly 1 ({sum(line['actor/rows'] for line in learnt):.0f} turns)",
        "the weights are the same, bit for bit",
        f"mean return {first['reward/mean']:.4g} and {second['reward/mean']:.4g}: {apart:.3g} apart, chance allows "
        f"{allowed:.3g}",
        f"trainer and sampler: k3 {max(line['mismatch/k3'] for line in learnt):.2g}, largest difference "
        f"{max(line['mismatch/max'] for line in learnt):.2g}",
    ]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a training takes, by a trial of a few matches on this machine."""

    updates: int
    matches: int  # of the training
    turns: float
    tokens: float
    hours: float
    memory: int  # bytes of weights, gradients and optimiser, and of the copies that play in these processes
    device: str
    copies: int = 1  # that play
    gpus: int = 0  # that the placement names, which are taken all the time

    def sentences(self) -> list[str]:
        """In words."""
        time = _hours(self.hours) if self.hours >= 1 else plural(max(1, round(60 * self.hours)), "minute")
        if self.gpus:
            time = f"{_hours(self.hours * self.gpus, 'GPU-hour')} ({time} of {plural(self.gpus, 'GPU')})"
        copies = "the copy that plays" if self.copies == 1 else f"the {self.copies} copies that play"
        ahead = "" if self.copies == 1 else ", and less as far as playing ahead overlaps with learning"
        return [
            f"{self.updates:,} updates, {self.matches:,} matches, about {self.turns:,.0f} turns and "
            f"{self.tokens:,.0f} generated tokens",
            f"about {time} on this machine ({self.device}), if turns take as long as in the trial{ahead}; evaluations "
            "are not counted",
            f"{self.memory / 2**20:,.0f} MiB for weights ({copies}, too), gradients and optimiser; "
            "activations come on top",
        ]


def _hours(value: float, word: str = "hour") -> str:
    """With two digits."""
    text = f"{value:.2g}"
    return f"{text} {word}" if text == "1" else f"{text} {word}s"


def forecast(config: VlmConfig, shown: Shown | None = None) -> Forecast:
    """Plays a few matches of `config` and learns from them, in a folder that is removed again."""
    from arena.train.vlm.rollout import Rollout
    from arena.train.vlm.trainer import Trainer

    group = config.rollout.group
    few = group * math.ceil(2 * FEW / group)
    trial = replace(
        at_rate_zero(config), updates=1, rollout=replace(config.rollout, matches=min(few, config.rollout.matches))
    )
    with tempfile.TemporaryDirectory(prefix="arena-trial-") as folder:
        with Trainer(trial, Path(folder) / "run") as trainer:
            assert isinstance(trainer.rollout, Rollout)
            trainer.rollout.workers  # noqa: B018 - loads them: once in a training, so it is no part of an update
            trainer.run(shown)
            memory = _bytes(trainer, config.copies)
        (metrics,), (seconds,) = (lines.read(Path(folder) / "run" / name) for name in (METRICS, TIMING))
    times = config.updates * config.rollout.matches / trial.rollout.matches
    return Forecast(
        updates=config.updates,
        matches=config.updates * config.rollout.matches,
        turns=times * metrics["rollout/turns"],
        tokens=times * metrics["rollout/turns"] * metrics["response_length/mean"],
        hours=times * seconds["total"] / 3600,
        memory=memory,
        device=config.model.device,
        copies=config.copies,
        gpus=len({*config.placement.serve, *config.placement.train}),
    )


def _bytes(trainer: Trainer, copies: int) -> int:
    """Of the weights, the gradients and the optimiser of an engine in this process, and of the copies that play."""
    import torch

    from arena.train.vlm.workers import starts_server

    model = getattr(trainer.engine, "model", None)
    if not isinstance(model, torch.nn.Module):
        return 0
    whole = sum(one.nbytes for one in model.parameters())
    trained = sum(one.nbytes for one in model.parameters() if one.requires_grad)
    if starts_server(trainer.options):
        return whole + 3 * trained
    size = 4 if trainer.sampler_dtype == "float32" else 2
    return whole + 3 * trained + copies * size * sum(one.numel() for one in model.parameters())
