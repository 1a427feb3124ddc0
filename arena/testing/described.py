"""Conformance of an OperatorKind, which the arena reads before a worker is started."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from arena import files, names, plugins
from arena.errors import InputError
from arena.game import Discrete, GameSpec, Views
from arena.options import Option
from arena.plugins import resolve
from arena.testing.operator_hooks import OperatorHooks
from arena.testing.seating import short

HEAVY = (
    *("torch", "tensorflow", "jax", "transformers", "vllm", "stable_baselines3", "sb3_contrib", "gymnasium"),
    *("pettingzoo", "ray", "aiohttp"),
)
BASE = ("numpy", "zmq", "msgspec", "click", "rich", "PIL", "pyspiel")  # of the arena itself
TAKEN = ("at", "runtime")  # options that every operator has
IMPORTS = """
import json, sys
path, module, file, heavy = json.loads(sys.argv[1])
sys.path[:] = path
import importlib, pathlib
from arena import files
files.module(pathlib.Path(file)) if file else importlib.import_module(module)
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


class Described(OperatorHooks):
    """Tests of an OperatorKind."""

    def test_the_description_is_whole(self) -> None:
        """The description has a name, a summary and a target.

        Repair: name is a word (letters, digits, _ and -), summary one line, target "package.module:factory".
        """
        kind = self.bench().kind
        assert not names.parse(kind.name).what, f"the name {kind.name!r} is not a single word"
        assert kind.summary.strip(), "the summary is empty"
        if kind.command is None:
            module, colon, factory = kind.target.rpartition(":")
            assert module, f"the target {kind.target!r} names no module"
            assert colon, f"the target {kind.target!r} has no colon"
            assert factory.isidentifier(), f"the target {kind.target!r} names no function"

    def test_its_factory_can_be_loaded(self) -> None:
        """Its factory, which the worker calls, can be loaded.

        Repair: in a file that is not installed write target=f"{__file__}:build"; in a package, "package.module:build".
        """
        kind = self.bench().kind
        if kind.command is not None:
            pytest.skip("its worker is a program of its own")
        try:
            found = resolve(kind.target)
        except (InputError, *plugins.BROKEN) as error:
            pytest.fail(f"{kind.target}: {type(error).__name__}: {error}", pytrace=False)
        assert callable(found), f"{kind.target} is {found!r}, which cannot be called"

    def test_the_description_is_light(self) -> None:
        """Importing the description imports nothing heavy.

        Repair: import torch, a model or a server inside the factory, or in another module that `target` names.
        """
        kind = self.bench().kind
        module = getattr(kind.views, "__module__", "")
        file = getattr(sys.modules.get(module), "__file__", None) if module.startswith(files.PREFIX) else None
        heavy = sorted({*HEAVY, *kind.requires} - set(BASE))
        given = json.dumps([sys.path, module, file, heavy])
        done = subprocess.run([sys.executable, "-P", "-c", IMPORTS, given], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{module} cannot be imported alone: {done.stderr.strip()[-600:]}"
        there = json.loads(done.stdout.splitlines()[-1])
        assert not there, f"importing {file or module} imports {', '.join(there)}"

    def test_options_are_as_they_should_be(self) -> None:
        """Every option says what it does, and its default is one of its values.

        Repair: give each Option a line of help and a default within its bounds; `at` and `runtime` are taken.
        """
        for name, option in self.bench().kind.options.items():
            assert name not in TAKEN, f"every operator has an option {name!r} already"
            assert isinstance(option, Option), f"option {name!r} is {option!r}, no arena.options.Option"
            assert option.help.strip(), f"option {name!r} says nothing in its help"
            assert option.check(name, option.default) == option.default, f"option {name!r}: its default changes"

    def test_resolved_options_can_be_sent(self) -> None:
        """What resolve_options gives can be sent to the worker.

        Repair: return a mapping of names to str, int, float, bool or None from
        resolve_options; paths as str.
        """
        options = self.bench().options
        assert isinstance(options, Mapping), f"resolve_options gives {options!r}"
        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(dict(options)))
        assert sent == dict(options), f"{dict(options)} arrives as {sent}"

    def test_it_plays_an_installed_game(self) -> None:
        """It accepts a game, and asks only for views that the game has.

        Repair: return Views of what the spec offers, and raise UnplayableError only for a game it really cannot play;
        for a game of yours say which: --game ./game.py.
        """
        bench = self.bench()
        said = "; ".join(f"{short(name)}: {why}" for name, why in bench.refused.items())
        assert bench.names, f"it refuses every installed game: {said}"
        for name in bench.names:
            found, again = bench.entry(name).views, bench.entry(name).views
            assert found == again, f"{short(name)}: views gives {found}, and then {again}"

    def test_a_game_it_cannot_play_is_refused_in_words(self) -> None:
        """A game that it cannot play is refused with UnplayableError, not with a crash.

        Repair: in views(spec, what, options) look before you use: vector_shape may be None, image_sizes empty, text
        False. Raise arena.errors.UnplayableError and say which view is missing.
        """
        bench = self.bench()
        for spec in odd_games():
            try:
                found: Any = bench.kind.views(spec, bench.what, bench.options)
            except InputError as error:
                found = str(error).strip()
            said = isinstance(found, Views) or (isinstance(found, str) and found)
            assert said, f"for {spec.summary} views gives {found!r}, neither Views nor a refusal in words"

    def test_its_fingerprint_names_files_and_hashes(self) -> None:
        """Its fingerprint gives names and hashes.

        Repair: return a mapping of str to str from fingerprint, e.g. {path.name: hash_file(path)}.
        """
        bench = self.bench()
        if not bench.names:
            pytest.skip("it plays no installed game, see that property")
        for name in bench.names:
            entry = bench.entry(name)
            found = bench.kind.fingerprint(bench.game(name).spec, entry.what, entry.options)
            wrong = [item for item in found.items() if not all(isinstance(part, str) for part in item)]
            assert not wrong, f"{short(name)}: {wrong[0]} is not a pair of strings"


def odd_games() -> list[GameSpec]:
    """Unknown games with few views."""

    def spec(summary: str, **views: Any) -> GameSpec:
        return GameSpec(
            id="unheard_of",
            version=1,
            summary=summary,
            seats=(1, 2),
            actions=Discrete(("this", "that")),
            horizon=10,
            unit="points",
            **views,
        )

    return [
        spec("a game without any view"),
        spec("a game with text alone", text=True),
        spec("a game with a vector of 3 alone", vector_shape=(3,)),
        spec("a game with a vector of bytes alone", vector_shape=(84, 84, 4), vector_scale=255),
        spec("a game with a picture of 8x8 alone", image_sizes=((8, 8),)),
    ]
