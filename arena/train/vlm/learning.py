"""From the rows of an update to changed weights: rewards, values, advantages, steps of the optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from arena.canonical import generator, key
from arena.errors import InputError
from arena.game import Image
from arena.train.vlm.advantages import CRITIC, VALUE_HEAD, Array, Inputs, targets
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.config import LearnConfig, VlmConfig
from arena.train.vlm.critic import Critic
from arena.train.vlm.engine import Datum, Engine, Floats, OptimParams
from arena.train.vlm.estimate import estimate, reshaped
from arena.train.vlm.rows import Row
from arena.train.vlm.seen import Seen, seen
from arena.train.vlm.tokens import token_inputs

Metrics = dict[str, float]


@dataclass(slots=True)
class Learner:
    """What learns from the rows of each update. `critic` is made when the first rows are seen."""

    config: VlmConfig
    engine: Engine
    baselines: RoleBaselines
    critic: Critic | None = None
    shapes: Mapping[str, tuple[int, ...]] | None = None  # of what the critic looks at
    vector_shape: tuple[int, ...] | None = None  # of the game's vector view

    def learn(self, update: int, rows: Sequence[Row], images: Mapping[str, Image]) -> Metrics:
        """Change the weights; `images` are the pictures of all rows by name.

        ArenaError where nothing can be learnt from, or a loss is no number. All chance follows from (seed, update).
        """
        how = self.config.learn
        rows = _rewarded(rows, how)
        metrics, advantages = self._advantages(rows, images)
        if self.critic is not None and self.critic.updates <= self.config.critic.warmup:
            return {**metrics, "actor/warming": 1.0}  # it learnt alone in this update
        chosen = _chosen(rows, advantages, how.share)
        learnt = [rows[at] for at in chosen]
        data = [datum(row, images) for row in learnt]
        old = self.engine.forward_backward(data, None).logprobs
        ref = self.engine.forward_backward(data, None, reference=True).logprobs if self.config.policy.kl else None
        parts = math.ceil(len(data) / how.batch)
        inputs, mismatch = token_inputs(
            learnt, [advantages[at] for at in chosen], old, ref=ref, thought=how.thought, parts=parts
        )
        data = [replace(one, inputs=given) for one, given in zip(data, inputs, strict=True)]
        return {**metrics, **mismatch, **self._steps(update, data, parts)}

    def _advantages(self, rows: Sequence[Row], images: Mapping[str, Image]) -> tuple[Metrics, list[Array]]:
        """Metrics, and the advantages of the tokens of each row. The critic and the baselines learn too."""
        how, metrics = self.config.learn, Metrics()
        inputs = Inputs(gamma=how.gamma, lam=how.lam, baselines=self.baselines)
        if how.algorithm in CRITIC:
            judged, sees = self._critic(rows, images)
            inputs = replace(inputs, values=judged.values, after=judged.after)
            wanted = np.nan_to_num(targets(rows, inputs))
            advantages = estimate(
                rows, inputs, how.algorithm, filter=how.filter, kappa=how.kappa, limit=how.limit or None
            )
            assert self.critic is not None
            metrics |= self.critic.update(sees, wanted)
        else:
            advantages = estimate(
                rows, inputs, how.algorithm, filter=how.filter, kappa=how.kappa, limit=how.limit or None
            )
        firsts = np.array([float(one[-1]) if len(one) else 0.0 for one in advantages])
        metrics["advantage/positive"] = float((firsts > 0).mean())
        metrics["advantage/abs_mean"] = float(np.abs(firsts).mean())
        return metrics, advantages

    def _critic(self, rows: Sequence[Row], images: Mapping[str, Image]) -> tuple[Any, Seen]:
        wanted = self.config.critic.inputs

        def look(some: Sequence[Row]) -> Seen:
            hidden: list[Floats | None] | None = None
            if "hidden" in wanted:
                known = [at for at, row in enumerate(some) if len(row.response)]
                states = self.engine.forward_backward([datum(some[at], images) for at in known], None).hidden
                hidden = [None] * len(some)
                for at, state in zip(known, states, strict=True):
                    hidden[at] = state
            return seen(some, wanted, vector_shape=self.vector_shape, images=images, hidden=hidden)

        sees = look(rows)
        if self.critic is None:
            self.shapes = sees.shapes()
            self.critic = Critic(self.config.critic, self.shapes, self.config.seed)
        held = {id(rows): sees}  # the rows themselves are looked at once
        return self.critic.judge(rows, lambda some: held.get(id(some)) or look(some)), sees

    def _steps(self, update: int, data: Sequence[Datum], parts: int) -> Metrics:
        how, policy = self.config.learn, {k: v for k, v in asdict(self.config.policy).items() if v != ""}
        rate = how.learning_rate * min(1.0, (update + 1) / how.warmup) if how.warmup else how.learning_rate
        optim = OptimParams(learning_rate=rate, betas=how.betas, weight_decay=how.weight_decay, grad_norm=how.grad_norm)
        sums, norms, steps, first = Metrics(), list[float](), 0, 0.0
        for epoch in range(how.epochs):
            order = generator(key("learn", self.config.seed, update, epoch)).permutation(len(data))
            for part in np.array_split(order, parts):
                out = self.engine.forward_backward([data[at] for at in part], "policy", policy)
                norms.append(self.engine.optim_step(optim)["grad_norm"])
                for name, value in out.metrics.items():
                    sums[name] = sums.get(name, 0.0) + value
                if not steps:
                    first = out.metrics["actor/ratio_error"]
                steps += 1
        metrics = {name: value / steps for name, value in sums.items()}
        return {
            **metrics,
            "actor/ratio_error_first": first,
            "actor/grad_norm": float(np.mean(norms)),
            "actor/lr": rate,
            "actor/rows": float(len(data)),
            "actor/steps": float(steps),
        }


def check(config: VlmConfig) -> None:
    """InputError for an algorithm that this trainer cannot run, or that compares what is not played."""
    from arena.train.vlm.advantages import GROUPS
    from arena.train.vlm.estimate import find

    how = config.learn
    find(how.algorithm)
    if how.algorithm in VALUE_HEAD:
        raise InputError(
            f"learn.algorithm={how.algorithm}: it needs a value head on the model, and no engine here has one. Use "
            "ppo, whose critic values turns"
        )
    if how.algorithm in GROUPS and config.rollout.group < 2:
        raise InputError(
            f"learn.algorithm={how.algorithm} compares matches of equal start: set rollout.group=4 or more"
        )


def datum(row: Row, images: Mapping[str, Image]) -> Datum:
    """A row as the engine takes it, without inputs."""
    return Datum(
        prompt=row.prompt, response=row.response, images=tuple(images[name] for name in row.images), spans=row.spans
    )


def _rewarded(rows: Sequence[Row], how: LearnConfig) -> Sequence[Row]:
    if how.reward:
        rows = reshaped(rows, how.reward)
    if how.reward_scale != 1.0:
        rows = [replace(row, reward=row.reward * how.reward_scale) for row in rows]
    return rows


def _chosen(rows: Sequence[Row], advantages: Sequence[Array], share: float) -> list[int]:
    """The places of the trainable rows that are learnt from, ascending: those with the largest |A|."""
    places = [at for at, row in enumerate(rows) if row.trainable and len(row.response)]
    count = max(1, math.ceil(share * len(places)))
    if count >= len(places):
        return places
    size: Callable[[int], tuple[float, int]] = lambda at: (-float(np.abs(advantages[at]).max()), at)  # noqa: E731
    return sorted(sorted(places, key=size)[:count])
