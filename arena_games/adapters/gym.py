"""`gymnasium:ID(arguments)` as a class: what is refused, what is declared, what is probed."""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from typing import Any

import gymnasium

from arena.errors import nearest
from arena.game import Discrete, Game, GameSpec
from arena.names import Name
from arena.options import Option
from arena_games.adapters import calls, probe, space_reader
from arena_games.adapters.base import family, index_of, named
from arena_games.adapters.gym_game import Lane, LanesAdapter
from arena_games.adapters.gym_known import known

TICKS = 500  # horizon of an environment that sets no limit itself
SIZES = ((128, 128), (256, 256), (384, 384), (512, 512))


@functools.cache
def make(what: str) -> type[Game]:
    """The game that `what` names. ValueError says why it cannot be."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # else pygame prints a greeting
    name, arguments = calls.parse(what)
    if "render_mode" in arguments:
        raise ValueError("render_mode is set by the arena")
    given = {"id": _known(name), **arguments}
    lane = _lane(name, given)
    env = lane.env
    actions_space = space_reader.discrete(env.action_space, name)
    reader = space_reader.of(env.observation_space, name)
    assert env.spec is not None
    facts = known(env.spec.name)
    n = int(actions_space.n)
    words: list[str | None] = list(facts.names or _meanings(env))
    actions = named((words + [None] * n)[:n])
    renders = "rgb_array" in env.metadata.get("render_modes", ())
    longest = env.spec.max_episode_steps or TICKS
    spec = GameSpec(
        id=Name("gymnasium", what).base,
        version=1,
        summary=f"{env.spec.id} (Gymnasium), a lane for every seat",
        seats=(1, 16),
        actions=Discrete(actions),
        horizon=longest,
        unit="points",
        image_sizes=SIZES if reader.pixels or (facts.open and renders) else (),
        vector_shape=(reader.size,) if reader.size else None,
        text=True,
        simultaneous=True,
        on_fault="default",
        licence="MIT",
        options={"max_ticks": Option("int", longest, "ticks after which all lanes are truncated", 1, 1_000_000)},
    )
    attributes: dict[str, Any] = {
        "spec": spec,
        "index": index_of(actions),
        "rules": _rules(env, spec),
        "make": given,
        "known": facts,
        "reader": reader,
        "start": int(actions_space.start),
        "renders": renders,
    }
    return probe.probed(lambda **facts: family(LanesAdapter, "GymnasiumGame", **{**attributes, **facts}), spec)


def _known(name: str) -> str:
    """`name` as gymnasium.make takes it. ValueError with near names when it is not registered."""
    module, colon, bare = name.rpartition(":")
    if colon:
        try:
            importlib.import_module(module)
        except ImportError as error:
            where = ". A module of this folder is found with PYTHONPATH=. before the command"
            raise ValueError(f"{module} cannot be imported: {error}{where}") from error
    if bare not in gymnasium.registry:
        raise ValueError(f"Gymnasium has no environment {bare!r}. {nearest(bare, gymnasium.registry)}")
    return bare


def _lane(name: str, given: dict[str, Any]) -> Lane:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Lane(given)
    except (gymnasium.error.Error, ImportError, TypeError, ValueError, AttributeError, LookupError) as error:
        said = repr(error) if isinstance(error, LookupError) else error  # str() of a LookupError is only the key
        raise ValueError(f"{name} cannot be made: {said}") from error


def _meanings(env: Any) -> list[str]:
    """The environment's own names for its actions, where it has any (emulators do)."""
    said = getattr(env.unwrapped, "get_action_meanings", None)
    return [str(word).lower() for word in said()] if callable(said) else []


def _rules(env: Any, spec: GameSpec) -> str:
    text = type(env.unwrapped).__doc__ or ""
    prose = [" ".join(block.split()) for block in text.split("\n\n")]
    prose = [block for block in prose if block and not block.startswith(("#", "|", "-", "`", "*", "<"))][:3]
    parts = [
        f"{env.spec.id} of Gymnasium. Every seat plays a copy of its own, all from the same start; at each tick all "
        "that still run act. The score is the sum of one's own rewards. A copy that is over waits for the others.",
        *prose,
        f"An answer that is no legal action becomes the first legal one. All is over after {spec.horizon} ticks.",
    ]
    return "\n".join(parts)
