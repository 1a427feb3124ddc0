"""The loop of PPO on lanes: SB3's `learn`, with one callback that does all that happens between two updates."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure

from arena.errors import ArenaError
from arena.game import Game, GameSpec
from arena.made import remember
from arena.supervisor.interrupts import Interrupts
from arena.train.checkpoint import State, read_facts, restore, take, write
from arena.train.imitate import imitate
from arena.train.lane_hosts import Here, Hosts, Place
from arena.train.lane_net import Eyes, extract
from arena.train.lane_ppo import LaneConfig
from arena.train.lanes import Lanes
from arena.train.policy import save_policy
from arena.train.ppo import cut_curve, write_curve
from arena.train.runs import bar, begun_at, plain, quick_torch

COLUMNS = ("matches", "return", "best", "length")  # of the matches that ended in the update


def train(config: LaneConfig, game: type[Game], made: Game, updates: int | None) -> Path:
    """See arena.train.lane_ppo.main. `made` is one of the lanes' games."""
    out = Path(config.out)
    begun = begun_at(config, out)
    lanes = Lanes(
        _place(config, game, made), made.spec, config.lanes, config.seed, config.reward_scale, config.reward_clip
    )
    try:
        with Interrupts() as stop, quick_torch(), bar(config.progress) as shown:
            model = make_model(config, lanes)
            done = 0
            if begun:
                done = restore(begun, model, None)
                model._last_obs = lanes.restore(read_facts(begun)["lanes"])
                model._last_episode_starts = np.array(read_facts(begun)["starts"], dtype=np.bool_)
            elif config.demos:
                _imitate(config, model, shown, stop)
            cut_curve(out / "curve.csv", done)
            formats = ["tensorboard"] if importlib.util.find_spec("tensorboard") else []
            model.set_logger(configure(str(out / "tb"), formats))
            left = config.steps - model.num_timesteps
            if updates is not None:
                left = min(left, updates * config.lanes * config.rollout)
            if left > 0:
                between = Between(config, lanes, done, shown, stop)
                try:
                    model.learn(left, callback=between, reset_num_timesteps=False, log_interval=1)
                except (KeyboardInterrupt, ArenaError):
                    if between.leave():
                        write_policy(config, model, made.spec)
                    raise
        model.save(out / "policy.zip")
        with contextlib.suppress(
            OSError
        ):  # no place to note it: then the zip is seated with @trust=true, as others are
            remember(out / "policy.zip")
    finally:
        lanes.close()
    return write_policy(config, model, made.spec)


def write_policy(config: LaneConfig, model: PPO, spec: GameSpec) -> Path:
    """policy.safetensors, as it plays, and its card."""
    path = Path(config.out) / "policy.safetensors"
    save_policy(
        path,
        extract(model.policy),
        game=spec.id,
        game_version=spec.version,
        seats=spec.seats,  # of lanes: how many others there are changes nothing that it sees
        vector_shape=spec.vector_shape,
        actions=spec.actions.names,
        trained_by=config.trained_by,
        seed=config.seed,
        steps=int(model.num_timesteps),
    )
    return path


