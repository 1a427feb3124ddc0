"""Service: the one kind of operator that a worker server offers, and the options that an arena may choose.

Whoever runs `arena worker serve KIND[:WHAT][@OPTION=VALUE...]` decides which files of that machine are opened. A model
file can carry code, so an arena, although its key is known, never names one: it may set options that are numbers,
switches or one of some given words, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arena import names, plugins
from arena.errors import InputError
from arena.game import GameSpec
from arena.operator import check_options
from arena.options import Option
from arena.protocol import messages as m
from arena.protocol.version import MAJOR


class Service:
    """One operator, as it was named to `arena worker serve`. Raises InputError if it cannot be loaded here."""

    def __init__(self, given: str) -> None:
        name = names.parse(given).absolute
        self.kind, self.what = plugins.named_operator(name, given)
        if "at" in name.options:
            raise InputError(f"operator {given!r}: what is served here runs here. Leave @at= out")
        plugins.require_modules(f"operator {self.kind.name!r}", self.kind.requires, self.kind.extra)
        self._given = given
        self._fixed = dict(name.options)
        self.resolve_options(None, self.kind.name, self.what, {})

    def resolve_options(
        self, spec: GameSpec | None, kind: str, what: str, wanted: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The options of a worker for an arena that asks for these. InputError says what it may not ask for."""
        if kind != self.kind.name:
            raise InputError(f"{self._label()} is served here, not {kind}")
        if what not in ("", self.what):
            raise InputError(
                f"{self._label()} is served here, not {kind}:{what}. What stands behind the colon names something of "
                f"the worker's machine, so it is given there: arena worker serve {kind}:..."
            )
        options = self.kind.options
        free = {name: wanted[name] for name in wanted if name not in self._fixed and not _text(options.get(name))}
        asked = check_options(self.kind, {**free, **self._fixed}, self._given)
        resolved = self.kind.resolve_options(spec, self.what, asked)
        for name, value in wanted.items():
            if value not in (options[name].default, resolved.get(name)):
                raise InputError(
                    f"option {name} is for the machine of the worker to set. An arena may set what is a number, a "
                    f"switch or one of some given words, and was not set there: arena worker serve {kind}@{name}=..."
                )
        return resolved

    def terms(self, question: m.Inquire) -> m.Terms:
        """The answer to an inquiry; InputError when the operator cannot play that game, or not so."""
        check_major(question.major)
        spec = question.spec
        resolved = self.resolve_options(spec, question.kind, question.what, question.options)
        self._check_name(spec, resolved)
        return m.Terms(
            what=self.what,
            options=dict(resolved),
            views=self.kind.views(spec, self.what, resolved),
            fingerprint=dict(self.kind.fingerprint(spec, self.what, resolved)),
        )

    def _check_name(self, spec: GameSpec, resolved: Mapping[str, Any]) -> None:
        """InputError where the name means something else at this game than what is served under it."""
        what, options = self.kind.stands_for(spec, self.what, resolved)
        meant = self.kind.resolve_options(spec, what, options)
        if self.kind.fingerprint(spec, what, meant) != self.kind.fingerprint(spec, self.what, resolved):
            given = {name: str(value) for name, value in options.items() if value != resolved.get(name)}
            name = names.Name(self.kind.name, what, given)
            raise InputError(
                f"{self._label()} stands for {name} at {spec.id!r}, and a worker serves one model at every game. Start "
                f"it with the name of the one that is wanted: arena worker serve {name}"
            )

    def _label(self) -> str:
        return self.kind.name + (f":{self.what}" if self.what else "")


def check_major(major: int) -> None:
    """InputError when the peer speaks another major version."""
    if major != MAJOR:
        raise InputError(f"protocol {major} is not spoken here, but {MAJOR}. Install one version of the arena on both")


def _text(option: Option | None) -> bool:
    return option is not None and option.type == "str" and not option.choices
