"""Facts about a Stable-Baselines3 .zip, read from its JSON alone: nothing in it is loaded or run."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import CheckpointError, InputError, UnplayableError, some
from arena.game import GameSpec, Views

# Algorithm -> module. The last three are value-based: they have no distribution to sample from.
ALGORITHMS = {
    "PPO": "stable_baselines3",
    "A2C": "stable_baselines3",
    "TRPO": "sb3_contrib",
    "MaskablePPO": "sb3_contrib",
    "RecurrentPPO": "sb3_contrib",
    "DQN": "stable_baselines3",
    "QRDQN": "sb3_contrib",
    "ARS": "sb3_contrib",
}
CONTINUOUS = ("SAC", "TD3", "DDPG", "TQC", "CrossQ")  # their actions are Box spaces, which no game of the arena has
# The policy's module identifies most of them; A2C, PPO and TRPO share one and differ in their settings.
_BY_POLICY = {
    **{f"{package}.{name.lower()}": name for package in ("stable_baselines3", "sb3_contrib") for name in CONTINUOUS},
    "sb3_contrib.common.maskable": "MaskablePPO",
    "sb3_contrib.common.recurrent": "RecurrentPPO",
    "sb3_contrib.qrdqn": "QRDQN",
    "sb3_contrib.ars": "ARS",
    "stable_baselines3.dqn": "DQN",
}


@dataclass(frozen=True, slots=True)
class ZipInfo:
    """The algorithm and the spaces of a model."""

    algorithm: str  # a key of ALGORITHMS
    shape: tuple[int, ...] | None  # of its observations; None if their space is not a Box
    dtype: str
    actions: int | None  # None if its action space is not Discrete
    spaces: str  # both spaces, for messages


def read_zip(path: Path, algorithm: str | None = None) -> ZipInfo:
    """Reads the facts of the model in `path`. `algorithm` overrides the detected one.

    Raises CheckpointError if the file is not an SB3 model, InputError if its algorithm is unknown or unsupported.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data"))
            weights = "policy.pth" in archive.namelist()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{path} is not a Stable-Baselines3 model, or is damaged: {error}") from error
    if not isinstance(data, dict) or not weights or not isinstance(data.get("observation_space"), dict):
        raise CheckpointError(f"{path} is not a Stable-Baselines3 model: its `data` or `policy.pth` is not SB3's")
    found = algorithm or _detect(data)
    if found is None:
        module = data.get("policy_class", {}).get("__module__", "unknown")
        raise InputError(
            f"{path}: cannot tell the algorithm (policy of {module}). Name it with @algo=: {', '.join(ALGORITHMS)}"
        )
    if found in CONTINUOUS:
        raise UnplayableError(
            f"{path} is a {found} model: it acts in continuous spaces only, and games here take one of a few actions. "
            f"What can be seated: {', '.join(ALGORITHMS)}"
        )
    seen, does = data["observation_space"], data.get("action_space") or {}
    shape = _shape(seen) if "box.Box" in seen.get(":type:", "") else None
    actions = int(does["n"]) if "discrete.Discrete" in does.get(":type:", "") and "n" in does else None
    dtype = str(seen.get("dtype", "?"))
    spaces = f"observes {_say(seen, shape, dtype)} and acts in {_say_actions(does, actions)}"
    return ZipInfo(found, shape, dtype, actions, spaces)


def modules_beside(path: Path) -> list[Path]:
    """The Python files beside the model that define its policy's classes, as far as the zip names them."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("data").decode(errors="replace")
    beside = sorted(path.resolve().parent.glob("*.py"))
    return [file for file in beside if f"'{file.stem}." in text or f'"__module__": "{file.stem}"' in text]


def zip_views(facts: ZipInfo, spec: GameSpec, name: str, wrapped: bool, stack: int) -> Views:
    """The view of this game that fits the model. Raises UnplayableError, naming both spaces, if none does.

    wrapped: a user's class adapts observations and actions, so the worker checks shapes and actions, after it.
    stack: frames that the model sees at once.
    """
    if facts.shape is None or facts.actions is None:
        raise UnplayableError(
            f"{name} cannot play {spec.id}: the model {facts.spaces}. Only models that observe one Box and act in "
            "Discrete can be seated"
        )
    if wrapped:
        if spec.image_sizes and (spec.vector_shape is None or (len(facts.shape) == 3 and len(spec.vector_shape) != 3)):
            high, wide = _edges(facts.shape) if len(facts.shape) == 3 else (0, 0)
            enough = [size for size in spec.image_sizes if size[0] >= high and size[1] >= wide]
            return Views(image=min(enough, default=max(spec.image_sizes)))
        if spec.vector_shape is None:
            raise UnplayableError(f"{name} cannot play {spec.id}: the game has no vector view and no image view")
        return Views(vector=True)
    if facts.actions == spec.actions.n:
        for views, frame in _frames(spec):
            if facts.shape in _stacked(frame, stack):
                return views
        if (count := frames_in(facts, spec)) > 1:
            raise UnplayableError(f"{name} sees {count} frames of {spec.id} at once, not {stack}: say @stack={count}")
    raise UnplayableError(mismatch(facts.spaces, spec, name, stack))


def frames_in(facts: ZipInfo, spec: GameSpec) -> int:
    """The number of the game's frames that the model sees at once, if its shape is a multiple of theirs; else 1."""
    shapes = [frame for _, frame in _frames(spec)]
    if facts.shape is None or any(facts.shape in _stacked(frame, 1) for frame in shapes):
        return 1
    for frame in shapes:
        count = math.prod(facts.shape) // math.prod(frame)
        if count > 1 and facts.shape in _stacked(frame, count):
            return count
    return 1


