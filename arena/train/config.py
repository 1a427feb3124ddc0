"""The settings of PPO training."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from arena.errors import InputError, nearest
from arena.game import GameSpec
from arena.options import Option
from arena.train.nets import is_picture


@dataclass(frozen=True, kw_only=True)
class PpoConfig:
    """Everything that determines the weights. Steps are decisions of the learner. Defaults are for numbers."""

    game: str
    out: str
    steps: int = 200_000
    seed: int = 0
    resume: bool = False
    seats: tuple[int, ...] = ()  # match i has seats[i % len(seats)] seats; (): the fewest that the game takes
    game_options: Mapping[str, Any] = field(default_factory=dict)
    progress: bool = True
    trained_by: str = "arena train ppo"
    demos: str = ""  # demonstrations (see imitate.py) to imitate before PPO
    demo_epochs: int = 6
    envs: int = 64  # matches side by side
    hosts: int = 0  # processes that play them; 0: this one, or one host where the game needs its runtime
    rollout: int = 64  # decisions a match between two updates
    batch: int = 1024
    epochs: int = 4
    rate: float = 5e-4
    rate_final: float = 1e-4  # reached linearly at `steps`
    clip: float = 0.2
    gamma: float = 1.0
    gae_lambda: float = 0.95
    entropy: float = 0.02
    entropy_final: float = 0.005
    value: float = 0.5
    grad_norm: float = 0.5
    target_kl: float = 0.0  # an update ends early beyond 1.5 times this; 0: never
    reward_scale: float = 1.0
    reward_clip: float = 1e9  # bound of the scaled rewards
    hidden: int = 128
    layers: int = 2  # of the MLP
    channels: int = 16  # of the CNN's first layer; the others have twice as many
    dtype: str = "auto"  # of the CNN's products: float32, bfloat16, or what this machine computes fast in
    pool_self: float = 0.5
    pool_past: float = 0.3
    pool_scripted: float = 0.1
    pool_random: float = 0.1
    pool_size: int = 20
    snapshot_every: int = 20  # updates
    checkpoint_every: int = 20  # updates
    keep: int = 2  # checkpoints


# For games of pictures; their rewards are in hundreds of pixels.
PICTURES = {
    "steps": 500_000,
    "envs": 16,
    "rollout": 128,
    "batch": 512,
    "epochs": 3,
    "gamma": 0.99,
    "entropy": 0.01,
    "entropy_final": 0.002,
    "target_kl": 0.05,
    "reward_scale": 0.01,
    "reward_clip": 3.0,
    "hidden": 256,
}
_FIXED = {"game", "out", "steps", "seed", "resume", "seats", "game_options", "progress", "trained_by"}
_LEAST = {"layers": 0, "hosts": 0, "demo_epochs": 0}
_MOST = {"envs": 10_000, "rollout": 1e6, "layers": 20, "hidden": 10_000, "channels": 1_000, "hosts": 1_000}
_MOST |= {"gamma": 1, "gae_lambda": 1}


def options_of(
    config: Any, fixed: Collection[str], least: Mapping[str, float], most: Mapping[str, float]
) -> dict[str, Option]:
    """The settings that --option takes, with their bounds: all fields of `config` that are not `fixed`.

    Whole numbers are 1 or more unless said.
    """
    types: dict[type, Any] = {float: "float", int: "int", str: "str"}
    out = {}
    for item in fields(config):
        if item.name not in fixed:
            kind, default = type(item.default), item.default
            low = None if kind is str else least.get(item.name, 1 if kind is int else 0)
            high = None if kind is str else most.get(item.name, 1e9)
            out[item.name] = Option(types[kind], default, f"see {config.__name__}", low, high)  # type: ignore[arg-type]
    return out


OPTIONS = options_of(PpoConfig, _FIXED, _LEAST, _MOST)


def check_options(
    given: Mapping[str, str], options: Mapping[str, Option] = OPTIONS, trainer: str = "ppo"
) -> dict[str, Any]:
    """Values of `--option k=v` by their declared types; InputError names the nearest option or what was expected."""
    for name in given:
        if name not in options:
            raise InputError(f"{trainer} training has no option {name!r}. {nearest(name, options)}")
    try:
        return {name: options[name].check(name, value) for name, value in given.items()}
    except ValueError as error:
        raise InputError(str(error)) from error


def config_for(spec: GameSpec, **given: Any) -> PpoConfig:
    """The settings for a game: `given`, else the defaults for its vector view (numbers or pictures)."""
    return PpoConfig(**{**(PICTURES if is_picture(spec.vector_shape) else {}), **given})
