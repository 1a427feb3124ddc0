"""The description of `ppo`, without heavy imports: one of our own policies, or any Stable-Baselines3 model.

`ppo` alone plays the policy that ships for the game; `ppo:FILE.safetensors` (or the folder of a training run) one of
`arena train ppo`; `ppo:FILE.zip` a model that Stable-Baselines3 or sb3-contrib saved, `ppo:DIR` the best of the folder
that its EvalCallback wrote.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from arena import commands
from arena.canonical import hash_file
from arena.errors import CheckpointError, InputError, MissingExtraError, UnplayableError, some
from arena.game import GameSpec, Views
from arena.operator import Determinism, OperatorKind
from arena.options import Option
from arena.paths import expanded
from arena.train.policy import PolicyCard, read_card
from arena_operators.ppo.sb3_zip import ALGORITHMS, frames_in, modules_beside, read_zip, zip_views

WEIGHTS = Path(__file__).parent / "weights"
OWN = "policy.safetensors"  # the policy in a folder of `arena train ppo`
BEST = "best_model.zip"  # the model in a folder of SB3's EvalCallback
MOST_FRAMES = 64
ZIP_ONLY = ("normalize", "wrap", "algo", "stack", "trust")


def shipped() -> list[str]:
    """The games, or families of games, with a shipped policy."""
    return sorted({path.stem.partition("-")[0] for path in WEIGHTS.glob("*.safetensors")} | {*_borrowed()})


def _borrowed() -> dict[str, Path]:
    """The games that a policy which ships for another one plays too."""
    cards = {path: msgspec.json.decode(path.read_bytes(), type=PolicyCard) for path in sorted(WEIGHTS.glob("*.json"))}
    return {game: path.with_suffix(".safetensors") for path, card in cards.items() for game in card.also}


def family(game: str) -> str:
    """The part of a game's id before the colon."""
    return game.partition(":")[0]


def made_for(card: PolicyCard, game: str) -> bool:
    """Whether a policy may play the game of this id: the one it was trained for, one that its card names, or, when it
    sees pictures, any of the same family (mario:1-1's plays mario:1-2). What numbers mean differs from game to game;
    what pictures mean does not.
    """
    same = bool(card.convolutions) and family(card.game) == family(game)
    return card.game == game or game in card.also or same


def named_file(what: str) -> Path:
    """The file that `ppo:WHAT` names: WHAT itself, or the one in the folder WHAT."""
    path = expanded(what)
    if not path.is_dir():
        return path
    found = [path / name for name in (OWN, BEST) if (path / name).is_file()]
    return found[0] if found else path / OWN


def is_zip(what: str) -> bool:
    """Whether `what` is a Stable-Baselines3 model."""
    return bool(what) and named_file(what).suffix == ".zip"


def policy_path(what: str, game: str, seats: int | None = None) -> Path:
    """The .safetensors that `ppo:WHAT` plays in `game`: the one for tables of so many seats, where one ships.

    Raises UnplayableError if none ships for the game.
    """
    if what:
        return named_file(what)
    path = WEIGHTS / f"{family(game)}-{seats}.safetensors"
    if seats is None or not path.is_file():
        path = WEIGHTS / f"{family(game)}.safetensors"
    if not path.is_file():
        path = _borrowed().get(family(game), path)
    if not path.is_file():
        raise UnplayableError(
            f"ppo ships no policy for {game!r}; it has one for: {', '.join(shipped()) or 'no game'}. "
            f"Train one with `{commands.arena('train', 'ppo', '--game', game, '--out', 'DIR')}`, then name it: ppo:DIR"
        )
    return path


def unfit(
    card: PolicyCard, name: str, game: str, version: int, shape: tuple[int, ...] | None, actions: Sequence[str]
) -> str:
    """Why a policy cannot play this game, and first what it was trained for; empty if it can.

    Options can change what a game shows and takes. Which they were is not known: the actions that only one has tell it.
    """
    trained = f"{name} was trained for {card.game} version {card.game_version}"
    train = f"`{commands.arena('train', 'ppo')}`"
    if not made_for(card, game) or card.game_version != version:
        return f"{trained}; this is {game} version {version}. Train one for it: {train}"
    if (card.vector_shape, card.actions) == (shape, tuple(actions)):
        return ""
    return (
        f"{trained} with other options: {_spaces(card.vector_shape, card.actions, actions)}. "
        f"Here are {_spaces(shape, actions, card.actions)}. Leave out options that change this, or train one for them: "
        f"{train}"
    )


def _spaces(shape: tuple[int, ...] | None, actions: Sequence[str], others: Sequence[str]) -> str:
    seen = "no vectors" if shape is None else f"vectors of {shape}"
    own = [name for name in actions if name not in others]
    return f"{seen} and {len(actions)} actions" + (f" ({some(own)})" if own else "")


def check_card(card: PolicyCard, spec: GameSpec, name: str) -> None:
    """Raises UnplayableError if the policy was made for another game, another version of this one, or other options."""
    if why := unfit(card, name, spec.id, spec.version, spec.vector_shape, spec.actions.names):
        raise UnplayableError(why)


