"""The light description of `ppo`: a trained policy of our own, or any Stable-Baselines3 model.

`ppo` alone plays the policy that ships for the game; `ppo:FILE.safetensors` (or the folder of a training run) one of
`arena train ppo`; `ppo:FILE.zip` a model that Stable-Baselines3 or sb3-contrib saved.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arena import commands
from arena.canonical import hash_file
from arena.errors import CheckpointError, InputError, MissingExtraError, UnplayableError
from arena.game import GameSpec, Views
from arena.operator import OperatorKind
from arena.options import Option
from arena.train.policy import PolicyCard, read_card
from operators.ppo.zipfacts import ALGORITHMS, read_zip, zip_views

WEIGHTS = Path(__file__).parent / "weights"


def shipped() -> list[str]:
    """Games, or families of games, that a policy ships for."""
    return sorted(path.stem for path in WEIGHTS.glob("*.safetensors"))


def family(game: str) -> str:
    """What stands before the colon of a game's id."""
    return game.partition(":")[0]


def made_for(card: PolicyCard, game: str) -> bool:
    """Whether a policy may play the game of this id: the one it was trained for, or, when it sees pictures, any of the
    same family (mario:1-1's plays mario:1-2). What numbers mean differs from game to game; what pictures mean does not.
    """
    return card.game == game or (bool(card.convolutions) and family(card.game) == family(game))


def is_zip(what: str) -> bool:
    return what.endswith(".zip")


def policy_path(what: str, game: str) -> Path:
    """The .safetensors that `ppo:WHAT` plays in `game`; UnplayableError when none ships for it."""
    if what:
        path = Path(what).expanduser()
        return path / "policy.safetensors" if path.is_dir() else path
    path = WEIGHTS / f"{family(game)}.safetensors"
    if not path.is_file():
        raise UnplayableError(
            f"ppo ships no policy for {game!r}; it has one for: {', '.join(shipped()) or 'no game'}. "
            f"Train one with `{commands.arena('train', 'ppo', '--game', game, '--out', 'DIR')}`, then name it: ppo:DIR"
        )
    return path


def check_card(card: PolicyCard, spec: GameSpec, name: str) -> None:
    """UnplayableError when the policy was made for another game, or for another version of this one."""
    want = (card.game_version, card.vector_shape, card.actions)
    have = (spec.version, spec.vector_shape, spec.actions.names)
    if want != have or not made_for(card, spec.id):
        raise UnplayableError(
            f"{name} was trained for {card.game} version {card.game_version}: observes Box(-inf, inf, "
            f"{card.vector_shape}, float32), acts in Discrete({len(card.actions)}) ({', '.join(card.actions)}). "
            f"{spec.id} version {spec.version} gives Box(-inf, inf, {spec.vector_shape}, float32) and takes "
            f"Discrete({spec.actions.n}) ({', '.join(spec.actions.names)}). "
            f"Train one for it: `{commands.arena('train', 'ppo')}`"
        )


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """The vector, or the image for a zip that sees pictures. UnplayableError, CheckpointError."""
    name = f"ppo:{what}" if what else "ppo"
    if is_zip(what):
        facts = read_zip(Path(what).expanduser(), options.get("algo"))
        return zip_views(facts, spec, name, bool(options.get("wrap")))
    if spec.vector_shape is None:
        raise UnplayableError(f"{name} cannot play {spec.id}: the game has no vector view")
    check_card(read_card(policy_path(what, spec.id)), spec, name)
    return Views(vector=True)


def settle(what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Checks that files are there and whole, and that what a zip needs is installed; loads nothing."""
    if what and not Path(what).expanduser().exists():
        raise CheckpointError(f"ppo:{what}: there is no such file; name a .zip of SB3, a .safetensors, or a folder")
    for option in ("normalize", "wrap", "algo"):
        if options.get(option) and not is_zip(what):
            raise InputError(f"ppo@{option}= goes with a Stable-Baselines3 model (ppo:FILE.zip), not with {what!r}")
    if options.get("normalize") and not Path(options["normalize"]).expanduser().is_file():
        raise CheckpointError(f"ppo@normalize={options['normalize']}: there is no such file")
    if options.get("wrap"):
        split_wrap(options["wrap"])
    if is_zip(what):
        module = ALGORITHMS[read_zip(Path(what).expanduser(), options.get("algo")).algorithm]
        missing = [name for name in ("torch", "stable_baselines3", module) if importlib.util.find_spec(name) is None]
        if missing:
            raise MissingExtraError(
                f"ppo:{what} needs {missing[0]}, not installed here. {commands.how_to_install('ppo')}"
            )
    elif what:
        read_card(policy_path(what, ""))
    return options


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    """Hashes of the policy and of the files beside it that change its answers."""
    files = [Path(what).expanduser() if is_zip(what) else policy_path(what, spec.id)]
    if options.get("normalize"):
        files.append(Path(options["normalize"]).expanduser())
    if options.get("wrap"):
        files.append(split_wrap(options["wrap"])[0])
    return {path.name: hash_file(path) for path in files}


def split_wrap(wrap: str) -> tuple[Path, str]:
    """(file, function) of "FILE.py:function"; InputError when it is not written so or the file is missing."""
    file, colon, function = wrap.rpartition(":")
    if not colon or not function.isidentifier():
        raise InputError(f"ppo@wrap={wrap}: expected FILE.py:function, a function that takes and gives an observation")
    path = Path(file).expanduser()
    if not path.is_file():
        raise InputError(f"ppo@wrap={wrap}: there is no file {path}")
    return path, function


KIND = OperatorKind(
    name="ppo",
    summary="a trained policy: the one that ships for the game, one of `arena train ppo`, or any SB3 model",
    target="operators.ppo.policy:build",
    views=views,
    settle=settle,
    fingerprint=fingerprint,
    what="nothing (the shipped policy) | FILE.safetensors or the folder of a training run | FILE.zip of SB3",
    options={
        "deterministic": Option("bool", False, "take the likeliest action instead of sampling"),
        "mask": Option(
            "bool", True, "only legal actions are considered; false: a zip's own choice, even an illegal one"
        ),
        "normalize": Option("str", None, "vecnormalize.pkl that the zip's model was trained behind"),
        "wrap": Option("str", None, "FILE.py:function that turns the view into what the zip's model observes"),
        "algo": Option("str", None, "the zip's algorithm, if it is not detected", choices=tuple(ALGORITHMS)),
    },
    requires=("safetensors",),
    extra="ppo",
    licence="shipped policies: Apache-2.0; any other under its own licence",
)
