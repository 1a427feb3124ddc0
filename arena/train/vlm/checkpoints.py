"""Checkpoints of a training, each whole or not there: the engine's state, the critic, and the rest as JSON."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from arena.errors import ArenaError, CheckpointError, sentence
from arena.train.vlm import begun, opponents
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.critic import Critic
from arena.train.vlm.engine import Engine
from arena.train.vlm.players import Job
from arena.train.vlm.stages import StageSwitcher

ENGINE, CRITIC, STATE = "engine", "critic.safetensors", "state.json"
FORMAT = 1


class _Curriculum(msgspec.Struct):
    lengths: dict[str, float]


class _Rollout(msgspec.Struct):
    pool: opponents.State
    curriculum: _Curriculum


class _State(msgspec.Struct):
    """What `write` is told, which an exact training goes on from."""

    rollout: _Rollout
    baselines: dict[str, dict[str, float]]
    shapes: dict[str, list[int]] | None
    stages: StageSwitcher | None


class _AheadRollout(_Rollout):
    ahead: list[Job]


class _AheadState(_State):
    rollout: _AheadRollout


class Names(msgspec.Struct):
    """Of a state, what names weights."""

    pool: opponents.State
    ahead: list[Job] = []


class _Naming(msgspec.Struct):
    rollout: Names


def write(path: Path, engine: Engine, critic: Critic | None, state: Mapping[str, Any]) -> None:
    """The checkpoint in `path`, whole or not at all. ArenaError when it cannot be written: earlier ones stay."""
    fresh = path.with_name(f".{path.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(parents=True)
        engine.save_state(fresh / ENGINE)
        if critic is not None:
            save_file(critic.state(), fresh / CRITIC)
        (fresh / STATE).write_bytes(msgspec.json.encode({"format": FORMAT, **state}))
        shutil.rmtree(path, ignore_errors=True)
        fresh.rename(path)
        os.sync()
    except (OSError, SafetensorError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        raise ArenaError(
            f"{path} cannot be written: {sentence(why)} What was finished before it is whole: free space, then go on "
            "with --resume exact"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # whatever stopped it, an engine's own error included


def read(path: Path, engine: Engine, *, weights_only: bool = False, ahead: bool = False) -> dict[str, Any]:
    """Gives the engine its state, or the weights of it; the rest of the checkpoint as `write` was told it.

    `ahead`: of a training that plays ahead, whose state has the updates under way.

    CheckpointError, which says what to do, for one that is damaged or that another version wrote.
    """
    try:
        state = msgspec.json.decode((path / STATE).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        raise CheckpointError(f"{path} is no checkpoint, or is damaged: {sentence(error)} {_without(path)}") from error
    if state.get("format") != FORMAT:
        raise begun.other_format(path, state.get("format"), FORMAT)
    if not weights_only and (wrong := begun.flaw(state, _AheadState if ahead else _State)):
        raise CheckpointError(
            f"{path / STATE} is damaged: {sentence(wrong)} {_without(path)}, or take its weights alone with --resume "
            "weights-only"
        )
    engine.load_state(path / ENGINE, weights_only=weights_only)
    return state


def critic(path: Path, config: VlmConfig, shapes: Mapping[str, tuple[int, ...]]) -> Critic:
    """The critic of a checkpoint. CheckpointError, which says what to do, if it is not there or is damaged."""
    try:
        state = load_file(path / CRITIC)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path / CRITIC} is missing or damaged: {sentence(error)} {_without(path)}, or take its weights alone "
            "with --resume weights-only"
        ) from error
    made = Critic(config.critic_here, shapes, config.seed)
    made.load(state)
    return made


def named(path: Path) -> Names:
    """What a checkpoint names weights by. OSError or msgspec.DecodeError if it is damaged."""
    return msgspec.json.decode((path / STATE).read_bytes(), type=_Naming).rollout


def _without(path: Path) -> str:
    """How to go on without a checkpoint that is damaged."""
    before = max((one.name for one in path.parent.glob("[0-9]" * 6) if one.name < path.name), default="")
    how = f"go on from {before}" if before else "begin anew, since none is before it"
    return f"Delete {path} to {how}"