def views(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Views:
    """The vector, or the image for a zip that sees pictures. Raises UnplayableError or CheckpointError."""
    name = f"ppo:{what}" if what else "ppo"
    if is_zip(what):
        facts = read_zip(named_file(what), options.get("algo"))
        return zip_views(facts, spec, name, bool(options.get("wrap")), options.get("stack") or 1)
    if spec.vector_shape is None:
        raise UnplayableError(f"{name} cannot play {spec.id}: the game has no vector view as it is set up")
    check_card(read_card(policy_path(what, spec.id)), spec, name)
    return Views(vector=True)


def resolve_options(spec: GameSpec | None, what: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Checks that files are there and whole, that what a zip needs is installed, and that pickles may be loaded.

    Fills in how many frames a zip's model sees at once, where its shape tells. Loads nothing. CheckpointError,
    InputError, MissingExtraError.
    """
    path = named_file(what)
    if what and not path.exists():
        if path.parent.is_dir() and path.name == OWN and expanded(what) == path.parent:
            zips = ", ".join(sorted(file.name for file in path.parent.glob("*.zip"))) or "none"
            raise CheckpointError(
                f"ppo:{what}: the folder holds neither {OWN} (of `arena train ppo`) nor {BEST} (of SB3's "
                f"EvalCallback). Name a file in it; zips there: {zips}"
            )
        raise CheckpointError(f"ppo:{what}: there is no such file; name a .zip of SB3, a .safetensors, or a folder")
    if not is_zip(what):
        for option in ZIP_ONLY:
            if options.get(option):
                raise InputError(f"ppo@{option}= goes with a Stable-Baselines3 model (ppo:FILE.zip), not with {what!r}")
        if what:
            read_card(policy_path(what, ""))
        return options
    facts = read_zip(path, options.get("algo"))
    module = ALGORITHMS[facts.algorithm]
    missing = [name for name in ("torch", "stable_baselines3", module) if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"ppo:{what} needs {missing[0]}, not installed here. {commands.how_to_install('ppo')}")
    if options.get("normalize") and not expanded(options["normalize"]).is_file():
        raise CheckpointError(f"ppo@normalize={options['normalize']}: there is no such file")
    if options.get("wrap"):
        split_wrap(options["wrap"])
    check_trust(what, options)
    if spec is None or options.get("stack") or options.get("wrap"):
        return options
    count = frames_in(facts, spec)
    return {**options, "stack": count} if count > 1 else options


def check_trust(what: str, options: Mapping[str, Any]) -> None:
    """InputError when a pickle would be loaded that the user does not vouch for."""
    files = [named_file(what), *([expanded(options["normalize"])] if options.get("normalize") else [])]
    for file in files:
        if not options.get("trust"):
            raise InputError(
                f"{file} is a pickle: loading it runs whatever program was put into it, with all your rights. If you "
                f"made it or trust who did, add @trust=true to ppo:{what}"
            )


def declared(what: str, options: Mapping[str, Any]) -> Determinism:
    """Deterministic, except with the user's own code, which was not measured."""
    foreign = is_zip(what) and (options.get("wrap") or modules_beside(named_file(what)))
    return "measured" if foreign else "deterministic"


def fingerprint(spec: GameSpec, what: str, options: Mapping[str, Any]) -> Mapping[str, str]:
    """Hashes of the policy and of the files that change its answers."""
    files = [named_file(what) if is_zip(what) else policy_path(what, spec.id)]
    if not what:
        files += sorted(WEIGHTS.glob(f"{family(spec.id)}-*.safetensors"))
    if is_zip(what):
        files += modules_beside(files[0])
    if options.get("normalize"):
        files.append(expanded(options["normalize"]))
    if options.get("wrap"):
        files.append(split_wrap(options["wrap"])[0])
    return {path.name: hash_file(path) for path in files}


def split_wrap(wrap: str) -> tuple[Path, str]:
    """(file, name) of "FILE.py:NAME". Raises InputError if it is malformed or the file is missing."""
    file, colon, name = wrap.rpartition(":")
    if not colon or not name.isidentifier():
        raise InputError(
            f"ppo@wrap={wrap}: expected FILE.py:NAME, a class with observation(self, seen), or a function that takes "
            "and gives an observation"
        )
    path = expanded(file)
    if not path.is_file():
        raise InputError(f"ppo@wrap={wrap}: there is no file {path}")
    return path, name


KIND = OperatorKind(
    name="ppo",
    summary="a trained policy: the one that ships for the game, one of `arena train ppo`, or any SB3 model",
    target="arena_operators.ppo.policy:build",
    views=views,
    resolve_options=resolve_options,
    fingerprint=fingerprint,
    declared=declared,
    what="nothing (the shipped policy) | FILE.safetensors or the folder of a training run | FILE.zip of SB3, or the "
    "folder of its EvalCallback",
    options={
        "deterministic": Option("bool", False, "take the likeliest action instead of sampling"),
        "mask": Option(
            "bool", True, "only legal actions are considered; false: a zip's own choice, even an illegal one"
        ),
        "normalize": Option("str", None, "vecnormalize.pkl that the zip's model was trained behind"),
        "wrap": Option("str", None, "FILE.py:NAME, a class between the game and the zip's model (docs/train.md)"),
        "stack": Option(
            "int", None, "frames that the zip's model sees at once (VecFrameStack), if not detected", 1, MOST_FRAMES
        ),
        "algo": Option("str", None, "the zip's algorithm, if it is not detected", choices=tuple(ALGORITHMS)),
        "trust": Option("bool", False, "load a zip or .pkl of others, although its program runs with all your rights"),
    },
    requires=("safetensors",),
    extra="ppo",
    determinism="measured",
    memory=70 * 2**20,
    licence="shipped policies: Apache-2.0; any other under its own licence",
)
