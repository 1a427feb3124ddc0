"""The Runtime contract: the Python and the packages that a plugin's worker needs, when they do not fit the arena's.

A plugin names its runtime (`OperatorKind.runtime`, `Game.runtime`); `arena env create NAME` makes the environment, and
the supervisor starts the plugin's worker in it. Importing a module that defines one imports none of its packages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import is_normalized_name

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One environment by its definition. ValueError says which field is wrong.

    The arena itself and its base dependencies are installed there too: `requirements` names what comes on top. A plugin
    of an installed package names that package there, a plugin in a file does not need to.
    """

    name: str  # lower-case letters, digits, - and _
    summary: str
    python: str  # the versions it runs on, as in PEP 440: ">=3.13,<3.14"
    requirements: Sequence[str]  # as in PEP 508: "nes-py~=9.0"
    excludes: Sequence[str] = ()  # names of packages that are left out, whoever asks for them
    licence: str = ""  # what users must know about the installed packages
    modules: Sequence[str] = ()  # that `arena env check` imports; empty: those of the requirements
    lock: Path | None = None  # exact versions, in pip's format, shipped as package data: Path(__file__).with_name(...)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"runtime name {self.name!r}: expected lower-case letters, digits, - and _")
        if any(isinstance(names, str) for names in (self.requirements, self.modules, self.excludes)):
            raise ValueError(f"runtime {self.name!r}: expected a tuple of strings, not one string")
        try:
            SpecifierSet(self.python)
        except InvalidSpecifier:
            raise ValueError(
                f"runtime {self.name!r}: python={self.python!r} is not a version range; expected e.g. '>=3.13,<3.14'"
            ) from None
        for text in self.requirements:
            try:
                Requirement(text)
            except InvalidRequirement as error:
                reason = str(error).splitlines()[0]
                raise ValueError(f"runtime {self.name!r}: {text!r} is not a requirement: {reason}") from None
        for text in self.excludes:
            if not is_normalized_name(text):
                raise ValueError(f"runtime {self.name!r}: excludes={text!r}: expected a package's name, in lower case")
