"""PPO, on one page: play, advantages, clipped updates; again.

The learner sits in one seat of many matches at once. Where a game has others, a pool plays them: the learner itself,
its own past (a best response to snapshots spread over all of training is a step of fictitious play), the game's
`scripted` baseline and `random`. Where one player suffices, it plays alone. Numbers are seen by an MLP, a stack of
pictures by a small CNN; config.py has the settings of each.

Schulman et al., "Proximal Policy Optimization Algorithms" (2017), with generalised advantage estimation (2016), masked
actions (Huang and Ontanon 2020) and the details of Huang et al., "The 37 Implementation Details of PPO" (2022):
orthogonal weights, Adam with epsilon 1e-5, advantages normalised by minibatch, coefficients that change linearly.
Left out on purpose: recurrence (the views hold the history), clipped values, league play, learning from the other
seats' turns.

All chance follows from (seed, update), and no global generator is used: a run that is resumed from a checkpoint goes on
bit for bit as if it had never stopped.

`main(config)` writes into config.out: checkpoints (the full state, see checkpoint.py), curve.csv (a row an update), tb/
(TensorBoard), and policy.safetensors + policy.json, which `ppo:OUT` seats.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from arena.bars import Bar
from arena.canonical import generator, key
from arena.errors import ArenaError, InputError, UnplayableError
from arena.game import Game, GameSpec
from arena.plugins import game_class
from arena.supervisor.interrupts import Interrupts
from arena.train import products
from arena.train.backend import HostedBackend, LocalBackend, VecBackend
from arena.train.checkpoint import State, put_back, restore, take, write
from arena.train.config import PpoConfig
from arena.train.folders import alone, writing
from arena.train.imitate import imitate
from arena.train.nets import Floats, probabilities, sample
from arena.train.network import ActorCritic, to_numpy
from arena.train.policy import save_policy
from arena.train.pool import KINDS, Pool
from arena.train.runs import cut_curve, find_checkpoint, settings, torch_threads, write_curve, write_head
from arena.train.vector_env import Finished, Masks, Seen, VectorEnv

LOSSES = ("entropy", "value_loss", "approx_kl", "clip_fraction", "explained_variance")
AGAINST = (*KINDS, "mixed")  # columns for the mean return against each, in games with opponents
CURVE = ("update", "steps", *LOSSES, "matches", "return", "best", "length", *AGAINST)


def main(config: PpoConfig, game: type[Game] | None = None, updates: int | None = None) -> Path:
    """Trains, and returns the path of the policy. `game`: its class, if it is not installed.

    updates: stop after so many updates of this call, as an interruption would, with a checkpoint.
    Raises InputError, UnplayableError, CheckpointError, WorkerError (a game host died), ArenaError (a full disk).
    """
    with alone(Path(config.out)):
        return run(config, game, updates)


def run(config: PpoConfig, game: type[Game] | None = None, updates: int | None = None) -> Path:
    """As `main`, for whoever is `alone` in the folder."""
    game = game or game_class(config.game)
    if game.spec.vector_shape is None:
        raise UnplayableError(f"{config.game} has no vector view, which PPO learns from")
    if config.demos and not Path(config.demos).is_file():
        raise InputError(f"demos={config.demos}: there is no such file; scripts/ppo/demos.py makes one, or scripted.py")
    games = make_games(config, game)
    out = Path(config.out)
    begun = find_checkpoint(config, out)
    write_head(config, games[0])
    pool = Pool(game, {kind: getattr(config, f"pool_{kind}") for kind in KINDS}, config.pool_size)
    with (
        writing(f"batch (now {config.batch}) or envs (now {config.envs})"),
        contextlib.closing(make_env(config, game, games, pool)) as env,
        Interrupts() as stop,
        torch_threads(),
        Bar(f"{config.game}: making ready", show=config.progress) as shown,
    ):
        network, optimizer = make_network(config, games[0].spec)
        facts: dict[str, Any] = {"update": 0, "steps": 0}
        if begun:
            facts = restore(begun, network, optimizer, pool)
            env.restore(facts["matches"])
        elif config.demos:
            _imitate(config, network, shown, stop)
        cut_curve(out / "curve.csv", facts["update"])
        size = config.envs * config.rollout
        whole = -(-config.steps // size)
        last = whole if updates is None else min(whole, facts["update"] + updates)
        shown.begin(f"{config.game}: decisions", whole * size, done=facts["steps"])
        board = _tensorboard(out, facts["steps"])
        kept = _keep(config, network, optimizer, pool, env, facts["update"], facts["steps"])
        try:
            for update in range(facts["update"] + 1, last + 1):
                chance = generator(key("train update", config.seed, update))
                left = max(0.0, 1 - (update - 1) * size / config.steps)
                rate = config.rate_final + (config.rate - config.rate_final) * left
                entropy = config.entropy_final + (config.entropy - config.entropy_final) * left
                pool.current = to_numpy(network)
                env.begin(update)

                rollout = play(config, network, env, chance, stop)
                advantages = gae(rollout, config.gamma, config.gae_lambda)
                losses = learn(config, network, optimizer, rollout, advantages, rate, entropy, chance)

                steps = update * size
                row = {"update": update, "steps": steps, **losses, **_returns(env.finished)}
                write_curve(out / "curve.csv", {name: _rounded(value) for name, value in row.items()}, CURVE)
                for name, value in row.items() if board else ():
                    board.add_scalar(name, value, steps)
                env.finished = []
                if update % config.snapshot_every == 0:
                    pool.snapshot(update, to_numpy(network))
                kept = _keep(config, network, optimizer, pool, env, update, steps)
                if update % config.checkpoint_every == 0 or update == last:
                    write(out, kept, config.keep)
                shown.update(steps)
        except (KeyboardInterrupt, ArenaError):
            write(out, kept, config.keep)
            if kept.update:
                put_back(kept.tensors, network)
                write_policy(config, network, game.spec, kept.facts["steps"])
            raise
        finally:
            if board:
                board.close()
        return write_policy(config, network, game.spec, kept.facts["steps"])


class Rollout(NamedTuple):
    """The data of one round: T decisions in each of N matches."""

    seen: Seen  # (T, N, *shape)
    masks: Masks  # (T, N, actions)
    actions: npt.NDArray[np.int64]  # (T, N)
    logs: Floats  # (T, N): log-probabilities of the actions, by the policy that played
    rewards: Floats  # (T, N); the last one of a truncated match includes the value of its last state
    values: Floats  # (T + 1, N): the critic's values; the last row is for the end of the round
    dones: npt.NDArray[np.bool_]  # (T, N): the match ended with this decision


def play(
    config: PpoConfig, network: ActorCritic, env: VectorEnv, chance: np.random.Generator, stop: Interrupts
) -> Rollout:
    """Plays one round. Raises KeyboardInterrupt after a signal."""
    rows: list[tuple[Any, ...]] = []
    for _ in range(config.rollout):
        stop.check()
        seen, masks = env.seen.copy(), env.masks.copy()
        logits, values = _asked(network, seen)
        chances = probabilities(logits, masks)
        actions = sample(chances, chance.random(env.count))
        step = env.step(actions.tolist())
        rewards = step.rewards
        for slot, end in step.cut.items():
            rewards[slot] += config.gamma * _asked(network, end[None])[1][0]
        logs = np.log(np.take_along_axis(chances, actions[:, None], axis=1))[:, 0].astype(np.float32)
        rows.append((seen, masks, actions, logs, rewards, values, step.dones))
    seen, masks, actions, logs, rewards, values, dones = (np.stack(column) for column in zip(*rows, strict=True))
    values = np.concatenate([values, _asked(network, env.seen)[1][None]])
    return Rollout(seen, masks, actions, logs, rewards, values, dones)


def gae(rollout: Rollout, gamma: float, lam: float) -> Floats:
    """Advantages (T, N): sums of the TD errors to come in the same match, each discounted by gamma * lambda."""
    going = 1 - rollout.dones.astype(np.float32)
    errors = rollout.rewards + gamma * going * rollout.values[1:] - rollout.values[:-1]
    out = np.zeros_like(errors)
    ahead = np.zeros_like(errors[0])
    for at in reversed(range(len(errors))):
        ahead = errors[at] + gamma * lam * going[at] * ahead
        out[at] = ahead
    return out


def learn(
    config: PpoConfig,
    network: ActorCritic,
    optimizer: torch.optim.Optimizer,
    rollout: Rollout,
    advantages: Floats,
    rate: float,
    entropy: float,
    chance: np.random.Generator,
) -> dict[str, float]:
    """Makes `epochs` passes of clipped policy gradient over a round; returns the means for the curve."""
    returns = advantages + rollout.values[:-1]
    data = (rollout.seen, rollout.masks, rollout.actions, rollout.logs, advantages, returns)
    seen, masks, actions, logs, gains, targets = (torch.from_numpy(one.reshape(-1, *one.shape[2:])) for one in data)
    for group in optimizer.param_groups:
        group["lr"] = rate
    told: dict[str, list[float]] = defaultdict(list)
    for _ in range(config.epochs):
        order = torch.from_numpy(chance.permutation(len(actions)))
        for rows in order.split(config.batch):
            logits, values = network(seen[rows])
            logits = logits.masked_fill(~masks[rows], -1e9)
            every = torch.log_softmax(logits, dim=1)
            change = every.gather(1, actions[rows, None])[:, 0] - logs[rows]
            ratio = change.exp()
            gain = gains[rows]
            if len(rows) > 1:
                gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
            policy_loss = -torch.min(gain * ratio, gain * clipped).mean()
            value_loss = functional.mse_loss(values, targets[rows])
            spread = -(every.exp() * every).sum(dim=1).mean()
            with torch.no_grad():
                kl = float((ratio - 1 - change).mean())
                told["approx_kl"].append(kl)
                told["clip_fraction"].append(float(((ratio - 1).abs() > config.clip).float().mean()))
                told["value_loss"].append(float(value_loss))
                told["entropy"].append(float(spread))
            if config.target_kl and kl > 1.5 * config.target_kl:
                break
            optimizer.zero_grad()
            (policy_loss + config.value * value_loss - entropy * spread).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.grad_norm)
            optimizer.step()
        else:
            continue
        break
    spread_of_returns = float(returns.var())
    told["explained_variance"].append(1 - float(advantages.var()) / spread_of_returns if spread_of_returns else 0.0)
    return {name: float(np.mean(told[name])) for name in LOSSES}


def make_games(config: PpoConfig, game: type[Game]) -> list[Game]:
    """Makes the games of all matches. Raises InputError for seats or options that the game refuses."""
    seats = config.seats or (game.spec.seats[0],)
    try:
        return [game(seats[i % len(seats)], config.game_options) for i in range(config.envs)]
    except ValueError as error:
        raise InputError(str(error)) from error


def make_env(config: PpoConfig, game: type[Game], games: list[Game], pool: Pool) -> VectorEnv:
    """Makes the environment of all matches, played here or in hosts."""
    backend: VecBackend = LocalBackend(games)
    if game.runtime is not None or config.hosts:
        backend = HostedBackend(games, config.game, game.runtime, min(config.envs, max(1, config.hosts)))
    return VectorEnv(backend, pool, config.seed, config.reward_scale, config.reward_clip)


def make_network(config: PpoConfig, spec: GameSpec) -> tuple[ActorCritic, torch.optim.Optimizer]:
    """Makes an untrained network and its optimiser."""
    assert spec.vector_shape is not None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed % 2**63)
        network = ActorCritic(
            spec.vector_shape,
            spec.actions.n,
            hidden=config.hidden,
            layers=config.layers,
            channels=config.channels,
            dtype=products.settled(config.dtype),
        )
    return network, torch.optim.Adam(network.parameters(), lr=config.rate, eps=1e-5)


def write_policy(config: PpoConfig, network: ActorCritic, spec: GameSpec, steps: int) -> Path:
    """Writes policy.safetensors and its card."""
    path = Path(config.out) / "policy.safetensors"
    seats = config.seats or (spec.seats[0],)
    # A learner that plays alone does not see other lanes: their number makes no difference.
    table = spec.seats if max(seats) == 1 else (min(seats), max(seats))
    save_policy(
        path,
        to_numpy(network),
        game=spec.id,
        game_version=spec.version,
        seats=table,
        vector_shape=spec.vector_shape,
        actions=spec.actions.names,
        trained_by=config.trained_by,
        seed=config.seed,
        steps=steps,
    )
    return path


def _asked(network: ActorCritic, seen: Seen) -> tuple[Floats, Floats]:
    """Logits and values of observations."""
    with torch.no_grad():
        logits, values = network(torch.from_numpy(seen))
    return logits.numpy(), values.numpy()


def _keep(
    config: PpoConfig,
    network: ActorCritic,
    optimizer: torch.optim.Optimizer,
    pool: Pool,
    env: VectorEnv,
    update: int,
    steps: int,
) -> State:
    facts = {"update": update, "steps": steps, "config": settings(config), "matches": env.state()}
    return take(network, optimizer, pool, facts)


def _returns(ended: list[Finished]) -> dict[str, float]:
    """The number and the mean returns, by opponents, of the matches that ended in an update."""
    out: dict[str, float] = {"matches": len(ended)}
    if not ended:
        return out
    totals = [one.total for one in ended]
    out |= {"return": float(np.mean(totals)), "best": max(totals), "length": float(np.mean([e.length for e in ended]))}
    for kind in AGAINST:
        if of_kind := [one.total for one in ended if one.against == kind]:
            out[kind] = float(np.mean(of_kind))
    return out


def _rounded(value: float) -> float:
    return round(value, 6) if isinstance(value, float) else value


def _tensorboard(out: Path, steps: int) -> Any:
    """A writer of tb/ if TensorBoard is installed, else None. What is there of later steps is passed over."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out / "tb"), purge_step=steps + 1)


def _imitate(config: PpoConfig, network: ActorCritic, shown: Bar, stop: Interrupts) -> None:
    def said(done: int, of: int) -> None:
        stop.check()
        if done == 1:
            shown.begin("imitation", of)
        shown.update(done)

    share = imitate(network, Path(config.demos), config.demo_epochs, config.seed, config.value * 0.1, said)
    (Path(config.out) / "imitation.txt").write_text(f"{share:.4f} of the demonstrated actions\n", encoding="utf-8")