class Between(BaseCallback):  # type: ignore[misc]
    """Between two updates: curve, checkpoint, new coefficients."""

    def __init__(self, config: LaneConfig, lanes: Lanes, done: int, bar: Progress, stop: Interrupts) -> None:
        super().__init__()
        self.stop = stop
        self.kept: State | None = None  # after the last whole update
        self.config = config
        self.lanes = lanes
        self.update = done
        self.bar = bar
        size = config.lanes * config.rollout
        whole = -(-config.steps // size) * size
        self.task = bar.add_task(config.game, total=whole, completed=done * size)
        self._row: dict[str, float] = {}

    def _on_rollout_start(self) -> None:
        if self._row:
            self._after_update()
        else:
            self._keep()
        rate = self._between(self.config.rate, self.config.rate_final)
        self.model.lr_schedule = lambda _left: rate  # SB3's own progress forgets what came before a resume
        self.model.ent_coef = self._between(self.config.entropy, self.config.entropy_final)

    def _on_step(self) -> bool:
        self.stop.check()
        self.bar.update(self.task, completed=self.model.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        ended = self.lanes.finished
        self._row = {"matches": len(ended)}
        if ended:
            totals = [one.total for one in ended]
            self._row["return"], self._row["best"] = float(np.mean(totals)), max(totals)
            self._row["length"] = float(np.mean([one.length for one in ended]))
        for name, number in self._row.items():
            self.logger.record(f"lanes/{name}", number)
        self.lanes.finished = []

    def _on_training_end(self) -> None:
        self._after_update()
        if self.update % self.config.checkpoint_every:
            self.leave()

    def _after_update(self) -> None:
        self.update += 1
        logged = self.logger.name_to_value
        row: dict[str, Any] = {"update": self.update, "steps": self.model.num_timesteps, **self._row}
        row["entropy"] = -logged["train/entropy_loss"]
        for name in ("value_loss", "approx_kl", "clip_fraction", "explained_variance"):
            row[name] = logged[f"train/{name}"]
        rounded = {name: round(float(v), 6) if isinstance(v, (float, np.floating)) else v for name, v in row.items()}
        write_curve(Path(self.config.out) / "curve.csv", rounded, COLUMNS)
        self._keep()
        if self.update % self.config.checkpoint_every == 0:
            self.leave()

    def _keep(self) -> None:
        facts = {"lanes": self.lanes.state(), "starts": self.model._last_episode_starts.tolist()}
        self.kept = take(self.model, None, self.update, plain(self.config), **facts)

    def leave(self) -> bool:
        """Write the checkpoint of the last whole update, which the model goes back to; whether there was one."""
        if self.kept is not None:
            write(Path(self.config.out), self.kept, self.config.keep)
            self.kept.put_back(self.model)
        return self.kept is not None and self.update > 0

    def _between(self, first: float, last: float) -> float:
        left: float = max(0.0, 1 - self.model.num_timesteps / self.config.steps)
        return last + (first - last) * left


def _place(config: LaneConfig, game: type[Game], made: Game) -> Place:
    if game.runtime is not None or config.hosts:
        return Hosts(made, config.game, game.runtime, min(config.lanes, max(1, config.hosts)))
    return Here([made, *(game(1, config.game_options) for _ in range(config.lanes - 1))])


def _imitate(config: LaneConfig, model: PPO, shown: Progress, stop: Interrupts) -> None:
    task = shown.add_task("imitation", total=None)

    def said(done: int, of: int) -> None:
        stop.check()
        shown.update(task, completed=done, total=of)

    share = imitate(
        model.policy,
        Path(config.demos),
        config.demo_epochs,
        config.seed,
        config.value * 0.1,
        said,
    )
    (Path(config.out) / "imitation.txt").write_text(f"{share:.4f} of the demonstrated actions\n")


def make_model(config: LaneConfig, lanes: Lanes) -> PPO:
    """The learner, knowing nothing yet."""
    return PPO(
        "CnnPolicy",
        lanes,
        learning_rate=config.rate,
        n_steps=config.rollout,
        batch_size=min(config.batch, config.lanes * config.rollout),
        n_epochs=config.epochs,
        gamma=config.gamma,
        gae_lambda=config.gae_lambda,
        clip_range=config.clip,
        ent_coef=config.entropy,
        vf_coef=config.value,
        max_grad_norm=config.grad_norm,
        target_kl=config.target_kl or None,
        policy_kwargs={
            "features_extractor_class": Eyes,
            "features_extractor_kwargs": {"channels": config.channels, "hidden": config.hidden},
            "net_arch": [],
        },
        seed=config.seed % 2**32,
        device="cpu",
    )
