"""PPO for one-player games that are seen (a vector view that is a stack of pictures): Stable-Baselines3's PPO with a

small CNN, over many lanes at once. A hosted game's lanes are spread over host processes.

`main(config)` writes what arena.train.ppo's writes, and `policy.zip`: the same policy as Stable-Baselines3 saves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arena import commands
from arena.errors import InputError, MissingExtraError, nearest
from arena.game import Game, GameSpec
from arena.plugins import game_class
from arena.train.cnn import is_picture
from arena.train.ppo import options_of


@dataclass(frozen=True, kw_only=True)
class LaneConfig:
    """Everything that decides the weights. Steps are decisions, of all lanes together."""

    game: str
    out: str
    steps: int = 500_000
    seed: int = 0
    resume: bool = False
    game_options: Mapping[str, Any] = field(default_factory=dict)
    progress: bool = True
    trained_by: str = "arena train ppo"
    demos: str = ""  # demonstrations (see imitate.py) that are imitated before PPO begins
    demo_epochs: int = 6
    lanes: int = 16
    hosts: int = 0  # processes that play the lanes; 0: this one, or one host where the game needs its runtime
    rollout: int = 128  # decisions a lane between two updates
    batch: int = 512
    epochs: int = 3
    rate: float = 5e-4
    rate_final: float = 1e-4  # reached linearly at `steps`
    clip: float = 0.2
    gamma: float = 0.99
    gae_lambda: float = 0.95
    entropy: float = 0.01
    entropy_final: float = 0.002
    value: float = 0.5
    grad_norm: float = 0.5
    target_kl: float = 0.05  # an update ends early beyond 1.5 times this; 0: never
    reward_scale: float = 0.01  # the learner's rewards are in hundreds of pixels,
    reward_clip: float = 3.0  # and then at most so large
    channels: int = 16  # of the first layer; the others have twice as many
    hidden: int = 256
    checkpoint_every: int = 20  # updates
    keep: int = 2  # checkpoints


_FIXED = {"game", "out", "steps", "seed", "resume", "game_options", "progress", "trained_by"}
_MOST = {
    "lanes": 1_000,
    "hosts": 1_000,
    "rollout": 100_000,
    "channels": 1_000,
    "hidden": 10_000,
    "gamma": 1,
    "gae_lambda": 1,
}
OPTIONS = options_of(LaneConfig, _FIXED, _MOST, {"hosts": 0, "demo_epochs": 0})


def learns_lanes(spec: GameSpec) -> bool:
    """Whether PPO learns this game on lanes: one player suffices, and its vector view is a stack of pictures."""
    return spec.seats[0] == 1 and is_picture(spec.vector_shape)


def check_options(given: Mapping[str, str]) -> dict[str, Any]:
    """Values of `--option k=v` by their declared types; InputError names the nearest option or what was expected."""
    for name in given:
        if name not in OPTIONS:
            raise InputError(f"ppo training on lanes has no option {name!r}. {nearest(name, OPTIONS)}")
    try:
        return {name: OPTIONS[name].check(name, value) for name, value in given.items()}
    except ValueError as error:
        raise InputError(str(error)) from error


def main(config: LaneConfig, game: type[Game] | None = None, updates: int | None = None) -> Path:
    """Train, and return the path of the policy. `game` may be given by class where it is not installed.

    updates: stop after so many updates of this call, as an interruption would, with a checkpoint.
    Raises InputError, CheckpointError, MissingExtraError, WorkerError (a game host died).
    """
    game = game or game_class(config.game)
    try:
        made = game(1, config.game_options)
    except ValueError as error:
        raise InputError(str(error)) from error
    if config.demos and not Path(config.demos).is_file():
        raise InputError(f"demos={config.demos}: there is no such file; scripts/ppo/demos.py makes one")
    try:
        from arena.train.lane_loop import train
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "arena":
            raise
        raise MissingExtraError(
            f"training needs {error.name}, not installed here. {commands.how_to_install('train')}"
        ) from error
    return train(config, game, made, updates)
