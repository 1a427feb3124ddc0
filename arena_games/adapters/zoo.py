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
from arena_games.adapters import calls, probe, space_reader
from arena_games.adapters.base import Adapter, family, index_of, named
from arena_games.adapters.zoo_drivers import EnvDriver, ParallelDriver, driver_of
from arena_games.adapters.zoo_game import MAX_TICKS, ZooAdapter
from arena_games.adapters.zoo_known import known

KINDS = ("classic", "butterfly", "sisl", "atari")
MOVED = {"mpe": "mpe2", "magent": "magent2"}  # moved to separate packages
NO_PROSE = ("#", "|", "`", ":", "<", "-", "*", "make(", "This environment is part of", "Our implementation")
SIZES = ((128, 128), (256, 256), (384, 384), (512, 512))


@functools.cache
def make(what: str) -> type[Game]:
    """The game that `what` names. ValueError says why it cannot be."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # else pygame prints a greeting
    name, arguments = calls.parse(what)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing its modules warns that pettingzoo.make will replace them
        module = _module(name)
        cls = _adapter(what, module, arguments, _made(name, module, arguments))
    return probe.probed(lambda **facts: family(cls, "PettingZooGame", **facts), cls.spec)


def _adapter(what: str, module: Any, arguments: dict[str, Any], driver: EnvDriver) -> type[Adapter]:
    env, agents = driver.env, driver.agents
    readers = tuple(space_reader.of(env.observation_space(agent), agent) for agent in agents)
    spaces = [space_reader.discrete(env.action_space(agent), agent) for agent in agents]
    pixels = any(one.pixels for one in readers)
    facts = known(str(env.metadata.get("name", "")))
    most = max(int(space.n) for space in spaces)
    driver.reset(bytes(16))  # some read their names from a state
    words = list(facts.names(env)) if facts.names else []
    actions = named(words if facts.legal else (words + [None] * most)[:most])
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
        vector_shape=(max(one.size for one in readers),) if all(one.size for one in readers) else None,
        text=True,
        simultaneous=isinstance(driver, ParallelDriver),
        perfect_information=facts.open,
        # What an environment may still cost is not known, so leaving it early could be a gain.
        on_fault="forfeit" if facts.zero_sum or facts.together else "default",
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
        readers=readers,
        counts=tuple(int(space.n) for space in spaces),
        starts=tuple(int(space.start) for space in spaces),
        renders=renders,
    )


def _module(name: str) -> Any:
    """Imports the environment's module: an installed one, by its full name."""
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", name):
        raise ValueError(f"{name!r} is not a module's name; expected e.g. tictactoe_v3 or mypackage.my_env_v0")
    # A user's module may have this name too; PettingZoo's own modules come first.
    options = [name, f"pettingzoo.{name}"] if "." in name else [f"pettingzoo.classic.{name}", name]
    for full in options:
        try:
            module = importlib.import_module(full) if importlib.util.find_spec(full) is not None else None
        except ModuleNotFoundError as error:
            if error.name is not None and (full == error.name or full.startswith(f"{error.name}.")):
                continue  # itself, or a package that it would be in
            raise ValueError(_cannot(full, error)) from error
        except ImportError as error:
            raise ValueError(_cannot(full, error)) from error
        if module is None:
            continue
        if hasattr(module, "env") or hasattr(module, "parallel_env"):
            return module
        if full == options[0]:
            raise ValueError(f"{full} is not a PettingZoo environment: it has neither env nor parallel_env")
    here = " A module of this folder is found with PYTHONPATH=. before the command."
    raise ValueError(f"PettingZoo has no module {name!r}. {nearest(name, _there_are())}{here}")


def _cannot(full: str, error: ImportError) -> str:
    """Says why a module cannot be imported, and what to install."""
    kind = full.split(".")[1] if full.startswith("pettingzoo.") else ""
    if kind in MOVED:
        package, rest = MOVED[kind], full.split(".", 2)[-1]
        return (
            f"{full} is not part of PettingZoo any more: it stands in the package {package}. "
            f"pip install {package}, then write pettingzoo:{package}.{rest}"
        )
    how = f". PettingZoo brings what it needs by: pip install 'pettingzoo[{kind}]'" if kind in KINDS else ""
    return f"{full} cannot be imported: {error}{how}"


def _there_are() -> list[str]:
    """Environments of PettingZoo that are installed, classic ones without their package."""
    out = []
    for kind in KINDS:
        paths = [os.path.join(path, kind) for path in pettingzoo.__path__]
        found = [one.name for one in pkgutil.iter_modules(paths) if re.search(r"_v\d+$", one.name)]
        out += found if kind == "classic" else [f"{kind}.{one}" for one in found]
    return out


def _made(name: str, module: Any, arguments: dict[str, Any]) -> EnvDriver:
    if "render_mode" in arguments:
        raise ValueError("render_mode is set by the arena")
    try:
        driver = driver_of(module, arguments)
    except (TypeError, ValueError, AssertionError, ImportError, AttributeError) as error:
        raise ValueError(f"{name} cannot be made with {arguments or 'no arguments'}: {error}") from error
    return driver


def _rules(module: Any, env: Any, agents: list[str], spec: GameSpec) -> str:
    moves = "All act at the same time." if spec.simultaneous else "One acts at a time."
    parts = [f"{env.metadata.get('name', spec.id)}, an environment of PettingZoo, for {', '.join(agents)}. {moves}"]
    # Wrappers and modules rarely have a docstring; the class or its module do.
    source = importlib.import_module(type(env.unwrapped).__module__)
    parts += [*_prose(source.__doc__ or module.__doc__ or type(env.unwrapped).__doc__ or "")]
    cost = "loses the match" if spec.on_fault == "forfeit" else "becomes the first legal one"
    parts.append(f"An answer that is no legal action {cost}.")
    return "\n".join(parts)


def _prose(text: str) -> list[str]:
    """The first paragraphs that describe the game, without headings, tables, pictures and code."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        flat = " ".join(block.split())
        plain = flat and not flat.startswith(NO_PROSE)
        if plain and len(out) < 3:
            out.append(flat)
        if out and flat.startswith("#"):
            break
    return out
