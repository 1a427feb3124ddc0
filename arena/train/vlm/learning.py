"""From the rows of an update to changed weights: rewards, values, advantages, steps of the optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from arena.canonical import generator, key
from arena.game import Image
from arena.train.vlm import spo
from arena.train.vlm.advantages import Array, Inputs, critic_of, targets, token_targets
from arena.train.vlm.baselines import RoleBaselines
from arena.train.vlm.config import LearnConfig, VlmConfig
from arena.train.vlm.critic import Critic
from arena.train.vlm.engine import Datum, Engine, Floats, OptimParams
from arena.train.vlm.estimate import estimate, find, reshaped
from arena.train.vlm.guided import Guide
from arena.train.vlm.rows import Row
from arena.train.vlm.seen import Seen, of_tokens, seen
from arena.train.vlm.stages import StageSwitcher
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
    guide: Guide | None = None  # of thoughts
    stages: StageSwitcher | None = None  # of "spo": which stage the next update trains
    judged: Sequence[Array] = ()  # the advantages of the tokens of the newest rows

    def learn(self, update: int, rows: Sequence[Row], images: Mapping[str, Image]) -> Metrics:
        """Change the weights; `images` are the pictures of all rows by name.

        ArenaError where nothing can be learnt from, or a loss is no number. All chance follows from (seed, update).
        """
        how = self.config.learn
        staged = Metrics()
        if how.algorithm == spo.ALGORITHM:
            rows, staged = self._staged(rows)
        rows = _rewarded(rows, how)
        metrics, advantages = self._advantages(rows, images)
        metrics |= staged
        self.judged = advantages
        if self.critic is not None and self.critic.updates <= self.config.critic.warmup:
            return {**metrics, "actor/warming": 1.0}  # it learnt alone in this update
        chosen = _chosen(rows, advantages, how.share)
        if not chosen:
            return {**metrics, "actor/rows": 0.0, "actor/steps": 0.0}
        learnt = [rows[at] for at in chosen]
        data = [datum(row, images) for row in learnt]
        old = self.engine.forward_backward(data, None).logprobs
        ref = self.engine.forward_backward(data, None, reference=True).logprobs if self.config.policy.kl else None
        parts = math.ceil(len(data) / how.batch)
        inputs, mismatch = token_inputs(
            learnt, [advantages[at] for at in chosen], old, ref=ref, thought=how.thought, parts=parts
        )
        data = [replace(one, inputs=given) for one, given in zip(data, inputs, strict=True)]
        taught = self.guide.data(update, rows, images, parts) if self.guide is not None else [[]] * parts
        return {**metrics, **mismatch, **self._steps(update, data, taught)}

    def _staged(self, rows: Sequence[Row]) -> tuple[Sequence[Row], Metrics]:
        """The rows of a game with a spy: their rewards, and those of this update's stage trainable. Stages go on."""
        switcher = self.stages or self.config.spo.switcher()
        rows = spo.rewarded(rows, self.config.spo, self.config.rollout.fault_reward)
        shares = spo.heard(rows)
        self.stages = switcher if shares is None else switcher.step(*shares)
        return spo.masked(rows, switcher.stage), spo.metrics(rows, switcher)

    def _advantages(self, rows: Sequence[Row], images: Mapping[str, Image]) -> tuple[Metrics, list[Array]]:
        """Metrics, and the advantages of the tokens of each row. The critic and the baselines learn too."""
        how, metrics = self.config.learn, Metrics()
        inputs = Inputs(
            gamma=how.gamma,
            lam=how.lam,
            token_gamma=how.token_gamma,
            token_lam=how.token_lam,
            baselines=self.baselines,
        )
        lesson: tuple[Seen, Array] | None = None  # of the critic: what it sees, and what it should have said
        reads = critic_of(find(how.algorithm))
        if reads == "turns":
            values, sees = self._values(rows, images)
            inputs = replace(inputs, values=values)
            lesson = sees, np.nan_to_num(targets(rows, self._taught(inputs)))
        elif reads == "tokens":
            token_values, sees = self._token_values(rows, images)
            inputs = replace(inputs, token_values=token_values)
            lesson = sees, np.concatenate(token_targets(rows, self._taught(inputs), how.algorithm))
        advantages = estimate(rows, inputs, how.algorithm, filter=how.filter, kappa=how.kappa, limit=how.limit or None)
        if lesson is not None:
            assert self.critic is not None
            metrics |= self.critic.update(*lesson)
        for game, roles in self.baselines.state().items():
            metrics |= {f"baseline/{game}/{role}": mean for role, mean in roles.items()}
        firsts = np.array([float(one[-1]) if len(one) else 0.0 for one in advantages])
        metrics["advantage/positive"] = float((firsts > 0).mean())
        metrics["advantage/abs_mean"] = float(np.abs(firsts).mean())
        return metrics, advantages

    def _taught(self, inputs: Inputs) -> Inputs:
        """What the critic's targets are made of. In its warm-up they look far ahead, not at its own first values.

        Source: Yuan et al. 2025 (VC-PPO, 2503.01491), pretraining of values.
        """
        warming = self.critic is not None and self.critic.warming
        return replace(inputs, lam=self.config.critic.warmup_lam) if warming else inputs

    def _values(self, rows: Sequence[Row], images: Mapping[str, Image]) -> tuple[Array, Seen]:
        """The values of turns, and what the critic saw."""
        wanted = self.config.critic.inputs
        hidden: list[Floats | None] | None = None
        if "hidden" in wanted:
            hidden = [one[0] if len(one) else None for one in self._states(rows, images, "prompt")]
        sees = seen(rows, wanted, vector_shape=self.vector_shape, images=images, hidden=hidden)
        return self._critic_of(sees).values(sees), sees

    def _token_values(self, rows: Sequence[Row], images: Mapping[str, Image]) -> tuple[list[Array], Seen]:
        """A value before each token of each row, and what the critic saw: the state that predicts the token."""
        states = self._states(rows, images, "response")
        sees = of_tokens(states)
        values = self._critic_of(sees).values(sees)
        return np.split(values, np.cumsum([len(one) for one in states])[:-1]), sees

    def _states(self, rows: Sequence[Row], images: Mapping[str, Image], which: str) -> list[Floats]:
        """The model's hidden states of each row, (n, width); none of a row without a response."""
        known = [at for at, row in enumerate(rows) if len(row.response)]
        found = self.engine.forward_backward([datum(rows[at], images) for at in known], None, {"states": which}).states
        out: list[Floats] = [np.zeros((0, 0), np.float32)] * len(rows)
        for at, states in zip(known, found, strict=True):
            out[at] = states
        return out

    def _critic_of(self, sees: Seen) -> Critic:
        if self.critic is None:
            self.shapes = sees.shapes()
            self.critic = Critic(self.config.critic_here, self.shapes, self.config.seed)
        return self.critic

    def _steps(self, update: int, data: Sequence[Datum], taught: Sequence[Sequence[Datum]]) -> Metrics:
        how, policy = self.config.learn, {k: v for k, v in asdict(self.config.policy).items() if v != ""}
        rate = how.rate(update)
        optim = OptimParams(learning_rate=rate, betas=how.betas, weight_decay=how.weight_decay, grad_norm=how.grad_norm)
        sums, norms, steps, first = Metrics(), list[float](), 0, 0.0
        for epoch in range(how.epochs):
            order = generator(key("learn", self.config.seed, update, epoch)).permutation(len(data))
            for part, guided in zip(np.array_split(order, len(taught)), taught, strict=True):
                out = self.engine.forward_backward([data[at] for at in part], "policy", policy)
                if guided:
                    out.metrics.update(self.engine.forward_backward(guided, "cross_entropy").metrics)
                norms.append(self.engine.optim_step(optim)["grad_norm"])
                for name, value in out.metrics.items():
                    sums[name] = sums.get(name, 0.0) + value
                if not steps:
                    first = out.metrics["actor/ratio_error"]
                steps += 1
        metrics = {name: value / steps for name, value in sums.items()}
        if "sft/loss" in metrics:
            metrics["thought/ce"] = metrics.pop("sft/loss") / self.config.thoughts.weight
            metrics["thought/guided"] = float(sum(map(len, taught)))
        return {
            **metrics,
            "actor/ratio_error_first": first,
            "actor/grad_norm": float(np.mean(norms)),
            "actor/lr": rate,
            "actor/rows": float(len(data)),
            "actor/steps": float(steps),
        }


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
