"""`pettingzoo:MODULE(arguments)` as a class: what is refused, what is declared, what is probed."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import pkgutil
import re
import warnings
from typing import Any

import pettingzoo

from arena.errors import nearest
from arena.game import Discrete, Game, GameSpec
from arena.names import Name
from games.adapters import calls, probe, sight
from games.adapters.base import Adapter, family, index_of, named
from games.adapters.zoo_drive import AtOnce, Drive, drive
from games.adapters.zoo_game import MAX_TICKS, ZooAdapter
from games.adapters.zoo_known import known

KINDS = ("classic", "butterfly", "mpe", "sisl", "atari", "magent")
NO_PROSE = ("#", "|", "`", ":", "<", "-", "*", "make(", "This environment is part of", "Our implementation")
SIZES = ((128, 128), (256, 256), (384, 384), (512, 512))


@functools.cache
def make(what: str) -> type[Game]:
    """The game that `what` names. ValueError says why it cannot be."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it would stand in everybody's output
    name, arguments = calls.parse(what)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its modules are said to make way for pettingzoo.make
        module = _module(name)
        cls = _adapter(what, module, arguments, _drive(name, module, arguments))
    game = cls(cls.spec.seats[0])
    if not probe.repeats(game):
        raise ValueError("the same seed and the same actions gave two different matches: nobody could check a result")
    if not probe.seed_acts(game):
        cls = family(cls, cls.__name__, spec=probe.replaced(cls.spec, seeded=False))
    return cls


def _adapter(what: str, module: Any, arguments: dict[str, Any], table: Drive) -> type[Adapter]:
    env, agents = table.env, table.agents
    sights = tuple(sight.of(env.observation_space(agent), agent) for agent in agents)
    spaces = [sight.discrete(env.action_space(agent), agent) for agent in agents]
    pixels = any(one.pixels for one in sights)
    facts = known(str(env.metadata.get("name", "")))
    most = max(int(space.n) for space in spaces)
    table.reset(bytes(16))  # some read their names from a state
    words = list(facts.names(env)) if facts.names else []
    actions = named(words if facts.legal else (words + [None] * most)[:most])  # type: ignore[list-item]
    renders = "rgb_array" in env.metadata.get("render_modes", ())
    spec = GameSpec(
        id=Name("pettingzoo", what).base,
        version=1,
        summary=f"{env.metadata.get('name', what)} (PettingZoo)",
        seats=(len(agents), len(agents)),
        actions=Discrete(actions),
        horizon=min(facts.horizon or int(MAX_TICKS.default), int(MAX_TICKS.default)),  # type: ignore[arg-type]
        unit="points",
        image_sizes=SIZES if pixels or (facts.open and renders) else (),
        vector_shape=None if pixels else (max(one.size for one in sights),),
        text=True,
        simultaneous=isinstance(table, AtOnce),
        perfect_information=facts.open,
        on_fault="forfeit",
        licence=facts.licence,
        options={"max_ticks": MAX_TICKS},
    )
    return family(
        ZooAdapter,
        "PettingZooGame",
        spec=spec,
        index=index_of(actions),
        rules=_rules(module, env, agents, spec),
        answers=facts.also,
        module=module,
        arguments=arguments,
        known=facts,
        sights=sights,
        counts=tuple(int(space.n) for space in spaces),
        starts=tuple(int(space.start) for space in spaces),
        renders=renders,
    )


def _module(name: str) -> Any:
    """The environment's module. Only what is installed is imported, and only if it is called so in full."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
        raise ValueError(f"{name!r} is no module's name; expected e.g. tictactoe_v3 or mypackage.my_env_v0")
    options = [name] if "." in name else []
    options = [f"pettingzoo.classic.{name}"] if not options else [name, f"pettingzoo.{name}"]
    for full in options:
        try:
            there = importlib.util.find_spec(full) is not None
        except ModuleNotFoundError:
            there = False
        if not there:
            continue
        try:
            module = importlib.import_module(full)
        except ImportError as error:
            kind = full.split(".")[1] if full.startswith("pettingzoo.") else ""
            how = f". PettingZoo brings what it needs by: pip install 'pettingzoo[{kind}]'" if kind in KINDS else ""
            raise ValueError(f"{full} cannot be imported: {error}{how}") from error
        if not hasattr(module, "env") and not hasattr(module, "parallel_env"):
            raise ValueError(f"{full} is no PettingZoo environment: it has neither env nor parallel_env")
        return module
    raise ValueError(f"PettingZoo has no module {name!r}. {nearest(name, _there_are())}")


def _there_are() -> list[str]:
    """Environments of PettingZoo that are installed, classic ones without their package."""
    out = []
    for kind in KINDS:
        paths = [os.path.join(path, kind) for path in pettingzoo.__path__]
        found = [one.name for one in pkgutil.iter_modules(paths) if re.search(r"_v\d+$", one.name)]
        out += found if kind == "classic" else [f"{kind}.{one}" for one in found]
    return out


def _drive(name: str, module: Any, arguments: dict[str, Any]) -> Drive:
    if "render_mode" in arguments:
        raise ValueError("render_mode is set by the arena")
    try:
        table = drive(module, arguments)
    except (TypeError, ValueError, AssertionError, ImportError, AttributeError) as error:
        raise ValueError(f"{name} cannot be made with {arguments or 'no arguments'}: {error}") from error
    return table


def _rules(module: Any, env: Any, agents: list[str], spec: GameSpec) -> str:
    moves = "All act at the same time." if spec.simultaneous else "One acts at a time."
    parts = [f"{env.metadata.get('name', spec.id)}, an environment of PettingZoo, for {', '.join(agents)}. {moves}"]
    # Wrappers and modules rarely have a docstring; the class or its module do.
    source = importlib.import_module(type(env.unwrapped).__module__)
    parts += [*_prose(source.__doc__ or module.__doc__ or type(env.unwrapped).__doc__ or "")]
    parts.append("An answer that is no legal action loses the match.")
    return "\n".join(parts)


def _prose(text: str) -> list[str]:
    """The first paragraphs that describe the game: no heading, table, picture or code."""
    out = []
    for block in re.split(r"\n\s*\n", text):
        flat = " ".join(block.split())
        plain = flat and not flat.startswith(NO_PROSE)
        if plain and len(out) < 3:
            out.append(flat)
        if out and flat.startswith("#"):
            break
    return out
