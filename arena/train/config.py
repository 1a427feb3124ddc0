"""The settings of PPO training: a config file, `--set` and the other words of the command line fill them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from arena import declared, names
from arena.canonical import LARGEST
from arena.errors import InputError
from arena.game import GameSpec
from arena.plugins import game_class
from arena.train.nets import is_picture
from arena.train.ranges import Range, check

MANY = 1e9  # the most of what has no other bound


def bounds(config: Any, least: Mapping[str, float], most: Mapping[str, float]) -> dict[str, Range]:
    """The range of each number in `config`: from `least`, else from 1 for whole numbers and 0 for others."""
    numbers = {one.name: one.default for one in fields(config) if type(one.default) in (int, float)}  # a bool is none
    return {
        name: Range(least.get(name, 1 if isinstance(default, int) else 0), most.get(name, MANY))
        for name, default in numbers.items()
    }


@dataclass(frozen=True, kw_only=True)
class PpoSettings:
    """What a config file and `--set` may say. Steps are decisions of the learner. Defaults are for numbers."""

    game: str = ""  # with its options: leduc, holdem@hands=1
    steps: int = 200_000
    seed: int = 0
    seats: tuple[int, ...] = ()  # match i has seats[i % len(seats)] seats; (): the fewest that the game takes
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
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # of the CNN's products; auto: what this machine does fast
    pool_self: float = 0.5
    pool_past: float = 0.3
    pool_scripted: float = 0.1
    pool_random: float = 0.1
    pool_size: int = 20
    snapshot_every: int = 20  # updates
    checkpoint_every: int = 20  # updates
    keep: int = 2  # checkpoints

    def check(self) -> None:
        """InputError for a number outside its range."""
        check("", self, _RANGES)


_LEAST = {"seed": 0, "layers": 0, "hosts": 0, "demo_epochs": 0}
_MOST = {"envs": 10_000, "rollout": 1e6, "layers": 20, "hidden": 10_000, "channels": 1_000, "hosts": 1_000}
_MOST |= {"gamma": 1, "gae_lambda": 1}
_RANGES = bounds(PpoSettings, _LEAST, _MOST | {"steps": LARGEST, "seed": LARGEST})


@dataclass(frozen=True, kw_only=True)
class PictureSettings(PpoSettings):
    """The same, with defaults for games of pictures; their rewards are in hundreds of pixels."""

    steps: int = 500_000
    envs: int = 16
    rollout: int = 128
    batch: int = 512
    epochs: int = 3
    gamma: float = 0.99
    entropy: float = 0.01
    entropy_final: float = 0.002
    target_kl: float = 0.05
    reward_scale: float = 0.01
    reward_clip: float = 3.0
    hidden: int = 256


PICTURES: dict[str, Any] = asdict(PictureSettings())


@dataclass(frozen=True, kw_only=True)
class PpoConfig(PpoSettings):
    """A training: its settings, its game apart from the game's options, and its folder."""

    out: str
    resume: bool = False
    game_options: Mapping[str, Any] = field(default_factory=dict)
    progress: bool = True
    trained_by: str = "arena train ppo"


def load(file: Path | None, changes: Iterable[str] = ()) -> PpoSettings:
    """What a file (None: nothing) declares, with `changes` as `--set` has them; the last of a key counts.

    What neither says is what is usual for the game's vector view, numbers or pictures; a Python file declares all.
    InputError names the nearest right key, or what was expected.
    """
    given = tuple(changes)
    found = _load(PpoSettings, file, given)
    if not found.game:
        raise InputError("say what is played: --game GAME, or game= in a config file")
    pictures = is_picture(game_class(names.parse(found.game).base).spec.vector_shape)
    if pictures and (file is None or file.suffix == ".toml"):
        found = _load(PictureSettings, file, given)
    found.check()
    return found


def _load(kind: type[PpoSettings], file: Path | None, changes: Iterable[str]) -> PpoSettings:
    return declared.changed(kind() if file is None else declared.load(file, kind), changes)


def config_for(spec: GameSpec, **given: Any) -> PpoConfig:
    """The settings for a game: `given`, else the defaults for its vector view (numbers or pictures)."""
    return PpoConfig(**{**(PICTURES if is_picture(spec.vector_shape) else {}), **given})
