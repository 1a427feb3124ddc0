"""The loop of PPO training: SB3's `learn` with one callback that does all that happens between two updates."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from arena.errors import ArenaError
from arena.game import Game, GameSpec
from arena.supervisor.interrupts import Interrupts
from arena.train.checkpoint import State, extract, restore, take, write
from arena.train.policy import save_policy
from arena.train.pool import KINDS, Pool
from arena.train.ppo import PpoConfig, cut_curve, make_tables, write_curve
from arena.train.runs import bar, begun_at, plain, quick_torch
from arena.train.tables import Tables


def train(config: PpoConfig, game: type[Game], updates: int | None) -> Path:
    """See arena.train.ppo.main."""
    out = Path(config.out)
    games = make_tables(config, game)
    begun = begun_at(config, out)
    shares = {kind: getattr(config, f"pool_{kind}") for kind in KINDS}
    pool = Pool(game, shares, config.pool_size)
    tables = Tables(games, pool, config.seed, config.reward_scale)
    with Interrupts() as stop, quick_torch():
        model = _model(config, tables)
        pool.current = extract(model)
        done = restore(begun, model, pool) if begun else 0
        cut_curve(out / "curve.csv", done)
        formats = ["tensorboard"] if importlib.util.find_spec("tensorboard") else []
        model.set_logger(configure(str(out / "tb"), formats))
        with bar(config.progress) as shown:
            left = config.steps - model.num_timesteps
            if updates is not None:
                left = min(left, updates * config.tables * config.rollout)
            if left > 0:
                between = Between(config, tables, pool, done, shown, stop)
                try:
                    model.learn(left, callback=between, reset_num_timesteps=False, log_interval=1)
                except (KeyboardInterrupt, ArenaError):
                    if between.leave():
                        write_policy(config, model, game.spec)
                    raise
    return write_policy(config, model, game.spec)


def write_policy(config: PpoConfig, model: MaskablePPO, spec: GameSpec) -> Path:
    """policy.safetensors, as it plays, and its card."""
    path = Path(config.out) / "policy.safetensors"
    save_policy(
        path,
        extract(model),
        game=spec.id,
        game_version=spec.version,
        seats=(min(config.seats), max(config.seats)),
        vector_shape=spec.vector_shape,
        actions=spec.actions.names,
        trained_by=config.trained_by,
        seed=config.seed,
        steps=int(model.num_timesteps),
    )
    return path


class Between(BaseCallback):  # type: ignore[misc]
    """Between two updates: curve, snapshot, checkpoint, new matches, new coefficients."""

    def __init__(
        self, config: PpoConfig, tables: Tables, pool: Pool, done: int, bar: Progress, stop: Interrupts
    ) -> None:
        super().__init__()
        self.stop = stop
        self.kept: State | None = None  # after the last whole update
        self.config = config
        self.tables = tables
        self.pool = pool
        self.update = done
        self.bar = bar
        self.size = config.tables * config.rollout
        whole = -(-config.steps // self.size) * self.size
        self.task = bar.add_task(config.game, total=whole, completed=done * self.size)
        self._fresh = True
        self.returns: dict[str, float] = {}

    def _on_rollout_start(self) -> None:
        if self._fresh:
            self._keep()
        else:
            self._after_update()
        self._fresh = False
        model = self.model
        rate = self._between(self.config.rate, self.config.rate_final)
        model.lr_schedule = lambda _left: rate  # SB3's own progress forgets what came before a resume
        model.ent_coef = self._between(self.config.entropy, self.config.entropy_final)
        self.pool.current = extract(model)
        model._last_obs = self.tables.begin(self.update)
        model._last_episode_starts = np.ones(self.tables.num_envs, dtype=np.bool_)

    def _on_step(self) -> bool:
        self.stop.check()
        return True

    def _on_rollout_end(self) -> None:
        by_kind: dict[str, list[float]] = defaultdict(list)
        for kind, total in self.tables.finished:
            by_kind[kind].append(total)
        self.returns = {kind: float(np.mean(totals)) for kind, totals in sorted(by_kind.items())}
        for kind, mean in self.returns.items():
            self.logger.record(f"return/{kind}", mean)
        self.bar.update(self.task, completed=self.model.num_timesteps)

    def _on_training_end(self) -> None:
        self._after_update()
        if self.update % self.config.checkpoint_every:
            self.leave()

    def _after_update(self) -> None:
        self.update += 1
        logged = self.logger.name_to_value
        row: dict[str, Any] = {"update": self.update, "steps": self.model.num_timesteps, **self.returns}
        row["entropy"] = -logged["train/entropy_loss"]
        for name in ("value_loss", "approx_kl", "clip_fraction", "explained_variance"):
            row[name] = logged[f"train/{name}"]
        shown = {name: round(float(v), 6) if isinstance(v, (float, np.floating)) else v for name, v in row.items()}
        write_curve(Path(self.config.out) / "curve.csv", shown, (*KINDS, "mixed"))
        if self.update % self.config.snapshot_every == 0:
            self.pool.snapshot(self.update, extract(self.model))
        self._keep()
        if self.update % self.config.checkpoint_every == 0:
            self.leave()

    def _keep(self) -> None:
        self.kept = take(self.model, self.pool, self.update, plain(self.config))

    def leave(self) -> bool:
        """Write the checkpoint of the last whole update, which the model goes back to; whether there was one."""
        if self.kept is not None:
            write(Path(self.config.out), self.kept, self.config.keep)
            self.kept.put_back(self.model)
        return self.kept is not None and self.update > 0

    def _between(self, first: float, last: float) -> float:
        left: float = max(0.0, 1 - self.model.num_timesteps / self.config.steps)
        return last + (first - last) * left


def _model(config: PpoConfig, tables: Tables) -> MaskablePPO:
    width = [config.hidden] * config.layers
    return MaskablePPO(
        "MlpPolicy",
        tables,
        learning_rate=config.rate,
        n_steps=config.rollout,
        batch_size=min(config.batch, config.tables * config.rollout),
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.entropy,
        vf_coef=config.value,
        max_grad_norm=config.grad_norm,
        policy_kwargs={"net_arch": {"pi": width, "vf": width}, "activation_fn": torch.nn.ReLU},
        seed=config.seed % 2**32,
        device="cpu",
    )