def _frames(spec: GameSpec) -> list[tuple[Views, tuple[int, ...]]]:
    """The game's views that a model can use, with their shapes."""
    out: list[tuple[Views, tuple[int, ...]]] = [(Views(image=size), (*size, 3)) for size in spec.image_sizes]
    return out if spec.vector_shape is None else [(Views(vector=True), spec.vector_shape), *out]


def _stacked(frame: tuple[int, ...], count: int) -> tuple[tuple[int, ...], ...]:
    """The shapes of `count` frames in SB3: stacked along the last axis, and with channels first."""
    along = (*frame[:-1], frame[-1] * count)
    return along, channels_first(along)


def _edges(shape: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of a picture; the shortest of the three axes are its colours."""
    return (shape[1], shape[2]) if shape[0] == min(shape) else (shape[0], shape[1])


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(channels, height, width) of (height, width, channels), as SB3 orders pictures; other shapes as they are."""
    return (shape[2], shape[0], shape[1]) if len(shape) == 3 else shape


def mismatch(spaces: str, spec: GameSpec, name: str, stack: int) -> str:
    """The message for spaces that do not fit: it names both."""
    gives = []
    if spec.vector_shape is not None:
        gives.append(f"vector Box(-inf, inf, {spec.vector_shape}, float32)")
    if spec.image_sizes:
        sizes = ", ".join(f"({height}, {width}, 3)" for height, width in spec.image_sizes)
        gives.append(f"image Box(0, 255, one of {sizes}, uint8)")
    stacked = f", of which @stack={stack} are stacked," if stack > 1 else ""
    return (
        f"{name} cannot play {spec.id}: the model {spaces}; the game gives {' or '.join(gives) or 'neither view'}"
        f"{stacked} and takes Discrete({spec.actions.n}) ({some(spec.actions.names)}). "
        "A class that adapts observations and actions can be given with @wrap=FILE.py:NAME"
    )


def _detect(data: dict[str, Any]) -> str | None:
    module = str(data.get("policy_class", {}).get("__module__", ""))
    for prefix, algorithm in _BY_POLICY.items():
        if module.startswith(prefix):
            return algorithm
    if "cg_max_steps" in data:
        return "TRPO"
    if "clip_range" in data:
        buffers = data.get("rollout_buffer_class", {})
        if buffers is None:  # a user's own policy class: RecurrentPPO chooses its buffer itself
            return "RecurrentPPO"
        return "MaskablePPO" if "maskable" in str(buffers.get("__module__")) else "PPO"
    if "exploration_rate" in data:
        return "QRDQN" if "n_quantiles" in data else "DQN"
    if "gae_lambda" in data and "ent_coef" in data:
        return "A2C"
    return None


def _shape(space: dict[str, Any]) -> tuple[int, ...] | None:
    shape = space.get("_shape", space.get("shape"))
    return tuple(int(size) for size in shape) if isinstance(shape, list) else None


def _say(space: dict[str, Any], shape: tuple[int, ...] | None, dtype: str) -> str:
    if shape is None:
        return str(space.get(":type:", space)).removeprefix("<class '").removesuffix("'>")
    low, high = (_bound(space, side) for side in ("low", "high"))
    return f"Box({low}, {high}, {shape}, {dtype})"


def _bound(space: dict[str, Any], side: str) -> str:
    words = str(space.get(f"{side}_repr") or space.get(side) or "?").replace("[", " ").replace("]", " ").split()
    if len(set(words)) != 1:
        return "..."
    try:
        return str(float(words[0]))
    except ValueError:
        return words[0]


def _say_actions(space: dict[str, Any], actions: int | None) -> str:
    if actions is not None:
        return f"Discrete({actions})"
    return str(space.get(":type:", "nothing")).removeprefix("<class '").removesuffix("'>")
